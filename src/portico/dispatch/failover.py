"""Ask the candidates of a route in turn until one starts to answer."""

from collections.abc import Mapping
from types import TracebackType

from portico.dispatch.eyes import Eyes
from portico.dispatch.hedging import Hedging
from portico.dispatch.journey import Journey
from portico.dispatch.places import Places
from portico.dispatch.refusals import REROUTED, unanswered
from portico.dispatch.rescue import Answer
from portico.dispatch.trials import Records, Trials
from portico.dispatch.turns import Turns
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.upstreams.base import Upstream
from portico.upstreams.standing import Standing


class Failover:
    """Nothing of the policy is here: `routing.verdicts` says what a failure leads to."""

    def __init__(
        self,
        standing: Standing,
        places: Places,
        hedging: Hedging | None = None,
        answer_within: float = 290.0,
        eyes: Eyes | None = None,
    ) -> None:
        self.standing = standing
        self.places = places
        self.hedging = hedging or Hedging()
        self.eyes = eyes
        self._records = Records(standing, places, self.hedging, answer_within, eyes)

    def open(self, journey: Journey, route: Route, upstreams: Mapping[str, Upstream]) -> "Opening":
        """
        Give the answer of the first candidate that says something.

        The first delta is the point of no return: before it a failure moves on to the next
        candidate, after it the next candidate goes on with the answer, where its role says
        `rescue: continue` and it can be done.

        Entering raises:
            Unanswered: nobody answered, or a verdict said stop.
            Overloaded: every candidate is full, and so is the queue.
            QuotaExceeded: the caller has as many requests under way as they may.
        """
        if route.down:
            journey.degrade(REROUTED)
        turns = Turns(route, journey.caller.owner, self.standing, self.places)
        trials = Trials(journey, turns, upstreams, self._records)
        return Opening(self, route, trials)

    def patience(self, route: Route, target: Target, turns: Turns) -> float | None:
        """Return how long to wait before a hedge, or None: without one, or nobody to ask."""
        if route.role.hedge_after is None or not turns.more:
            return None
        return self.hedging.patience(route.role, target)


class Opening:
    """An async context manager that gives an answer; written out, as every request pays for it."""

    __slots__ = ("_failover", "_route", "_trials")

    def __init__(self, failover: Failover, route: Route, trials: Trials) -> None:
        self._failover = failover
        self._route = route
        self._trials = trials

    async def __aenter__(self) -> Answer:
        """Ask one after the other; see `Failover.open`."""
        failover, route, trials = self._failover, self._route, self._trials
        await failover.places.enter(trials.owner)
        turns = trials.turns
        try:
            while (target := await turns.next()) is not None:
                after = failover.patience(route, target, turns)
                if after is None:
                    running = await trials.enter(target)
                    failure = await running.exchange.start(trials.upstreams[target.upstream])
                    answering = await trials.settle(running, failure)
                else:
                    answering = await trials.race(target, after)
                if answering is not None:
                    return Answer(trials, answering, rescue=route.role.rescue == "continue")
            raise unanswered(trials.journey, route, turns.skipped, failover.standing)
        except BaseException:
            await self.aclose()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up on whoever answers, and leave; once."""
        try:
            await self._trials.aclose()
        finally:
            self._failover.places.leave(self._trials.owner)
