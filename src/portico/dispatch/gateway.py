"""What the gateway can do, one method a use case."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Protocol

from msgspec.structs import replace as replaced

from portico.access.allowed import Views, check
from portico.access.base import Caller
from portico.access.limits import Limits
from portico.chat.messages import Modality, Part
from portico.chat.pictures import left_out, pictures, with_parts
from portico.chat.request import ChatRequest
from portico.dispatch.eyes import STUB
from portico.dispatch.failover import Failover, Opening
from portico.dispatch.handing_down import HANDED_DOWN, HandingDown, may_be, without
from portico.dispatch.journey import Journey
from portico.dispatch.refusals import incapable
from portico.dispatch.rescue import Answer
from portico.dispatch.reserving import Counted, Reserved, reserve, settle
from portico.dispatch.taping import Taping
from portico.errors import GatewayError, StreamBroken
from portico.ledger.base import Ending, Entry, ending
from portico.ledger.writer import Ledger
from portico.routing.choices import decide
from portico.routing.roles import Catalog, Role
from portico.routing.routes import Route, needs, plan
from portico.routing.tiers import Target
from portico.shared.sharing import Sharing
from portico.upstreams.base import Upstream
from portico.upstreams.embedding import Embeds
from portico.upstreams.standing import Standing

FROM_CACHE = "the cache"
"""What the ledger names as having decided on an answer that was given before."""


class Notes(Protocol):
    """Whoever wants to know what was said of pictures."""

    def note(self, journey: Journey, said: str) -> None:
        """Take note of a whole answer. Sync, never waits."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """One configuration, opened: replaced whole by a reload, kept by the requests inside."""

    catalog: Catalog
    upstreams: Mapping[str, Upstream]
    embedders: Mapping[str, Embeds] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everybody who can be asked for anything."""
        return (*self.catalog.targets.values(), *self.catalog.embedders.values())


class Gateway:
    """The use cases, over one house at a time."""

    def __init__(
        self,
        house: House,
        failover: Failover,
        ledger: Ledger,
        handing_down: HandingDown | None = None,
        taping: Taping | None = None,
    ) -> None:
        self.house = house
        self.failover = failover
        self.ledger = ledger
        self.handing_down = handing_down
        self.taping = taping
        self.limits = Limits()
        self.counted = Counted(self.limits)
        self.remembering: Notes | None = None
        self.in_flight = 0
        self._views = Views()

    def move(self, house: House) -> None:
        """Serve from *house* from now on; who is parked stays parked."""
        parked = self.house.catalog.parked
        self.house = replace(house, catalog=replace(house.catalog, parked=parked))

    def park(self, parked: Mapping[str, str]) -> None:
        """Ask the targets in *parked* no more, for the reasons there; all others may be asked."""
        house = self.house
        self.house = replace(house, catalog=replace(house.catalog, parked=parked))

    def share(self, sharing: Sharing) -> None:
        """Hold limits and places with all processes that share them, from now on."""
        self.counted = Counted(self.limits, sharing)
        self.failover.places.sharing = sharing

    @property
    def standing(self) -> Standing:
        """What has been learned about targets and upstreams."""
        return self.failover.standing

    async def asked(self, journey: Journey) -> str:
        """Ask for an operator, who reads of it in the ledger: return why it failed, "" if not."""
        try:
            async with self.chat(journey) as answer:
                async for _ in answer.batches():
                    pass
                journey.status = 200
        except GatewayError as exc:
            return str(exc)
        return ""

    def chat(self, journey: Journey) -> "Answering":
        """
        Answer the journey's request; whatever happens, the ledger hears of it once.

        Entering raises:
            CallerError: nobody was asked, and the caller can mend it.
            QuotaExceeded: a limit of the caller's is reached.
            Unanswered: everybody who could be asked failed.
        """
        return Answering(self, journey)

    def given_again(self, journey: Journey, target: str) -> None:
        """Record an answer of *target*'s that the cache gave: nobody was asked."""
        journey.status = 200
        if self.taping is not None:
            self.taping.begin(journey)
        entry = replaced(
            entry_of(journey),
            outcome=Ending.ANSWERED,
            target=target or None,
            decided_by=FROM_CACHE,
        )
        self.ledger.record(entry)
        if self.taping is not None:
            self.taping.end(journey, entry)

    def catalog_of(self, caller: Caller, house: House | None = None) -> Catalog:
        """Return the part of the catalog that *caller* may use."""
        return self._views.of((house or self.house).catalog, caller)

    def planned(self, request: ChatRequest, caller: Caller) -> Route:
        """
        Say who would be asked for *caller*'s request, without asking.

        Raises:
            NotAllowed: they may not ask for this model.
            ModelNotFound: no such role or target.
        """
        house = self.house
        catalog = self.catalog_of(caller, house)
        check(caller, request.model, house.catalog, catalog)
        return self.route(request, catalog)

    def route(self, request: ChatRequest, catalog: Catalog | None = None) -> Route:
        """
        Say who would be asked, without asking; without candidates nobody could be.

        Raises:
            ModelNotFound: no such role or target.
        """
        catalog = catalog or self.house.catalog
        return decide(request, catalog, self.standing.view(catalog.targets.values(), time.time()))


class Answering:
    """One request under way: an async context manager that gives its answer; see `Gateway.chat`."""

    __slots__ = ("_answer", "_gateway", "_hold", "_journey", "_opening", "_route")

    def __init__(self, gateway: Gateway, journey: Journey) -> None:
        self._gateway = gateway
        self._journey = journey
        self._hold: Reserved | None = None

    async def __aenter__(self) -> Answer:
        gateway, journey = self._gateway, self._journey
        house = gateway.house
        gateway.in_flight += 1
        if gateway.taping is not None:
            gateway.taping.begin(journey)
        try:
            self._route, catalog = self._planned(house)
            route = self._route
            self._hold = await reserve(gateway.counted, journey, route)
            try:
                if not route.candidates:
                    raise incapable(route, catalog)
                await self._leave_out(route.role)
                self._opening = gateway.failover.open(journey, route, house.upstreams)
                self._answer = await self._opening.__aenter__()
            except GatewayError as failed:
                blind = await self._handed_down(route, failed)
                if blind is None:
                    raise
                self._opening = blind
                self._answer = await blind.__aenter__()
        except BaseException as exc:
            self._end(exc)
            raise
        return self._answer

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._opening.aclose()
            if error is None:
                self._note()
        except BaseException as exc:
            self._end(exc)
            raise
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """However it has ended: what is not used is given back, and the ledger told."""
        gateway, journey = self._gateway, self._journey
        if isinstance(error, GatewayError):
            journey.status, journey.code = journey.status or error.status, error.code
            if isinstance(error, StreamBroken):
                error.attempts = journey.asked
        gateway.in_flight -= 1
        settle(gateway.counted, self._hold, journey.attempts)
        entry = entry_of(journey)
        gateway.ledger.record(entry)
        if gateway.taping is not None:
            gateway.taping.end(journey, entry)

    def _planned(self, house: House) -> tuple[Route, Catalog]:
        """Plan the journey's route with what its caller may use."""
        journey = self._journey
        catalog = self._gateway.catalog_of(journey.caller, house)
        if not journey.prepared:  # a use case of ours has chosen among what its caller may use
            check(journey.caller, journey.request.model, house.catalog, catalog)
        journey.route = self._gateway.route(journey.request, catalog)
        return journey.route, catalog

    async def _handed_down(self, route: Route, failed: GatewayError) -> Opening | None:
        """Ask again in words alone, where the role allows it; None where *failed* is the end."""
        gateway, journey = self._gateway, self._journey
        if gateway.handing_down is None or not may_be(route, failed):
            return None
        told = await gateway.handing_down.told(journey)
        if told is None:
            return None
        house = gateway.house
        view = gateway.standing.view(house.catalog.targets.values(), time.time())
        blind = without(plan(route.role, needs(told), house.catalog, view), journey)
        if not blind.candidates:
            return None
        journey.request, journey.route = told, blind
        journey.degrade(HANDED_DOWN)
        return gateway.failover.open(journey, blind, house.upstreams)

    async def _leave_out(self, role: Role) -> None:
        """The operator's policy for pictures of earlier turns; the caller is told."""
        journey = self._journey
        messages = journey.request.messages
        places = left_out(messages, role.old_pictures, role.last_n)
        if not places:
            return
        found, eyes = pictures(messages), self._gateway.failover.eyes
        stubs = [await eyes.stub(journey, found[place]) if eyes else STUB for place in places]
        parts = {place: (Part("text", said),) for place, said in zip(places, stubs, strict=True)}
        journey.request = with_parts(journey.request, parts)
        journey.degrade("old-pictures-left-out")

    def _note(self) -> None:
        """What a model that sees has said of a picture may be all that a blind one can be told."""
        gateway, journey, route = self._gateway, self._journey, self._route
        seen = Modality.IMAGE in route.needs.modalities and journey.route is route
        if not seen or journey.prepared:
            return
        said = self._answer.text
        if gateway.remembering is not None:
            gateway.remembering.note(journey, said)
        if route.role.hand_down and gateway.handing_down is not None:
            gateway.handing_down.note(journey, said)


def entry_of(journey: Journey) -> Entry:
    """The whole story, as the ledger keeps it: no bodies."""
    now = time.monotonic()
    route, attempts = journey.route, tuple(journey.attempts)
    caller, talk = journey.caller, journey.conversation
    early = Ending.REFUSED if journey.code else Ending.ABANDONED
    return Entry(
        id=journey.id,
        started=journey.started,
        asked=journey.request.model,
        role=route.role.name if route else None,
        decided_by=route.decided_by[0].name if route and route.decided_by else "",
        caller=caller.key,
        person=caller.person,
        team=caller.team,
        chat=talk.chat,
        message=talk.message,
        task=journey.errand or journey.request.task,
        operation=journey.operation,
        modalities=tuple(sorted(route.needs.modalities)) if route else (),
        streamed=journey.request.stream,
        outcome=ending(attempts, early),
        status=journey.status,
        degraded=", ".join(journey.degraded) or None,
        target=journey.answering.name if journey.answering else None,
        took=now - journey.began,
        attempts=attempts,
        traceparent=journey.traceparent,
    )
