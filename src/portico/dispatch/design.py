"""The design use cases: what is on a picture, how two differ, and what pixels prove."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from portico.artifacts.taking import Intake
from portico.dispatch import asking, measuring
from portico.dispatch.gateway import Gateway
from portico.dispatch.journey import Journey
from portico.dispatch.looking import Looker, Survey
from portico.dispatch.measuring import Audited, Comparison, Shown
from portico.dispatch.refusals import incapable, unanswered
from portico.errors import GatewayError, MalformedRequest, QuotaExceeded, Unanswered
from portico.routing.tiers import Target
from portico.vision.elements import Box, Element, Elements, Notice
from portico.vision.merging import fuse

if TYPE_CHECKING:
    from PIL import Image

CONSENSUS = 2
"""Targets that look at a picture whose elements are to be agreed on."""

type Found = tuple[Target, Elements]


class Design:
    """What designers ask for besides chats. Whatever works hard does so in the intake's threads."""

    def __init__(self, gateway: Gateway, intake: Intake) -> None:
        self.intake = intake
        self._gateway = gateway
        self._looker = Looker(gateway, intake)

    async def elements(self, survey: Survey) -> Elements:
        """
        Return what the first candidate that answers finds on the survey's picture.

        With `consensus` the first two are asked at once, and their lists fused; a list that
        nobody else could be had for says so. Every chat is in the ledger, under its target.

        Raises:
            CallerError: the picture cannot be taken, or nobody asked could see it.
            Unanswered: everybody who could be asked failed; has all their attempts.
        """
        catalog = self._gateway.catalog_of(survey.caller)
        route = self._gateway.planned(asking.probe(survey.wish.model), survey.caller)
        survey.route = route
        if not route.candidates:
            raise incapable(route, catalog)
        queue, errors = iter(route.candidates), list[GatewayError]()
        lanes = CONSENSUS if survey.wish.consensus else 1
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._lane(queue, survey, errors)) for _ in range(lanes)]
        found = [one for task in tasks if (one := task.result()) is not None]
        if not found:
            raise self._failure(survey, errors)
        found.sort(key=lambda one: route.candidates.index(one[0]))
        survey.answering = [target for target, _ in found]
        return await self._agreed(found, survey)

    async def _lane(
        self, queue: Iterator[Target], survey: Survey, errors: list[GatewayError]
    ) -> Found | None:
        """Ask whoever is next in *queue* until one has looked; lanes share the queue."""
        for target in queue:
            found = await self._looker.look(target, survey)
            if isinstance(found, Elements):
                return target, found
            errors.append(found)
            if _is_the_callers(found):
                break
        return None

    async def _agreed(self, found: Sequence[Found], survey: Survey) -> Elements:
        (_, first), *others = found
        if others:
            (_, second) = others[0]
            return await self.intake.work(partial(fuse, first, second))
        if not survey.wish.consensus:
            return first
        survey.remarks.append("no-consensus")
        alone = Notice("no_consensus", "only one target could look at the picture")
        return replace(first, warnings=(*first.warnings, alone))

    def _failure(self, survey: Survey, errors: Sequence[GatewayError]) -> GatewayError:
        """What the caller can mend comes first; else everybody's attempts in one error."""
        assert survey.route is not None, "nobody failed before it was known whom to ask"
        for error in errors:
            if _is_the_callers(error):
                return error
        if not survey.attempts and not isinstance(errors[0], Unanswered):
            return errors[0]
        summed = Journey(survey.id, asking.probe(survey.wish.model), time.time(), time.monotonic())
        summed.attempts = survey.attempts
        asked = {attempt.target.name for attempt in summed.attempts}
        skipped = [one for one in survey.route.candidates if one.name not in asked]
        return unanswered(summed, survey.route, skipped, self._gateway.standing)

    async def overlaid(self, found: Elements, picture: bytes, page: int | None) -> bytes:
        """
        Return *picture* as a PNG with the boxes of *found* drawn on it.

        Raises:
            PictureRefused: as `Intake.opened` says.
        """
        opened = await self.intake.opened(picture)
        image = opened.sheets[(page or 1) - 1].image
        return await self.intake.work(partial(_overlaid, image, found), alone=True)

    async def compared(
        self, before: Shown, after: Shown, ignore: Sequence[Box], *, heat: bool
    ) -> Comparison:
        """Return how *after* differs from *before*, but for what lies in one of *ignore*."""
        work = partial(measuring.compared, before, after, ignore, heat=heat)
        return await self.intake.work(work, alone=True)

    async def audited(
        self, one: Shown, elements: Sequence[Element], density: float | None
    ) -> Audited:
        """
        Return what the pixels of *one* prove about *elements*.

        Raises:
            MalformedRequest: as `measuring.audited` says.
        """
        return await self.intake.work(
            partial(measuring.audited, one, elements, density), alone=True
        )

    async def shown(self, picture: bytes, page: int | None, most: int) -> Shown:
        """
        Return one page of *picture*, of at most *most* pixels.

        Raises:
            PictureRefused: it cannot be opened, has no such page, or too many pixels.
        """
        return measuring.shown(await self.intake.opened(picture), page, most)


def _overlaid(image: "Image.Image", found: Elements) -> bytes:
    from portico.vision.overlay import overlay  # brings Pillow's fonts: with the first picture

    return overlay(image, found)


def _is_the_callers(error: GatewayError) -> bool:
    """True for what no other target would change: a picture that nobody takes, a spent budget."""
    return isinstance(error, MalformedRequest | QuotaExceeded)
