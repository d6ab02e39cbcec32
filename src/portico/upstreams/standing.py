"""What we have learned about targets and upstreams: who rests, until when, because of what."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from portico.routing.attempts import Failure, Kind
from portico.routing.routes import Standing as View
from portico.routing.routes import Tiredness
from portico.routing.tiers import Breaker, Target
from portico.routing.verdicts import Rest, judge

_PATH_REST = 300.0  # seconds; an exit does not change its country within a request's patience
_QUOTA_REST = 3600.0  # seconds to rest for a spent quota whose reset nobody knows
_GONE_LEAST = 3600.0  # seconds before a model list may bring back what a live error called gone
_NO_WORD = 2.0  # seconds to rest for a limit that names no delay; doubles while it goes on

_WEIGHT = {
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
class _Terms:
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

    def begin(self, terms: _Terms, now: float) -> None:
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

    def lose(self) -> bool:
        """Count a failure; say whether it can be that of somebody who was let through."""
        self.failures += 1
        if self.lost >= self.asked:
            return False
        self.lost += 1
        return True


class Standing:
    """
    Sync state, fed by dispatch and by the model lists; clocks are its caller's (epoch seconds).

    A target rests when it, its upstream, or its upstream's egress path rests. *on_rest* hears of
    each rest as it begins, and again if its reason changes.
    """

    def __init__(self, on_rest: Callable[[str, Record], None] | None = None) -> None:
        self._records: dict[str, Record] = {}
        self._on_rest = on_rest or (lambda name, record: None)

    def blame(self, target: Target, failure: Failure, now: float) -> None:
        """
        Note *failure*; rest whom the verdict table says, for as long as it says.

        What was under way when a rest began and fails after that makes it no longer, unless the
        provider says so itself: an outage under load is still one outage.
        """
        rest = judge(failure).rest
        if rest is Rest.NO:
            return
        name = _whom(target, rest, failure)
        record = self._records.setdefault(name, Record())
        if record.over(now):
            record.lift()
        let_through = record.lose()
        if _WEIGHT[rest] < _WEIGHT[record.rest]:
            return
        if rest is Rest.BREAKER and record.failures < target.breaker.failures:
            return
        terms = _terms(failure, record, target.breaker, now)
        if terms.until <= now:
            return
        said = failure.delay is not None or failure.until is not None
        if rest is not record.rest or let_through:
            self._begin(name, record, terms, now)
            record.unsaid += rest is Rest.DELAY and not said
        elif said and rest is not Rest.BREAKER:
            record.until = max(record.until, terms.until)

    def _begin(self, name: str, record: Record, terms: _Terms, now: float) -> None:
        changed = record.reason != terms.reason
        record.begin(terms, now)
        record.wakes = now + _GONE_LEAST
        if changed:
            self._on_rest(name, record)

    def praise(self, target: Target) -> None:
        """
        Note an answer: failures in a row are over, and so is a rest that somebody was let through.

        The answer of a request from before the rest proves nothing, and lifts none.
        """
        if self._records:
            for name in _names(target):
                record = self._records.get(name)
                if record is not None and (record.asked or not record.resting):
                    del self._records[name]

    def admit(self, target: Target, now: float) -> bool:
        """
        Say whether *target* may be asked now, and take the turn if it rests.

        Anybody may ask a target that does not rest; one caller per interval one that does.
        """
        for name in _names(target):
            if (record := self._records.get(name)) is not None and record.over(now):
                record.lift()
        tired = self._tired(target, now)
        if any(now < record.next_ask for record in tired):
            return False
        for record in tired:
            record.let_through(now)
        return True

    def view(self, targets: Iterable[Target], now: float) -> View:
        """Return who of *targets* rests at *now*, for `routing.plan`. Changes nothing."""
        if not self._records:
            return {}
        found = {target.name: self._tired(target, now) for target in targets}
        return {name: _tiredness(tired, now) for name, tired in found.items() if tired}

    def _tired(self, target: Target, now: float) -> list[Record]:
        """Return whatever makes *target* rest: itself, its upstream, the path there."""
        known = [self._records.get(name) for name in _names(target)]
        return [r for r in known if r is not None and r.resting and not r.over(now)]

    def gone(self, target: Target, listed: frozenset[str], now: float) -> None:
        """Rest a target whose id has vanished from *listed*; wake one that is back."""
        name = _target(target)
        record = self._records.get(name, Record())
        rests = record.rest is Rest.GONE
        if target.model not in listed and not rests:
            detail = f"{target.model} is not in the model list of {target.upstream}"
            terms = _terms(Failure(Kind.MODEL_GONE, detail), record, target.breaker, now)
            self._records[name] = record
            self._begin(name, record, terms, now)
            record.wakes = record.next_ask = now  # only a list said so, and lists lag behind
        elif target.model in listed and rests and now >= record.wakes:
            del self._records[name]

    def clear(self, name: str) -> bool:
        """Forget what is held against the target or upstream *name*; False: nothing was."""
        found = [about for about in self._records if about.split(" ")[1] == name]
        for about in found:
            del self._records[about]
        return bool(found)

    def report(self, now: float) -> Mapping[str, Record]:
        """Return a copy of every record that rests, by what it is about (`target NAME` …)."""
        return {
            name: replace(record)
            for name, record in self._records.items()
            if record.resting and not record.over(now)
        }


def _tiredness(tired: list[Record], now: float) -> Tiredness:
    worst = max(tired, key=lambda record: (record.shut, record.until))
    return Tiredness(
        until=None if math.isinf(worst.until) else worst.until,
        reason=worst.reason,
        shut=worst.shut,
        probing=all(r.rest is Rest.BREAKER and now >= r.next_ask for r in tired),
        detail=worst.detail,
    )


def _terms(failure: Failure, record: Record, breaker: Breaker, now: float) -> _Terms:
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
    return _Terms(rest, failure.kind.value, failure.detail, until, interval)


def _whom(target: Target, rest: Rest, failure: Failure) -> str:
    if rest is Rest.PATH:
        return _path(target)
    wide = failure.scope == "upstream" and rest in (Rest.DELAY, Rest.RESET)
    return _upstream(target) if wide or rest is Rest.ACCOUNT else _target(target)


def _target(target: Target) -> str:
    return f"target {target.name}"


def _upstream(target: Target) -> str:
    return f"upstream {target.upstream}"


def _path(target: Target) -> str:
    return f"path {target.upstream} {target.egress}"


def _names(target: Target) -> tuple[str, str, str]:
    return _target(target), _upstream(target), _path(target)
