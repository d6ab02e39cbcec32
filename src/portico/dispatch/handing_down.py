"""What a blind model is told where nobody who sees is alive: what a picture showed, in words."""

import time
from datetime import UTC, datetime

from msgspec.structs import replace

from portico.artifacts.pictures import Prepared
from portico.artifacts.profiles import GENERIC
from portico.chat.messages import Link, Modality, Part
from portico.chat.pictures import Place, pictures, turn_begins, with_parts
from portico.chat.request import ChatRequest
from portico.dispatch.descriptions import Description, Descriptions
from portico.dispatch.errands import Errands
from portico.dispatch.eyes import Eyes
from portico.dispatch.journey import Journey
from portico.errors import CallerError, GatewayError, NoCapableTarget, Unanswered
from portico.routing.attempts import Answered
from portico.routing.routes import Route

HANDED_DOWN = "image-handed-down"
"""What `x-portico-degraded` says then."""
PATIENCE = 60.0
"""Seconds for which nobody has to wait for a note."""
DEAD = frozenset({429, 502, 503, 504})
"""Statuses of a failure that another model may not have; the others are the request's own."""


def may_be(route: Route, failed: GatewayError) -> bool:
    """Return whether *failed* is a reason to hand the pictures of *route* down in words."""
    if not route.role.hand_down or Modality.IMAGE not in route.needs.modalities:
        return False
    dead = isinstance(failed, Unanswered) and failed.status in DEAD
    return dead or (isinstance(failed, NoCapableTarget) and not route.candidates)


def without(route: Route, journey: Journey) -> Route:
    """Return *route* without those who have been asked already."""
    asked = {attempt.target.name for attempt in journey.attempts}
    left = tuple(target for target in route.candidates if target.name not in asked)
    return replace(route, candidates=left)


class HandingDown:
    """Notes what models that see say of pictures, and tells it to those that do not."""

    def __init__(self, eyes: Eyes, descriptions: Descriptions, errands: Errands) -> None:
        self._eyes = eyes
        self._descriptions = descriptions
        self._errands = errands

    def clear(self) -> None:
        """Remember nothing but what the store has."""
        self._descriptions.clear()

    async def told(self, journey: Journey) -> ChatRequest | None:
        """Return the journey's request in words alone, or None if a picture was never described."""
        request = journey.request
        parts: dict[Place, tuple[Part, ...]] = {}
        for place, link in pictures(request.messages).items():
            words = await self._words(journey, link)
            if words is None:
                return None
            parts[place] = (Part("text", words),)
        return with_parts(request, parts)

    async def _words(self, journey: Journey, link: Link) -> str | None:
        try:
            look = await self._eyes.look(journey, link, GENERIC)
        except CallerError:
            return None  # the first failure is the one to tell
        known = [await self._descriptions.find(journey.caller.owner, one) for one in look.pixels]
        if None in known:
            return None
        return _said(look.made, [one for one in known if one is not None])

    def note(self, journey: Journey, said: str) -> None:
        """Remember *said*, a whole answer, for the pictures of the turn that it answers."""
        last = journey.attempts[-1] if journey.attempts else None
        if last is None or not isinstance(last.outcome, Answered) or not said.strip():
            return
        messages = journey.request.messages
        begins = turn_begins(messages)
        links = [link for place, link in pictures(messages).items() if place.message >= begins]
        description = Description(last.target.name, said.strip(), time.time())
        self._errands.send(self._note(journey, links, description), PATIENCE)

    async def _note(self, journey: Journey, links: list[Link], description: Description) -> None:
        for link in links:
            look = await self._eyes.look(journey, link, GENERIC)
            for one in look.pixels:
                self._descriptions.note(journey.caller.owner, one, description)


def _said(made: tuple[Prepared, ...], known: list[Description]) -> str:
    """Return what stands in a picture's place: marked as no more than it is."""
    width, height = made[0].original
    told = [
        f"[Here was a picture of {width} x {height} pixels. You cannot see it, and no model that"
        " can is available: say so. This is what is known of it.]"
    ]
    for one in dict.fromkeys(known):
        day = datetime.fromtimestamp(one.seen, UTC).date()
        told.append(f"[{one.target}, who saw it on {day}, answered:]\n{one.said}\n[End of answer.]")
    told += (f"[Written in it: {one.text}]" for one in made if one.text)
    return "\n".join(told)
