"""One picture put before one target, view by view; what is told of it on the way."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from portico.access.base import Caller
from portico.artifacts.pictures import PictureRefused, Prepared
from portico.artifacts.profiles import profile_for
from portico.artifacts.taking import LARGE, Intake
from portico.chat.reply import Choice, Delta, collect
from portico.chat.request import ChatRequest
from portico.dispatch import asking
from portico.dispatch.gateway import Gateway
from portico.dispatch.journey import Journey
from portico.errors import GatewayError, Unanswered
from portico.routing.attempts import Attempt
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.vision.elements import Elements
from portico.vision.reading import MISMATCH

AT_ONCE = 3
"""Views of one picture that one target is asked about at the same time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What is asked: whom (`model` is a role, a target or `auto`), and about which picture.

    `page` counts from 1; None is the first. `detail` is OpenAI's low | high | auto.
    """

    picture: bytes = field(repr=False)
    model: str = "vision"
    consensus: bool = False
    detail: str | None = None
    page: int | None = None


@dataclass(slots=True)
class Survey:
    """
    One request's way: what headers and errors are told of it, filled in as it goes.

    Each chat is a journey of its own, under this request's id and a number.
    """

    id: str
    wish: Wish
    caller: Caller = field(default=Caller())
    traceparent: str | None = None
    route: Route | None = None
    journeys: list[Journey] = field(default_factory=list)
    answering: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def attempts(self) -> list[Attempt]:
        """Everybody who was asked, and how that went."""
        return [attempt for journey in self.journeys for attempt in journey.attempts]

    @property
    def degraded(self) -> tuple[str, ...]:
        """What is less than it could be, each once."""
        chats = (remark for journey in self.journeys for remark in journey.degraded)
        return tuple(dict.fromkeys((*self.remarks, *chats)))

    def again(self) -> Journey:
        """Return the journey of a request that the cache answers: no chat was begun for it."""
        now = time.monotonic()
        asked = asking.probe(self.wish.model)
        return Journey(self.id, asked, time.time(), now, self.caller, self.traceparent)

    def journey(self, request: ChatRequest) -> Journey:
        """Begin the next chat."""
        ident, now = f"{self.id}-{len(self.journeys) + 1}", time.monotonic()
        begun = Journey(ident, request, time.time(), now, self.caller, self.traceparent)
        begun.prepared = True
        self.journeys.append(begun)
        return begun


class Looker:
    """Puts pictures before targets. What they fail with is a value: somebody else may look."""

    def __init__(self, gateway: Gateway, intake: Intake) -> None:
        self._gateway = gateway
        self._intake = intake

    async def look(self, target: Target, survey: Survey) -> Elements | GatewayError:
        """Return what *target* finds on the picture, or why it finds nothing out."""
        wish = survey.wish
        try:
            profile = profile_for(target.boxes, target.model)
            every = await self._intake.prepared(wish.picture, profile)
            views = asking.pages_of(every, wish.page)
        except PictureRefused as refused:
            return refused
        said = await self._views(target, views, survey)
        found = [one for one in said if isinstance(one, Elements)]
        if not found:
            return next(one for one in said if isinstance(one, GatewayError))
        if missing := len(said) - len(found):
            survey.remarks.append("tile-missing")
        noticed = asking.notices(every, views, wish.page)
        return await self._intake.work(partial(asking.page, found, missing, noticed))

    async def _views(
        self, target: Target, views: Sequence[Prepared], survey: Survey
    ) -> list[Elements | GatewayError]:
        places = asyncio.Semaphore(AT_ONCE)

        async def in_turn(view: Prepared) -> Elements | GatewayError:
            async with places:
                try:
                    return await self._view(target, view, survey)
                except GatewayError as exc:
                    return exc

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(view)) for view in views]
        return [task.result() for task in tasks]

    async def _view(self, target: Target, view: Prepared, survey: Survey) -> Elements:
        """
        Return what *target* finds on *view*; who writes in a wrong convention is reminded once.

        Raises:
            GatewayError: it did not answer.
        """
        mark = secrets.token_hex(16)
        ask = partial(asking.question, target, view, survey.wish.detail, mark)
        request = await self._intake.work(ask)
        answer = await self._ask(request, survey)
        found = await self._read(answer, target, view)
        if not found.warned(MISMATCH):
            return found
        again = asking.reminded(request, answer.text, target)
        try:
            second = await self._read(await self._ask(again, survey), target, view)
        except GatewayError:
            return found  # with its warning; the ledger has why
        return asking.better(found, second)

    async def _ask(self, request: ChatRequest, survey: Survey) -> Choice:
        journey = survey.journey(request)
        deltas: list[Delta] = []
        async with self._gateway.chat(journey) as answer:
            async for batch in answer.batches():
                deltas += batch
            journey.status = 200
        choice = collect(deltas).choices[0]
        if choice.finish == "content_filter" and _moves_on(survey):
            raise Unanswered("The provider's policy refused to look at this picture.")
        return choice

    async def _read(self, answer: Choice, target: Target, view: Prepared) -> Elements:
        alone = view.width * view.height > LARGE
        read = partial(asking.told, answer, target, view)
        return await self._intake.work(read, alone=alone)


def _moves_on(survey: Survey) -> bool:
    """The role's policy for a provider's refusal; a named target has nobody to move on to."""
    return survey.route is not None and survey.route.role.refused == "next"
