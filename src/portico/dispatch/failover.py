"""Ask the candidates of a route in turn until one starts to answer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from portico.dispatch.eyes import Eyes
from portico.dispatch.hedging import Hedging
from portico.dispatch.journey import Journey
from portico.dispatch.places import Places
from portico.dispatch.refusals import unanswered
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

    @asynccontextmanager
    async def open(
        self, journey: Journey, route: Route, upstreams: Mapping[str, Upstream]
    ) -> AsyncIterator[Answer]:
        """
        Give the answer of the first candidate that says something.

        The first delta is the point of no return: before it a failure moves on to the next
        candidate, after it the next candidate goes on with the answer, where its role says
        `rescue: continue` and it can be done.

        Raises:
            Unanswered: nobody answered, or a verdict said stop.
            Overloaded: every candidate is full, and so is the queue.
            QuotaExceeded: the caller has as many requests under way as they may.
        """
        owner = journey.caller.owner
        await self.places.enter(owner)
        turns = Turns(route, owner, self.standing, self.places)
        trials = Trials(journey, turns, upstreams, self._records)
        try:
            while (target := await turns.next()) is not None:
                after = self._patience(route, target, turns)
                if after is None:
                    running = await trials.enter(target)
                    failure = await running.exchange.start(upstreams[target.upstream])
                    answering = await trials.settle(running, failure)
                else:
                    answering = await trials.race(target, after)
                if answering is not None:
                    yield Answer(trials, answering, rescue=route.role.rescue == "continue")
                    return
            raise unanswered(journey, route, turns.skipped, self.standing)
        finally:
            await trials.aclose()
            self.places.leave(owner)

    def _patience(self, route: Route, target: Target, turns: Turns) -> float | None:
        """Return how long to wait before a hedge, or None: without one, or nobody to ask."""
        if route.role.hedge_after is None or not turns.more:
            return None
        return self.hedging.patience(route.role, target)
