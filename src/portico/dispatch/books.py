"""Keeps what callers have spent in step with the ledger, and remembers it for an outage."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Protocol

from portico.access.base import Roster, Terms
from portico.access.calendar import Calendar
from portico.access.limits import Limits
from portico.access.snapshot import Spent
from portico.errors import StoreUnavailable
from portico.ledger.base import By, LedgerStore, UsageQuery
from portico.ledger.prices import to_nano

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between looks whether somebody's budget is new."""

EVERY = 60.0
"""Seconds after which the ledger is read anew: other processes spend, too."""

REMEMBERED = 10.0
"""Seconds after which what is known is remembered anew."""

ACCOUNTS = {By.CALLER: "key", By.PERSON: "person", By.TEAM: "team"}


class Memory(Protocol):
    """Remembers what is known, across a restart in an outage."""

    async def remember(self, spent: Spent) -> None:
        """Remember who is known and what they have spent, if the store was heard of just now."""
        ...


class Books:
    """
    What the ledger says was spent, for the limits.

    *roster* gives who is known at present. A ledger that is away changes nothing: what this process
    counts itself goes on counting.
    """

    def __init__(
        self, limits: Limits, ledger: LedgerStore, roster: Callable[[], Roster | None]
    ) -> None:
        self._limits = limits
        self._ledger = ledger
        self._roster = roster

    async def learn(self) -> None:
        """Read what was spent by those who have a budget; raises StoreUnavailable."""
        roster, now = self._roster(), time.time()
        if roster is None:
            return
        calendar = Calendar()
        calendar.turn(now)
        for by in budgets(roster):
            today = await self._spent(by, calendar.day_began)
            month = await self._spent(by, calendar.month_began)
            self._limits.learn(today, month, now)

    async def _spent(self, by: By, since: float) -> Mapping[str, int]:
        rows = await self._ledger.usage(UsageQuery(by, since=since))
        kind = ACCOUNTS[by]
        return {
            f"{kind}:{row.key}": to_nano(row.cost_usd)
            for row in rows
            if row.key is not None and row.cost_usd is not None
        }

    @property
    def spent(self) -> Spent:
        """What every account has spent of today and of this month."""
        return {name: (today, month) for name, today, month in self._limits.spent(time.time())}

    async def run(self, memory: Memory) -> None:
        """Learn and remember, until cancelled."""
        seen: Roster | None = None
        learned = remembered = 0.0
        while True:
            now, roster = time.monotonic(), self._roster()
            try:
                if roster is not seen or now - learned >= EVERY:
                    await self.learn()
                    seen, learned = roster, now
                if now - remembered >= REMEMBERED:
                    await memory.remember(self.spent)
                    remembered = now
            except StoreUnavailable:
                pass  # the store says so itself; it is asked again at the next look
            except Exception:  # supervisor: budgets go on by what is counted here
                log.exception("keeping the books failed and is tried again")
            await asyncio.sleep(TICK)


def budgets(roster: Roster) -> frozenset[By]:
    """Return whose spending has to be known: nobody's, usually."""
    kinds: dict[By, list[Terms]] = {
        By.CALLER: [key.terms for key in roster.keys.values()],
        By.PERSON: [person.terms for person in roster.people.values()],
        By.TEAM: [team.terms for team in roster.teams.values()],
    }
    return frozenset(by for by, terms in kinds.items() if any(map(_counts, terms)))


def _counts(terms: Terms) -> bool:
    money: tuple[Decimal | None, ...] = (terms.usd_per_day, terms.usd_per_month)
    return any(one is not None for one in money)


@asynccontextmanager
async def books_kept(books: Books, memory: Memory) -> AsyncIterator[None]:
    """Keep *books* in the background; what is known last is remembered at the end."""
    try:
        await books.learn()
    except StoreUnavailable as exc:
        log.warning("what was spent so far is not known yet: %s", exc)
    task = asyncio.create_task(books.run(memory), name="books")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        await memory.remember(books.spent)
