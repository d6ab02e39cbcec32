"""
How much callers have used of what they may, and who has to wait. Pure but for what it remembers.

A request reserves what it may come to and settles for what it came to. Money and tokens are let
in while there is any room, so that at most one reservation goes over a limit, however many ask at
once; a reservation larger than the whole limit is let in alone.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from portico.access.base import Bound, Terms
from portico.access.calendar import Calendar
from portico.errors import QuotaExceeded

MINUTE = 60.0
NANO = 1_000_000_000

SOON = 1.0
"""Seconds after which to try again what others, who are under way, may give back any moment."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Nano-dollars and tokens; of a reservation: what it may come to."""

    nano: int = 0
    tokens: int = 0


@dataclass(slots=True)
class _Use:
    """A request of the minute; `tokens` are those reserved until they are known."""

    when: float
    tokens: int
    over: bool = False  # the minute is


@dataclass(slots=True)
class _Account:
    """What one key, person or team has used; money in nano-dollars."""

    today: int = 0
    this_month: int = 0
    reserved: int = 0
    under_way: int = 0
    day: float = 0.0  # when the day and month above began
    month: float = 0.0
    uses: deque[_Use] = field(default_factory=deque)
    tokens: int = 0  # of all uses

    def turn(self, calendar: Calendar, now: float) -> None:
        """Forget the day, the month and the minute that are over."""
        if self.day != calendar.day_began:
            self.day, self.today = calendar.day_began, 0
            if self.month != calendar.month_began:
                self.month, self.this_month = calendar.month_began, 0
        uses = self.uses
        while uses and uses[0].when <= now - MINUTE:
            use = uses.popleft()
            use.over = True
            self.tokens -= use.tokens


@dataclass(slots=True)
class Hold:
    """A request under way, as its limits know it. Settled once; a second time changes nothing."""

    bounds: tuple[Bound, ...]
    cost: Cost
    day: float
    month: float
    uses: tuple[_Use, ...]
    open: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit of whom is reached; `limit` is the field of Terms, `wait` is in seconds."""

    whose: str
    limit: str
    told: str
    wait: float

    def error(self) -> QuotaExceeded:
        """Return it as the caller gets to see it."""
        said = f"{self.whose[:1].upper()}{self.whose[1:]}: {self.told}"
        return QuotaExceeded(said, param=self.limit, retry_after=self.wait)


@dataclass(frozen=True, slots=True)
class Used:
    """What an account has used: US dollars of today and this month, and what is under way."""

    today: Decimal
    this_month: Decimal
    reserved: Decimal
    under_way: int
    requests: int
    tokens: int


class Limits:
    """All accounts. Clocks are its caller's (epoch seconds)."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._calendar = Calendar()

    def reserve(self, bounds: tuple[Bound, ...], cost: Cost, now: float) -> Hold:
        """
        Let a request in that may come to *cost*; whoever is let in settles.

        Raises:
            QuotaExceeded: a limit is reached; says which, of whom, and when to come again.
        """
        self._calendar.turn(now)
        accounts = [self._account(bound.account, now) for bound in bounds]
        for bound, account in zip(bounds, accounts, strict=True):
            if refusal := _refusal(bound, account, self._calendar, now):
                raise refusal.error()
        uses = tuple(_Use(now, cost.tokens) for _ in accounts)
        for account, use in zip(accounts, uses, strict=True):
            account.reserved += cost.nano
            account.under_way += 1
            account.uses.append(use)
            account.tokens += use.tokens
        calendar = self._calendar
        return Hold(bounds, cost, calendar.day_began, calendar.month_began, uses)

    def settle(self, hold: Hold, cost: Cost, now: float) -> None:
        """Book what the request of *hold* came to; it is over, however it ended."""
        if not hold.open:
            return
        hold.open = False
        self._calendar.turn(now)
        for bound, use in zip(hold.bounds, hold.uses, strict=True):
            account = self._account(bound.account, now)
            account.reserved -= hold.cost.nano
            account.under_way -= 1
            if hold.day == account.day:  # yesterday's request is not on today's bill
                account.today += cost.nano
            if hold.month == account.month:
                account.this_month += cost.nano
            if not use.over:
                account.tokens += cost.tokens - use.tokens
                use.tokens = cost.tokens

    def undo(self, hold: Hold, now: float) -> None:
        """Let out again, as if it had never asked, whoever others have refused."""
        if not hold.open:
            return
        hold.cost, cost = Cost(), hold.cost
        for bound, use in zip(hold.bounds, hold.uses, strict=True):
            account = self._account(bound.account, now)
            account.reserved -= cost.nano
            if not use.over:
                account.tokens -= use.tokens
                account.uses.remove(use)
                use.over = True
        self.settle(hold, Cost(), now)

    def learn(self, today: Mapping[str, int], month: Mapping[str, int], now: float) -> None:
        """
        Take in what a ledger says was spent, in nano-dollars by account.

        It may know of more than we do (another process, the time before a restart) and may not yet
        know of all that we do: of the two the larger counts.
        """
        self._calendar.turn(now)
        for name, nano in today.items():
            account = self._account(name, now)
            account.today = max(account.today, nano)
        for name, nano in month.items():
            account = self._account(name, now)
            account.this_month = max(account.this_month, nano)

    def remembered(self, spent: Mapping[str, tuple[int, int]], when: float) -> None:
        """Take in what was spent of the day and the month in which *when* was, as in `learn`."""
        today = {name: nano for name, (nano, _) in spent.items()}
        self.learn(today, {name: nano for name, (_, nano) in spent.items()}, when)

    def spent(self, now: float) -> Iterator[tuple[str, int, int]]:
        """Yield the accounts that have spent anything: today's and this month's nano-dollars."""
        self._calendar.turn(now)
        for name, account in self._accounts.items():
            account.turn(self._calendar, now)
            if account.this_month or account.today:
                yield name, account.today, account.this_month

    def used(self, name: str, now: float) -> Used:
        """Return what one account has used."""
        self._calendar.turn(now)
        account = self._account(name, now)
        return Used(
            _usd(account.today),
            _usd(account.this_month),
            _usd(account.reserved),
            account.under_way,
            len(account.uses),
            account.tokens,
        )

    def accounts(self) -> Iterator[str]:
        """Yield the accounts that are known."""
        yield from self._accounts

    def forget(self, idle: Iterable[str]) -> None:
        """Forget accounts that no terms bind any more, unless something of theirs is under way."""
        for name in idle:
            if (account := self._accounts.get(name)) and not account.under_way:
                del self._accounts[name]

    def _account(self, name: str, now: float) -> _Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = _Account()
        account.turn(self._calendar, now)
        return account


_SHORT = {
    "concurrency": "requests under way",
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
}


def shortage(bound: Bound, limit: str, most: int, wait: float) -> Refusal:
    """Return the refusal of a request of which there may be no more than *most* just now."""
    told = f"{most} {_SHORT[limit]} are as many as may be."
    return Refusal(bound.whose, limit, told, wait)


def _refusal(bound: Bound, account: _Account, calendar: Calendar, now: float) -> Refusal | None:
    """Return the first limit of *bound* that leaves no room."""
    terms = bound.terms
    if terms.concurrency is not None and account.under_way >= terms.concurrency:
        return shortage(bound, "concurrency", terms.concurrency, SOON)
    return _too_fast(bound, account, now) or _too_dear(bound, account, calendar, now)


def _too_fast(bound: Bound, account: _Account, now: float) -> Refusal | None:
    terms, uses = bound.terms, account.uses
    most = terms.requests_per_minute
    if most is not None and len(uses) >= most:
        wait = uses[len(uses) - most].when + MINUTE - now if most else MINUTE
        return shortage(bound, "requests_per_minute", most, wait)
    most = terms.tokens_per_minute
    if most is not None and account.tokens >= most:
        return shortage(bound, "tokens_per_minute", most, _until(account, most, now))
    return None


def _until(account: _Account, most: int, now: float) -> float:
    """Return the seconds after which fewer tokens than *most* are left in the window."""
    left = account.tokens
    for use in account.uses:
        left -= use.tokens
        if left < most:
            return use.when + MINUTE - now
    return MINUTE


def _too_dear(bound: Bound, account: _Account, calendar: Calendar, now: float) -> Refusal | None:
    terms: Terms = bound.terms
    for limit, usd, spent, ends, span in (
        ("usd_per_day", terms.usd_per_day, account.today, calendar.day_ends, "day"),
        ("usd_per_month", terms.usd_per_month, account.this_month, calendar.month_ends, "month"),
    ):
        if usd is None or spent + account.reserved < usd * NANO:
            continue
        if spent < usd * NANO:
            told = f"what is under way may use up the rest of the budget of ${usd} a {span}."
            return Refusal(bound.whose, limit, told, SOON)
        again = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M UTC")
        told = f"the budget of ${usd} a {span} is spent; the next begins at {again}."
        return Refusal(bound.whose, limit, told, max(ends - now, SOON))
    return None


def _usd(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9)
