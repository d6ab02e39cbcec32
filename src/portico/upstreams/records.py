"""What is known of one target, one upstream or one path: its failures, and its rest if any."""

import math
from dataclasses import dataclass

from msgspec import Struct

from portico.routing.attempts import Failure
from portico.routing.tiers import Breaker
from portico.routing.verdicts import Rest, judge

_PATH_REST = 300.0  # seconds; an exit does not change its country within a request's patience
_QUOTA_REST = 3600.0  # seconds to rest for a spent quota whose reset nobody knows
GONE_LEAST = 3600.0  # seconds before a model list may bring back what a live error called gone
_NO_WORD = 2.0  # seconds to rest for a limit that names no delay; doubles while it goes on

WEIGHT = {
    Rest.NO: 0,
    Rest.BREAKER: 1,
    Rest.DELAY: 2,
    Rest.PATH: 2,
    Rest.RESET: 3,
    Rest.ACCOUNT: 4,
    Rest.GONE: 4,
}
"""A rest gives way to one of its weight or more: after a mere limit a spent quota stays one."""

_SHUT = frozenset({Rest.RESET, Rest.ACCOUNT, Rest.GONE})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rest is for and how long it lasts."""

    rest: Rest
    reason: str
    detail: str
    until: float  # epoch seconds, or inf
    interval: float  # seconds between those who are let through


@dataclass(slots=True)
class Record:
    """What we know of one target, one upstream, or one path of an upstream."""

    failures: int = 0  # blamed ones in a row
    until: float = 0.0  # rests before this; inf: until a person or a model list says otherwise
    reason: str = ""
    detail: str = ""
    since: float = 0.0
    rest: Rest = Rest.NO
    next_ask: float = 0.0  # nobody is let through before this
    interval: float = 0.0  # seconds between those who are let through
    asked: int = 0  # let through during this rest
    lost: int = 0  # failures that are theirs, as far as anybody can tell
    unsaid: int = 0  # limits in a row that named no delay
    wakes: float = 0.0  # a model list may bring it back from here on
    vouched: bool = False  # a model list has lifted a rest, and nobody has answered since
    upstream: str = ""  # whose account it was learned with
    names: frozenset[str] = frozenset()  # who clears it besides the name it is about

    @property
    def resting(self) -> bool:
        """True from a rest's begin until an answer, a person or its end lifts it."""
        return self.rest is not Rest.NO

    @property
    def shut(self) -> bool:
        """True for what is left out while anybody else lives."""
        return self.rest in _SHUT

    def over(self, now: float) -> bool:
        """Say whether a rest with a known end has reached it; a breaker's ends by an answer."""
        return self.resting and self.rest is not Rest.BREAKER and now >= self.until

    def begin(self, terms: Terms, now: float) -> None:
        """Rest anew, or go on resting for another reason."""
        if not self.resting:
            self.since = now
        if terms.rest is not self.rest:
            self.asked = self.lost = 0
        self.rest, self.reason, self.detail = terms.rest, terms.reason, terms.detail
        self.until, self.interval = terms.until, terms.interval
        self.next_ask = now + terms.interval

    def lift(self) -> None:
        """End the rest; what limits without a delay have taught stays until an answer."""
        self.rest, self.reason, self.detail = Rest.NO, "", ""
        self.failures = self.asked = self.lost = 0

    def let_through(self, now: float) -> None:
        """Note that somebody asks in spite of the rest."""
        self.asked += 1
        self.next_ask = now + self.interval
        if self.rest is Rest.BREAKER:
            self.until = self.next_ask

    def hasten(self, least: float, now: float) -> None:
        """Be due now, or *least* seconds after somebody was let through last."""
        due = max(now, self.next_ask - self.interval + least)
        if due < self.next_ask:
            self.next_ask = self.until = due

    def lose(self) -> bool:
        """Count a failure; say whether it can be that of somebody who was let through."""
        self.failures += 1
        if self.lost >= self.asked:
            return False
        self.lost += 1
        return True


class KeptRest(Struct, frozen=True, tag="rest"):
    """A rest that outlives a restart; `until` is None where only a person or a list ends it."""

    upstream: str
    rest: Rest
    reason: str
    detail: str
    since: float
    until: float | None
    interval: float
    wakes: float
    names: frozenset[str] = frozenset()


class Turn(Struct, frozen=True, array_like=True):
    """Whose turn it is during a rest, as all processes count it together."""

    next_ask: float
    failures: int
    asked: int
    lost: int


def turn_of(record: Record) -> Turn:
    """Return what others have to know, so that one of all lets somebody through."""
    return Turn(record.next_ask, record.failures, record.asked, record.lost)


def kept(record: Record) -> KeptRest:
    """Return what is to be kept of *record*."""
    return KeptRest(
        record.upstream,
        record.rest,
        record.reason,
        record.detail,
        record.since,
        None if math.isinf(record.until) else record.until,
        record.interval,
        record.wakes,
        record.names,
    )


def restored(kept: KeptRest, now: float) -> Record:
    """Return the record of a rest that a former process has kept."""
    return Record(
        until=math.inf if kept.until is None else kept.until,
        reason=kept.reason,
        detail=kept.detail,
        since=kept.since,
        rest=kept.rest,
        next_ask=now + kept.interval,
        interval=kept.interval,
        wakes=kept.wakes,
        upstream=kept.upstream,
        names=kept.names,
    )


def terms_of(failure: Failure, record: Record, breaker: Breaker, now: float) -> Terms:
    """Return how long *failure* makes whoever *record* is about rest."""
    rest = judge(failure).rest
    until, interval = math.inf, breaker.max_recovery
    if rest is Rest.BREAKER:
        interval = min(breaker.recovery * 2.0 ** min(record.lost, 16), breaker.max_recovery)
        until = now + interval
    elif rest is Rest.DELAY:
        unsaid = _NO_WORD * 2.0 ** min(record.unsaid, 5)
        until = now + (failure.delay if failure.delay is not None else unsaid)
    elif rest is Rest.RESET:
        until = failure.until if failure.until is not None else now + _QUOTA_REST
    elif rest is Rest.PATH:
        until = now + _PATH_REST
    return Terms(rest, failure.kind.value, failure.detail, until, interval)
