"""Vectors of texts, from targets whose vectors can be compared with each other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from difflib import get_close_matches

from portico.access.allowed import check
from portico.chat.embedding import Embedded, EmbedRequest
from portico.chat.messages import Message
from portico.chat.request import ChatRequest
from portico.dispatch.gateway import Gateway, House, entry_of
from portico.dispatch.journey import Journey
from portico.dispatch.refusals import incapable, unanswered
from portico.dispatch.reserving import reserve, settle
from portico.dispatch.turns import Turns
from portico.errors import GatewayError, ModelNotFound, Unanswered
from portico.routing.attempts import Abandoned, Answered, Attempt, Failed, Failure, Kind, Outcome
from portico.routing.roles import Catalog, Role
from portico.routing.routes import Needs, Route, plan
from portico.routing.signals import Signal
from portico.routing.tiers import Target
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.embedding import Wanted

OPERATION = "embeddings"
MEMORY = "memory"
"""The task of what the memory embeds for itself."""
WAITS = 20.0
"""Seconds of a limit that are waited out: who uploads documents does not ask again."""
WITHIN = 120.0
"""Seconds for a whole request, waits and all."""


def journey_of(model: str, task: str | None = None) -> ChatRequest:
    """Return what a journey of embeddings carries in place of a chat; never sent."""
    return ChatRequest(model, [Message("user", "")], task=task)


def chain(name: str, catalog: Catalog) -> Role:
    """
    Return who may make vectors for *name*: that target first, then all of its space.

    Raises:
        ModelNotFound: no embedding target has this name.
    """
    asked = catalog.embedders.get(name)
    if asked is None:
        raise ModelNotFound(_unknown(name, catalog), param="model")
    others = [other.name for other in catalog.embedders.values() if _stands_in(other, asked)]
    return Role(name, (name, *others))


def _stands_in(other: Target, asked: Target) -> bool:
    same = other.space == asked.space and other.dimensions == asked.dimensions
    return other is not asked and same


def _unknown(name: str, catalog: Catalog) -> str:
    if name in catalog.targets or name in catalog.roles:
        told = f"{name!r} chats, and makes no embeddings."
    else:
        told = f"There is no embedding target {name[:100]!r}."
        if near := get_close_matches(name[:100], catalog.embedders, n=1, cutoff=0.4):
            return f"{told} Did you mean {near[0]!r}?"
    every = ", ".join(catalog.embedders)
    return f"{told} These do: {every}." if every else f"{told} None is configured."


@dataclass(slots=True)
class _Trial:
    """One call under way, and how it went; until proven otherwise the caller left."""

    target: Target
    outcome: Outcome


class Embedding:
    """The use case; it shares standing, places and ledger with the chats."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def house(self) -> House:
        """The configuration as it is now."""
        return self._gateway.house

    async def embed(self, journey: Journey, request: EmbedRequest) -> Embedded:
        """
        Return the vectors of *request*, all from one target; the ledger hears of it once.

        Raises:
            CallerError: nobody was asked, and the caller can mend it.
            QuotaExceeded: a limit of the caller's is reached.
            Unanswered: everybody who could be asked failed.
            Overloaded: every place is taken, and so is the queue.
        """
        journey.operation, house = OPERATION, self._gateway.house
        self._gateway.in_flight += 1
        try:
            found = await self._asked(journey, request, house)
            journey.status = 200
            return found
        except GatewayError as exc:
            journey.status, journey.code = exc.status, exc.code
            raise
        finally:
            self._gateway.in_flight -= 1
            self._record(journey)

    def _record(self, journey: Journey) -> None:
        """In the ledger; and as a trace without texts and vectors, but for the memory's own."""
        gateway, entry = self._gateway, entry_of(journey)
        gateway.ledger.record(entry)
        if gateway.taping is not None and journey.request.task != MEMORY:
            gateway.taping.tell(journey, entry)

    async def _asked(self, journey: Journey, request: EmbedRequest, house: House) -> Embedded:
        catalog = self._gateway.catalog_of(journey.caller, house)
        check(journey.caller, request.model, house.catalog, catalog)
        role = chain(request.model, catalog)
        counted = self._gateway.counted
        hold = await reserve(counted, journey, self._route(role, request, catalog))
        try:
            return await self._in_turn(journey, request, role, catalog)
        finally:
            settle(counted, hold, journey.attempts)

    async def _in_turn(
        self, journey: Journey, request: EmbedRequest, role: Role, catalog: Catalog
    ) -> Embedded:
        places = self._gateway.failover.places
        await places.enter(journey.caller.owner)
        try:
            while True:
                try:
                    return await self._round(journey, request, self._route(role, request, catalog))
                except Unanswered as failed:
                    wait = _worth(failed, journey)
                    if wait is None:
                        raise
                    await asyncio.sleep(wait)
        finally:
            places.leave(journey.caller.owner)

    def _route(self, role: Role, request: EmbedRequest, catalog: Catalog) -> Route:
        every = replace(catalog, targets=catalog.embedders)
        view = self._gateway.standing.view(every.targets.values(), time.time())
        route = plan(role, Needs(tokens=request.tokens), every, view)
        if not route.candidates:
            refused = incapable(route, every)
            refused.param = "input"
            raise refused
        named = Signal("asked for by name", role.name, 1.0)
        return Route(
            role, route.needs, route.candidates, route.passed, route.standing, decided_by=(named,)
        )

    async def _round(self, journey: Journey, request: EmbedRequest, route: Route) -> Embedded:
        """Ask the candidates in turn."""
        journey.route, gateway = route, self._gateway
        turns = Turns(route, journey.caller.owner, gateway.standing, gateway.failover.places)
        with closing(turns):
            while (target := await turns.next()) is not None:
                found = await self._try(journey, Wanted(request, target), turns)
                if isinstance(found, Embedded):
                    journey.answering = target
                    return found
                turns.note(target, found)
        raise unanswered(journey, route, turns.skipped, gateway.standing)

    async def _try(self, journey: Journey, wanted: Wanted, turns: Turns) -> Embedded | Failure:
        embeds = self._gateway.house.embedders[wanted.target.upstream]
        async with self._attempt(journey, wanted.target, turns) as trial:
            within = min(wanted.target.patience.total, _left(journey))
            try:
                async with asyncio.timeout(max(within, 0.01)):
                    found = await embeds.embed(wanted)
            except TimeoutError:
                failure = Failure(Kind.SILENT, f"no answer within {within:.3g} s")
            except UpstreamFailed as exc:
                failure = exc.failure
            else:
                trial.outcome = Answered(found.usage)
                return found
            trial.outcome = Failed(failure)
            return failure

    @asynccontextmanager
    async def _attempt(
        self, journey: Journey, target: Target, turns: Turns
    ) -> AsyncIterator[_Trial]:
        """A place for the time of one attempt, which is noted however it ends."""
        standing, places = self._gateway.standing, self._gateway.failover.places
        began, trial = time.monotonic(), _Trial(target, Abandoned())
        claimed = turns.claimed(target)
        places.take(target)
        begun = standing.quotas.begin(target, turns.tokens, time.time())
        try:
            yield trial
        finally:
            places.give_back(target, claimed)
            took, number = time.monotonic() - began, len(journey.attempts) + 1
            outcome = trial.outcome
            first = took if isinstance(outcome, Answered) else None
            ident, since = f"{journey.id}-{number}", began - journey.began
            journey.attempts.append(Attempt(ident, target, since, took, outcome, first))
            if isinstance(outcome, Failed):
                standing.blame(target, outcome.failure, time.time(), begun)
            elif isinstance(outcome, Answered):
                standing.praise(target)
            standing.quotas.end(target, begun, outcome)


def _left(journey: Journey) -> float:
    return journey.began + WITHIN - time.monotonic()


def _worth(failed: Unanswered, journey: Journey) -> float | None:
    """Return the seconds after which to ask again, where a limit is all that is in the way."""
    wait = failed.retry_after
    if failed.code != "upstream_rate_limited" or wait is None:
        return None
    return max(wait, 0.05) if wait <= min(WAITS, _left(journey)) else None
