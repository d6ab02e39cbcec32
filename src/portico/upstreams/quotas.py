"""Keeps what each project spends, so that a known limit turns a request away before it is hit."""

from collections.abc import Mapping

from msgspec import Struct

from portico.routing.attempts import (
    Answered,
    Broken,
    Failed,
    Failure,
    Kind,
    Metric,
    Outcome,
    Window,
)
from portico.routing.routes import Tiredness
from portico.routing.tiers import Target
from portico.upstreams.faults_limits import ZONES
from portico.upstreams.spending import KNOWN, Begun, Lesson, Spending

TINY = 64
"""Tokens; a limit on tokens that refuses less than that has room for nobody."""

AHEAD = 5.0
"""Seconds that another machine's clock may be ahead of ours."""

_NOT_TAKEN = frozenset({Kind.RATE_LIMITED, Kind.QUOTA_SPENT, Kind.UNREACHABLE})
_WAIT = {Window.MINUTE: 60.0, Window.HOUR: 3600.0, Window.DAY: 3600.0}


class KeptQuota(Struct, frozen=True, tag="quota"):
    """What outlives a restart: the lessons, and the day's counts by quarter of an hour."""

    project: str
    model: str
    names: frozenset[str]
    lessons: tuple[Lesson, ...]
    day: dict[int, tuple[int, int]]


class Quotas:
    """
    Sync state, one `Spending` for each model of each project; clocks are its caller's.

    A project is what its upstreams say it is, or the upstream itself: two keys of one project are
    not two quotas. Nothing is turned away before a provider has named a limit. `touched`, where it
    is a set, gathers of which project and model something was counted or learned here.
    """

    def __init__(self) -> None:
        self._spent: dict[tuple[str, str], Spending] = {}
        self.touched: set[tuple[str, str]] | None = None

    # -- the life of an attempt

    def begin(self, target: Target, tokens: int, now: float) -> Begun:
        """Count an attempt at *target* as it begins; *tokens* is the estimate of its prompt."""
        spending = self._of(_key(target))
        if target.name not in spending.names:
            spending.names |= {target.name, target.upstream}
        return spending.begin(tokens, now)

    def end(self, target: Target, begun: Begun, outcome: Outcome) -> None:
        """Correct what was counted by what the provider says, and learn from what it accepted."""
        spending = self._of(_key(target))
        if isinstance(outcome, Failed | Broken) and outcome.failure.kind in _NOT_TAKEN:
            spending.give_back(begun)
        elif not isinstance(outcome, Failed) and outcome.usage is not None:
            spending.settle(begun, outcome.usage.input)
        if isinstance(outcome, Answered):
            spending.accepted(begun)

    def refused(self, target: Target, failure: Failure, begun: Begun, now: float) -> bool:
        """
        Learn from a failure that names a limit; True if it is about that request's size only.

        Then nobody needs to rest: what does not fit is turned away, by our own count where that
        explains the refusal, and otherwise whatever is more than half of what was refused, until
        the provider's delay (or its window) is over.
        """
        limit, spending = failure.limit, self._of(_key(target))
        if limit is None:
            return False
        spending.learn(limit, now)
        tokens = limit.metric is Metric.TOKENS and failure.kind is Kind.RATE_LIMITED
        if not tokens or begun.tokens < TINY:
            return False
        if not spending.explains(limit, now):
            wait = _WAIT[limit.window] if failure.delay is None else failure.delay
            spending.squeeze(begun.tokens // 2, now + wait, now)
        return True

    def _of(self, key: tuple[str, str]) -> Spending:
        """Return the spending of *key*, about to change."""
        if self.touched is not None:
            self.touched.add(key)
        spending = self._spent.get(key)
        if spending is None:
            spending = self._spent[key] = Spending()
        return spending

    # -- who may ask

    @property
    def taught(self) -> bool:
        """True once any provider has named a limit."""
        return any(spending.taught for spending in self._spent.values())

    def view(self, target: Target, now: float) -> Tiredness | None:
        """Return why *target* rests by our own count, or None. Changes nothing."""
        spending = self._spent.get(_key(target))
        return None if spending is None else spending.tired(now)

    def admit(self, target: Target, tokens: int, now: float) -> bool:
        """
        Say whether a request of *tokens* fits; of those that do not, let one through an interval.

        Whoever does not fit is asked last of all. The first of them begins the interval, and the
        one after it finds out for all whether we were taught wrong.
        """
        spending = self._spent.get(_key(target))
        tired = None if spending is None else spending.tired(now)
        if spending is None or tired is None or not tired.rests(tokens):
            return True
        interval = target.breaker.max_recovery
        due = spending.next_ask <= now
        if due or spending.next_ask > now + interval:
            fresh = due and now < spending.next_ask + interval
            spending.next_ask = now + interval
            return fresh
        return False

    def forget(self, name: str) -> bool:
        """Forget what was learned about the target, upstream or project *name*; False: nothing."""
        taught = [
            key
            for key, spending in self._spent.items()
            if spending.taught and (name == key[0] or name in spending.names)
        ]
        for key in taught:
            self._of(key).unlearn()
        return bool(taught)

    # -- what other processes learn

    def fresh(self, project: str, model: str) -> tuple[int, int]:
        """Return the requests and tokens that were counted here since this was last asked."""
        return self._of((project, model)).fresh()

    def counted_by(self, project: str, model: str, spent: tuple[int, int], now: float) -> None:
        """Count the requests and tokens that another process has counted."""
        spending = self._spent.setdefault((project, model), Spending())
        spending.count_others(*spent, now)

    def taught_by(self, kept: KeptQuota, now: float) -> None:
        """Take up the limits that another process was told; the later word counts."""
        spending = self._spent.setdefault((kept.project, kept.model), Spending())
        spending.names |= kept.names
        for one in kept.lessons:
            mine = spending.lessons.get((one.metric, one.window))
            if _sane(one, now) and (mine is None or mine.at <= one.at):
                spending.lessons[one.metric, one.window] = one

    def forgotten(self, kept: KeptQuota) -> None:
        """Forget, as another process did, what was learned of a project and model."""
        if (spending := self._spent.get((kept.project, kept.model))) is not None:
            spending.unlearn()

    # -- what outlives a restart

    def keep(self, now: float) -> Mapping[str, KeptQuota]:
        """Return every spending that has a lesson, by project and model."""
        kept: dict[str, KeptQuota] = {}
        for (project, model), spending in self._spent.items():
            lessons = tuple(one for one in spending.lessons.values() if one.believed(now))
            if lessons:
                names = frozenset(spending.names)
                day = spending.day(now)
                kept[f"{project} {model}"] = KeptQuota(project, model, names, lessons, day)
        return kept

    def restore(self, kept: KeptQuota, now: float) -> None:
        """Take up what a former process has kept; before the first attempt."""
        lessons = {(one.metric, one.window): one for one in kept.lessons if _sane(one, now)}
        if lessons:
            spending = self._spent[kept.project, kept.model] = Spending()
            spending.lessons, spending.names = lessons, set(kept.names)
            spending.count_again(kept.day, now)


def _sane(one: Lesson, now: float) -> bool:
    return one.value > 0 and one.zone in ZONES and now - KNOWN < one.at <= now + AHEAD


def _key(target: Target) -> tuple[str, str]:
    return target.project or target.upstream, target.model
