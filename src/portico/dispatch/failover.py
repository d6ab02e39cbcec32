"""Ask the candidates of a route in turn until one starts to answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from portico.chat.request import ChatRequest
from portico.dispatch.exchange import Exchange
from portico.dispatch.journey import Journey
from portico.dispatch.places import Places
from portico.dispatch.refusals import unanswered
from portico.dispatch.rescue import Answer, Start
from portico.routing.attempts import Answered, Broken, Failed, Failure, Kind
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.routing.verdicts import Step, judge
from portico.upstreams.base import Ask, Upstream
from portico.upstreams.standing import Standing


@dataclass(frozen=True, slots=True)
class Failover:
    """Nothing of the policy is here: `routing.verdicts` says what a failure leads to."""

    standing: Standing
    places: Places

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
        await self.places.enter(journey.caller)
        try:
            turns = _Turns(route, journey.caller, self.standing, self.places)
            while (target := await turns.next()) is not None:
                async with AsyncExitStack() as stack:
                    ask = turns.ask(journey.request, target)
                    exchange = await stack.enter_async_context(self._attempt(ask, journey))
                    failure = await exchange.start(upstreams[target.upstream])
                    if failure is not None and turns.refuses(failure):
                        exchange.refuse()
                        failure = None
                    if failure is None:
                        journey.answering, journey.under_way = target, True
                        async with Answer(journey, exchange, stack.pop_all()) as answer:
                            if route.role.rescue == "continue":
                                answer.may_go_on(
                                    turns.next, self._starter(journey, upstreams, turns)
                                )
                            yield answer
                        return
                turns.note(target, failure)
            raise unanswered(journey, route, turns.skipped, self.standing)
        finally:
            self.places.leave(journey.caller)

    @asynccontextmanager
    async def _attempt(self, ask: Ask, journey: Journey) -> AsyncIterator[Exchange]:
        """A place for the time of one attempt, which is noted however it ends."""
        exchange = Exchange(ask, journey.began)
        self.places.take(ask.target)
        try:
            async with exchange:
                yield exchange
        finally:
            self.places.give_back(ask.target)
            self._note(exchange, journey)

    def _starter(
        self, journey: Journey, upstreams: Mapping[str, Upstream], turns: "_Turns"
    ) -> Start:
        """Return what starts a rescuer."""

        async def start(
            target: Target, request: ChatRequest
        ) -> tuple[Exchange, AsyncExitStack] | None:
            async with AsyncExitStack() as stack:
                ask = turns.ask(request, target)
                exchange = await stack.enter_async_context(self._attempt(ask, journey))
                failure = await exchange.start(upstreams[target.upstream])
                if failure is None:
                    journey.answering, journey.under_way = target, True
                    return exchange, stack.pop_all()
            turns.note(target, failure)
            return None

        return start

    def _note(self, exchange: Exchange, journey: Journey) -> None:
        """Runs however the attempt ends, also when the caller has left."""
        journey.under_way = False
        number = len(journey.attempts) + 1
        journey.attempts.append(exchange.attempt(f"{journey.id}-{number}"))
        match exchange.outcome:
            case Failed(failure) | Broken(failure):
                self.standing.blame(exchange.target, failure, time.time())
            case Answered():
                self.standing.praise(exchange.target)


class _Turns:
    """Whose turn it is, given how those before did."""

    def __init__(
        self, route: Route, caller: str | None, standing: Standing, places: Places
    ) -> None:
        self.skipped: list[Target] = []  # those who rest and whose interval somebody else has
        self._route = route
        self._caller = caller
        self._standing = standing
        self._places = places
        self._left = list(route.candidates)
        self._full: list[Target] = []
        self._again: Target | None = None
        self._mend: frozenset[str] = frozenset()
        self._window = 0  # only larger windows than this are left
        self._stopped = False

    async def next(self) -> Target | None:
        """Return whom to ask now, or None; waits only where everybody who could is full."""
        if self._again is not None:
            return self._again
        self._mend = frozenset()
        while self._left and not self._stopped:
            target = self._left.pop(0)
            if target.context_window <= self._window:
                continue
            if not self._places.free(target):
                self._full.append(target)
            elif self._standing.admit(target, time.time()):
                return target
            else:
                self.skipped.append(target)
        return await self._queue()

    async def _queue(self) -> Target | None:
        """Wait for a place among those who were full when it was their turn."""
        if not self._full or self._stopped:
            return None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(target.patience.first_delta for target in self._full)
        while not (free := [target for target in self._full if self._places.free(target)]):
            await self._places.wait(self._full, self._caller, deadline - loop.time())
        self._left, self._full = free, []
        return await self.next()

    def ask(self, request: ChatRequest, target: Target) -> Ask:
        """Return the attempt's question, with the repairs asked for so far."""
        return Ask(request, target, self._mend)

    def refuses(self, failure: Failure) -> bool:
        """True where a provider's policy refusal is the answer."""
        return failure.kind is Kind.REFUSED and self._route.role.refused == "stop"

    def note(self, target: Target, failure: Failure) -> None:
        """Take *failure* into account for whoever is next."""
        step = judge(failure).step
        self._again = None
        if step is Step.REPAIR and failure.mend and failure.mend not in self._mend:
            self._again, self._mend = target, self._mend | {failure.mend}
        elif step is Step.LARGER:
            self._window = max(self._window, target.context_window)
        elif step is Step.STOP and failure.kind is not Kind.REFUSED:
            self._stopped = True
