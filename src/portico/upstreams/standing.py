"""What we have learned about targets and upstreams: who rests, until when, because of what."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from portico.routing.attempts import Failure
from portico.routing.routes import Standing as View
from portico.routing.routes import Tiredness
from portico.routing.tiers import Breaker, Target
from portico.routing.verdicts import Rest, judge

_PATH_REST = 300.0  # seconds; an exit does not change its country within a request's patience
_GONE_LEAST = 3600.0  # seconds before a model list may bring back what a live error called gone
_NO_WORD = 2.0  # seconds to rest for a limit that names no delay; doubles while it goes on


@dataclass(slots=True)
class Record:
    """What we know of one target, one upstream, or one path of an upstream."""

    failures: int = 0  # blamed ones in a row
    until: float = 0.0  # rests before this; inf: until a person or a model list says otherwise
    reason: str = ""
    detail: str = ""
    shut: bool = False  # left out while anybody else lives
    since: float = 0.0
    next_ask: float = 0.0  # nobody is let through before this
    interval: float = 0.0  # between those who are let through

    @property
    def resting(self) -> bool:
        """True from a rest's begin until an answer, a person or its end lifts it."""
        return bool(self.reason)


class Standing:
    """
    Sync state, fed by dispatch and by the model lists; clocks are its caller's (epoch seconds).

    A target rests when it, its upstream, or its upstream's egress path rests.
    """

    def __init__(self, on_rest: Callable[[str, Record], None] | None = None) -> None:
        self._records: dict[str, Record] = {}
        self._on_rest = on_rest or (lambda name, record: None)

    def blame(self, target: Target, failure: Failure, now: float) -> None:
        """Note *failure*; rest whom the verdict table says, for as long as it says."""
        rest = judge(failure).rest
        if rest is Rest.NO:
            return
        if rest is Rest.BREAKER:
            self._count(target, failure, now)
            return
        name = _whom(target, rest, failure)
        record = self._records.setdefault(name, Record())
        until = _until(rest, failure, record, now)
        record.failures += 1
        record.until = max(record.until, until) if record.resting else until
        record.shut = rest in (Rest.RESET, Rest.ACCOUNT, Rest.GONE)
        record.interval = target.breaker.max_recovery
        record.next_ask = now + record.interval
        self._begin(name, record, failure, now)

    def _count(self, target: Target, failure: Failure, now: float) -> None:
        """Feed the target's breaker; a failed probing request doubles its interval."""
        name, breaker = _target(target), target.breaker
        record = self._records.setdefault(name, Record())
        record.failures += 1
        if record.shut or record.failures < breaker.failures:
            return
        record.interval = _interval(breaker, record.failures)
        record.until = record.next_ask = now + record.interval
        self._begin(name, record, failure, now)

    def _begin(self, name: str, record: Record, failure: Failure, now: float) -> None:
        if not record.resting:
            record.since = now
        changed = record.reason != failure.kind.value
        record.reason, record.detail = failure.kind.value, failure.detail
        if changed:
            self._on_rest(name, record)

    def praise(self, target: Target) -> None:
        """An answer came: whatever rested the target, its upstream or its path is over."""
        if self._records:
            for name in _names(target):
                self._records.pop(name, None)

    def admit(self, target: Target, now: float) -> bool:
        """
        Say whether *target* may be asked now, and take the turn if it rests.

        Anybody may ask a target that does not rest; one caller per interval one that does.
        """
        tired = [r for name in _names(target) if (r := self._records.get(name)) and r.resting]
        for record in tired:
            if _over(record, now):
                self._lift(record)
        tired = [record for record in tired if record.resting]
        if any(now < record.next_ask for record in tired):
            return False
        for record in tired:
            record.next_ask = now + record.interval
        return True

    def view(self, targets: Iterable[Target], now: float) -> View:
        """Return who of *targets* rests at *now*, for `routing.plan`. Changes nothing."""
        if not self._records:
            return {}
        found = {target.name: self._tiredness(target, now) for target in targets}
        return {name: tired for name, tired in found.items() if tired is not None}

    def _tiredness(self, target: Target, now: float) -> Tiredness | None:
        tired = [
            record
            for name in _names(target)
            if (record := self._records.get(name)) and record.resting and not _over(record, now)
        ]
        if not tired:
            return None
        worst = max(tired, key=lambda record: (record.shut, record.until))
        return Tiredness(
            until=None if math.isinf(worst.until) else worst.until,
            reason=worst.reason,
            shut=worst.shut,
            probing=not worst.shut and all(now >= record.next_ask for record in tired),
            detail=worst.detail,
        )

    def gone(self, target: Target, listed: frozenset[str], now: float) -> None:
        """Rest a target whose id has vanished from *listed*; wake one that is back."""
        name = _target(target)
        record = self._records.get(name)
        if target.model not in listed:
            if record is None or record.reason != "model_gone":
                detail = f"{target.model} is not in the model list of {target.upstream}"
                found = Record(1, math.inf, "", detail, True, now, now, target.breaker.max_recovery)
                self._records[name] = found
                found.reason = "model_gone"
                self._on_rest(name, found)
        elif record and record.reason == "model_gone" and now - record.since >= _GONE_LEAST:
            del self._records[name]

    def clear(self, name: str) -> bool:
        """An operator's act: forget what is held against a target or an upstream."""
        found = [
            key for key in self._records if key.split(" ", 2)[1] == name or key == f"target {name}"
        ]
        for key in found:
            del self._records[key]
        return bool(found)

    def report(self, now: float) -> Mapping[str, Record]:
        """Return a copy of every record that rests, by what it is about (`target NAME` …)."""
        return {
            name: replace(record)
            for name, record in self._records.items()
            if record.resting and not _over(record, now)
        }

    @staticmethod
    def _lift(record: Record) -> None:
        record.reason, record.shut, record.failures = "", False, 0


def _over(record: Record, now: float) -> bool:
    """A rest with an end is over at its end; a breaker is over only by an answer."""
    if record.reason in ("rate_limited", "quota_spent", "region"):
        return now >= record.until
    return False


def _until(rest: Rest, failure: Failure, record: Record, now: float) -> float:
    match rest:
        case Rest.DELAY:
            doubling: float = _NO_WORD * 2 ** min(record.failures, 5)
            return now + (failure.delay if failure.delay is not None else doubling)
        case Rest.RESET:
            return failure.until if failure.until is not None else now + 3600.0
        case Rest.PATH:
            return now + _PATH_REST
        case _:
            return math.inf


def _interval(breaker: Breaker, failures: int) -> float:
    doubled: float = breaker.recovery * 2 ** min(failures - breaker.failures, 16)
    return min(doubled, breaker.max_recovery)


def _whom(target: Target, rest: Rest, failure: Failure) -> str:
    if rest is Rest.PATH:
        return _path(target)
    if rest is Rest.ACCOUNT or failure.scope == "upstream":
        return _upstream(target)
    return _target(target)


def _target(target: Target) -> str:
    return f"target {target.name}"


def _upstream(target: Target) -> str:
    return f"upstream {target.upstream}"


def _path(target: Target) -> str:
    return f"path {target.upstream} {target.egress}"


def _names(target: Target) -> tuple[str, str, str]:
    return _target(target), _upstream(target), _path(target)
