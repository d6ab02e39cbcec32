"""What we have learned about targets and upstreams: who rests, until when, because of what."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from portico.routing.attempts import Failure, Kind
from portico.routing.routes import Standing as View
from portico.routing.routes import Tiredness
from portico.routing.tiers import Target
from portico.routing.verdicts import Rest, judge
from portico.upstreams.quotas import Quotas
from portico.upstreams.records import (
    GONE_LEAST,
    WEIGHT,
    KeptRest,
    Record,
    Terms,
    Turn,
    kept,
    restored,
    terms_of,
)
from portico.upstreams.spending import Begun

__all__ = ["Record", "Standing"]


_ABOUT = ("target ", "upstream ", "project ", "quota ")
"""What a rest that outlives a restart can be about; a name follows."""

_LONGEST = 2 * 86_400.0  # seconds; no quota's reset is further away


class Standing:
    """
    Sync state, fed by dispatch and by the model lists; clocks are its caller's (epoch seconds).

    A target rests when it, its upstream, or its upstream's egress path rests, and where several
    upstreams share a project, when a limit of the project does. What `quotas` count as spent
    rests too. *on_rest* hears of each rest as it begins, and again if its reason changes. `down`
    says which egress paths are down, by name, and how that is told of their targets. `tell`, where
    it is set, hears what a rest was about that has begun, changed or ended here.
    """

    def __init__(self, on_rest: Callable[[str, Record], None] | None = None) -> None:
        self.quotas = Quotas()
        self._records: dict[str, Record] = {}
        self._on_rest = on_rest or (lambda name, record: None)
        self.down: Callable[[], Mapping[str, Tiredness]] = dict
        self.tell: Callable[[str], None] | None = None

    def blame(
        self, target: Target, failure: Failure, now: float, begun: Begun | None = None
    ) -> None:
        """
        Note *failure*; rest whom the verdict table says, for as long as it says.

        What was under way when a rest began and fails after that makes it no longer, unless the
        provider says so itself: an outage under load is still one outage. A limit on tokens rests
        nobody, where *begun* says how large the request was: only what is too large is turned away.
        """
        rest = judge(failure).rest
        if rest is Rest.NO or (begun and self.quotas.refused(target, failure, begun, now)):
            return
        name = _whom(target, rest, failure)
        record = self._record(name, target)
        if record.over(now):
            record.lift()
        let_through = record.lose()
        if WEIGHT[rest] < WEIGHT[record.rest]:
            return
        if rest is Rest.BREAKER and record.failures < target.breaker.failures:
            return
        terms = terms_of(failure, record, target.breaker, now)
        if terms.until <= now:
            return
        said = failure.delay is not None or failure.until is not None
        if rest is not record.rest or let_through:
            self._begin(name, record, terms, now)
            record.unsaid += rest is Rest.DELAY and not said
        elif said and rest is not Rest.BREAKER:
            record.until = max(record.until, terms.until)
            self._tell(name)

    def _record(self, name: str, target: Target) -> Record:
        record = self._records.setdefault(name, Record())
        record.upstream = target.upstream
        if target.project and name in (_project(target), _quota(target)):
            record.names |= {target.name, target.upstream}
        return record

    def _begin(self, name: str, record: Record, terms: Terms, now: float) -> None:
        changed = record.reason != terms.reason
        record.begin(terms, now)
        record.wakes = now + GONE_LEAST
        if changed:
            self._on_rest(name, record)
        self._tell(name)

    def _tell(self, *names: str) -> None:
        if self.tell is not None:
            for name in names:
                self.tell(name)

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
                    self._tell(name)

    def admit(self, target: Target, now: float, tokens: int = 0) -> bool:
        """
        Say whether *target* may be asked now, and take the turn if it rests.

        Anybody may ask a target that does not rest for a request of *tokens* (a lower bound of
        its prompt); one caller per interval one that does.
        """
        if not self._records:  # as nearly always
            return self.quotas.admit(target, tokens, now)
        for name in _names(target):
            if (record := self._records.get(name)) is not None and record.over(now):
                record.lift()
        tired = self._tired(target, now)
        if any(now < record.next_ask for record in tired):
            return False
        if not self.quotas.admit(target, tokens, now):
            return False
        for record in tired:
            record.let_through(now)
        if tired:
            self._tell(*_names(target))
        return True

    def view(self, targets: Iterable[Target], now: float) -> View:
        """Return who of *targets* rests at *now*, for `routing.plan`. Changes nothing."""
        down = self.down()
        if not self._records and not self.quotas.taught and not down:
            return {}
        found = {target.name: self._at(target, now, down) for target in targets}
        return {name: rest for name, rest in found.items() if rest is not None}

    def _at(self, target: Target, now: float, down: Mapping[str, Tiredness]) -> Tiredness | None:
        """A path that is down is told before its targets' breakers, which only learned of it."""
        rest, path = self._rest(target, now), down.get(target.egress)
        if path is None or target.simulated or (rest is not None and rest.shut):
            return rest
        return path

    def _rest(self, target: Target, now: float) -> Tiredness | None:
        """Return what there is against *target*, and what our own count says, as one."""
        tired, counted = self._tired(target, now), self.quotas.view(target, now)
        if not tired:
            return counted
        rest = _tiredness(tired, now)
        if counted is None or counted.room is not None:
            return rest
        return max(rest, counted, key=_length)

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
            terms = terms_of(Failure(Kind.MODEL_GONE, detail), record, target.breaker, now)
            self._records[name], record.upstream = record, target.upstream
            self._begin(name, record, terms, now)
            record.wakes = record.next_ask = now  # only a list said so, and lists lag behind
            self._tell(name)
        elif target.model in listed and rests and now >= record.wakes:
            del self._records[name]
            self._tell(name)

    def ailing(self, targets: Iterable[Target], now: float) -> frozenset[str]:
        """Return the upstreams of those *targets* that rest by their breaker."""
        return frozenset(
            target.upstream
            for target in targets
            for record in self._tired(target, now)
            if record.rest is Rest.BREAKER
        )

    def heard(self, target: Target, now: float, *, returned: bool) -> None:
        """
        Note that the model list of an ailing upstream answers; *returned*: for a while it did not.

        It proves that the provider is there, and not that the model works. Who was unreachable is
        back, and so is who was silent if the list was away as well; but a list that was wrong is
        not believed again before an answer. For all others the next caller may find out at once.
        """
        record = self._records.get(_target(target))
        if record is None or record.rest is not Rest.BREAKER:
            return
        silent = returned and record.reason == Kind.SILENT
        if not record.vouched and (silent or record.reason == Kind.UNREACHABLE):
            record.lift()
            record.vouched, record.failures = True, target.breaker.failures - 1
        else:
            record.hasten(target.breaker.recovery, now)
        self._tell(_target(target))

    def clear(self, name: str) -> bool:
        """Forget what is held against the target, upstream or project *name*; False: nothing."""
        found = [
            about
            for about, record in self._records.items()
            if about.split(" ")[1] == name or name in record.names
        ]
        for about in found:
            del self._records[about]
        self._tell(*found)
        return self.quotas.forget(name) or bool(found)

    def rekeyed(self, upstream: str) -> None:
        """Forget whatever was learned with the key of *upstream*: it has another one now."""
        found = [about for about, r in self._records.items() if r.upstream == upstream]
        for about in found:
            del self._records[about]
        self._tell(*found)
        self.quotas.forget(upstream)

    # -- what other processes learn

    def record(self, about: str) -> Record | None:
        """Return what is known of `target NAME` and the like."""
        return self._records.get(about)

    def told(self, about: str, rest: KeptRest, turn: Turn, now: float) -> None:
        """Take up a rest that another process has begun or changed; a heavier one of ours stays."""
        new, mine = restored(rest, now), self._records.get(about)
        if new.over(now) or not about.startswith((*_ABOUT, "path ")):
            return
        if mine is not None and mine.resting and not mine.over(now):
            if WEIGHT[mine.rest] > WEIGHT[new.rest]:
                return
            if mine.rest is new.rest:
                new.asked, new.lost = mine.asked, mine.lost
        new.next_ask, new.failures = turn.next_ask, turn.failures
        new.asked, new.lost = max(new.asked, turn.asked), max(new.lost, turn.lost)
        self._records[about] = new

    def lifted(self, about: str) -> None:
        """Take up that another process has seen the end of a rest."""
        self._records.pop(about, None)

    def report(self, now: float) -> Mapping[str, Record]:
        """Return a copy of every record that rests, by what it is about (`target NAME` …)."""
        return {
            name: replace(record)
            for name, record in self._records.items()
            if record.resting and not record.over(now)
        }

    def keep(self, now: float) -> Mapping[str, KeptRest]:
        """Return the rests that outlive a restart: what does not end within minutes by itself."""
        return {name: kept(record) for name, record in self.report(now).items() if record.shut}

    def restore(self, about: str, rest: KeptRest, now: float) -> None:
        """Take up a rest that a former process has kept, unless it is over or makes no sense."""
        record = restored(rest, now)
        sane = 0 <= rest.since <= now and (rest.until is None or rest.until < now + _LONGEST)
        if record.shut and not record.over(now) and sane and about.startswith(_ABOUT):
            self._records[about] = record


def _tiredness(tired: list[Record], now: float) -> Tiredness:
    worst = max(tired, key=lambda record: (record.shut, record.until))
    return Tiredness(
        until=None if math.isinf(worst.until) else worst.until,
        reason=worst.reason,
        shut=worst.shut,
        probing=all(r.rest is Rest.BREAKER and now >= r.next_ask for r in tired),
        detail=worst.detail,
    )


def _length(rest: Tiredness) -> tuple[bool, float]:
    return rest.shut, math.inf if rest.until is None else rest.until


def _whom(target: Target, rest: Rest, failure: Failure) -> str:
    if rest is Rest.PATH:
        return _path(target)
    if rest is Rest.ACCOUNT:
        return _upstream(target)
    if rest not in (Rest.DELAY, Rest.RESET):
        return _target(target)
    return _project(target) if failure.scope == "upstream" else _quota(target)


def _target(target: Target) -> str:
    return f"target {target.name}"


def _upstream(target: Target) -> str:
    return f"upstream {target.upstream}"


def _path(target: Target) -> str:
    return f"path {target.upstream} {target.egress}"


def _project(target: Target) -> str:
    """Limits of a whole account, which several upstreams may share."""
    return f"project {target.project}" if target.project else _upstream(target)


def _quota(target: Target) -> str:
    """Limits of a model, which several targets may share where their upstreams do."""
    return f"quota {target.project} {target.model}" if target.project else _target(target)


def _names(target: Target) -> tuple[str, ...]:
    own = (_target(target), _upstream(target), _path(target))
    return (*own, _project(target), _quota(target)) if target.project else own
