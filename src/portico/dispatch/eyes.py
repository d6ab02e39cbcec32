"""What each target gets to see: pictures prepared for it, and none prepared twice."""

import asyncio
import dataclasses
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pybase64
from msgspec.structs import replace

from portico.artifacts.archive import Archive
from portico.artifacts.intake import artifact_in
from portico.artifacts.kept import BESIDES
from portico.artifacts.pictures import Prepared
from portico.artifacts.profiles import Profile, profile_for, shared
from portico.artifacts.seen import Seen, Source
from portico.artifacts.taking import Intake
from portico.chat.aside import Piece, ticket_of, ticketed
from portico.chat.messages import Link, Part
from portico.chat.pictures import Place, pictures, with_parts
from portico.chat.request import ChatRequest
from portico.dispatch.journey import Glance, Journey
from portico.dispatch.taping import view
from portico.errors import CallerError, GatewayError, Overloaded
from portico.routing.tiers import Target
from portico.traces.base import Capture
from portico.traces.tape import Sight

STUB = "[A picture of an earlier turn was left out here.]"
NAMED_STUB = "[A picture of an earlier turn was left out here; it is artifact {}.]"
LOOKING_UP = 0.25
"""Seconds for which a chat waits to learn the name of what it leaves out."""
TOO_MANY = "[A picture was left out here: there are more than this model takes.]"


@dataclass(frozen=True, slots=True)
class Look:
    """
    What one picture becomes for one profile, and the base64 of that.

    Without base64 it goes just as it came, and `made` holds no content.
    """

    made: tuple[Prepared, ...]
    encoded: tuple[bytes, ...]

    @property
    def as_it_came(self) -> bool:
        """True if what was sent to us is what is sent on."""
        return not self.encoded

    @property
    def pixels(self) -> tuple[str, ...]:
        """The hashes of its sheets."""
        return tuple(dict.fromkeys(one.pixels for one in self.made))

    @property
    def size(self) -> int:
        """Bytes that it takes to remember this."""
        made = sum(len(one.content) + 4 * len(one.text) + BESIDES for one in self.made)
        return made + sum(map(len, self.encoded))


type _Name = tuple[str, bytes, Profile]
"""How it came, its mark, and for whom it was prepared."""


class Looks:
    """The looks asked for last, within *room* bytes; for the event loop alone."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held = 0
        self._looks: OrderedDict[_Name, Look] = OrderedDict()

    def find(self, name: _Name) -> Look | None:
        """Return the look of that picture for that profile, if it is remembered."""
        look = self._looks.get(name)
        if look is not None:
            self._looks.move_to_end(name)
        return look

    def keep(self, name: _Name, look: Look) -> None:
        """Remember *look*, and forget what was not asked for the longest."""
        if look.size > self._room:
            return
        known = self._looks.pop(name, None)
        self._held += look.size - (known.size if known else 0)
        self._looks[name] = look
        while self._held > self._room:
            self._held -= self._looks.popitem(last=False)[1].size


class Eyes:
    """
    Puts prepared pictures in place of those that came.

    A picture that was looked at before is known by the base64 it came in: nothing of it is decoded
    again, however many turns its chat has. The *archive* keeps what is shown; nobody waits for it.
    """

    def __init__(
        self,
        intake: Intake,
        room: int = 128_000_000,
        archive: Archive | None = None,
    ) -> None:
        self._intake = intake
        self._looks = Looks(room)
        self._archive = archive

    async def stub(self, journey: Journey, link: Link) -> str:
        """Return what is said in place of the picture behind *link*; asks nobody for long."""
        named = artifact_in(link.url)
        if named is None and self._archive is not None:
            named = await self._named(journey, link, self._archive)
        return NAMED_STUB.format(named) if named else STUB

    async def _named(self, journey: Journey, link: Link, archive: Archive) -> str | None:
        held = journey.request.aside.get(ticket_of(link.url))
        if held is None:
            return None
        try:
            async with asyncio.timeout(LOOKING_UP):
                data = await self._intake.decoded(held)
                raw = await self._intake.work(lambda: hashlib.sha256(data).hexdigest())
                known = await archive.carried(journey.caller.owner, raw)
        except (TimeoutError, GatewayError):
            return None
        return known.id if known else None

    async def show(
        self, journey: Journey, request: ChatRequest, target: Target, within: float
    ) -> ChatRequest:
        """
        Return *request* with every picture as *target* takes it; ends after *within* seconds.

        Raises:
            CallerError: a picture cannot be taken; `param` names its place.
            Overloaded: there was no time to prepare them all.
        """
        found = pictures(request.messages)
        if not found or journey.prepared:
            return request
        profile = profile_for(target.boxes, target.model)
        places = list(found)
        sent = places[-profile.count :]
        each = shared(profile, len(sent))
        try:
            async with asyncio.timeout(within):
                looks = [await self._looked(journey, found[place], place, each) for place in sent]
        except TimeoutError:
            said = "The pictures could not be prepared in time."
            raise Overloaded(said, retry_after=5) from None
        showing = _Showing()
        for place in places[: -profile.count]:
            showing.parts[place] = (Part("text", TOO_MANY),)
        for place, look in zip(sent, looks, strict=True):
            first = look.made[0]
            journey.glances[found[place].url] = Glance(first.raw, first.likeness)
            tickets = showing.add(place, found[place], look)
            self._tell(journey, _Sight(place, found[place], target), look)
            if journey.tape is not None:
                views = tuple(map(view, tickets, look.made))
                journey.tape.sights.append(Sight(str(place), target.name, first.raw, views))
        if len(sent) < len(places):
            journey.degrade("pictures-left-out")
        return with_parts(request, showing.parts, showing.aside)

    async def _looked(self, journey: Journey, link: Link, place: Place, profile: Profile) -> Look:
        try:
            return await self.look(journey, link, profile)
        except CallerError as refused:
            refused.param = refused.param or str(place)
            raise

    async def look(self, journey: Journey, link: Link, profile: Profile) -> Look:
        """
        Return what becomes of the picture behind *link* for *profile*.

        Raises:
            CallerError: it cannot be taken.
        """
        held = journey.request.aside.get(ticket_of(link.url))
        if held is None:
            return await self._brought(journey, link, profile)
        name = "", await self._intake.mark(held), profile
        look = self._looks.find(name)
        if look is None:
            look = await self._made(await self._intake.decoded(held), profile, inline=True)
            self._looks.keep(name, look)
        return look

    async def _brought(self, journey: Journey, link: Link, profile: Profile) -> Look:
        """What has to be fetched is fetched once a request, however many are asked."""
        data = journey.brought.get(link.url)
        if data is None:
            data = await self._intake.bytes_of(link.url, journey.caller.owner)
            journey.brought[link.url] = data
        inline = link.url.startswith("data:")
        name = "" if inline else "linked", await self._intake.mark(data), profile
        look = self._looks.find(name)
        if look is None:
            look = await self._made(data, profile, inline=inline)
            self._looks.keep(name, look)
        return look

    async def _made(self, data: bytes, profile: Profile, *, inline: bool) -> Look:
        size, preparing = len(data), self._intake.prepared(data, profile)
        del data  # a large picture's bytes are not held while it is prepared
        made = await preparing
        # What was stripped of nothing is what came.
        if inline and len(made) == 1 and made[0].stripped and len(made[0].content) == size:
            return Look((dataclasses.replace(made[0], content=b""),), ())
        contents = [one.content for one in made]
        encoded = await self._intake.work(lambda: tuple(map(pybase64.b64encode, contents)))
        return Look(made, encoded)

    def _tell(self, journey: Journey, sight: "_Sight", look: Look) -> None:
        if self._archive is None or journey.capture is not Capture.FULL:
            return
        url = sight.link.url
        held = journey.request.aside.get(ticket_of(url))
        if held is None:
            source: Source = journey.brought[url]
        else:
            source = partial(self._intake.decoded, held)
        self._archive.keep(
            Seen(
                request=journey.id,
                owner=journey.caller.owner,
                place=str(sight.place),
                target=sight.target.name,
                raw=look.made[0].raw,
                size=look.made[0].original,
                pixels=look.pixels[0] if len(look.pixels) == 1 else None,
                source=source,
                weight=0 if held is None else memoryview(held).nbytes,
                shown=() if look.as_it_came else look.made,
                artifact=artifact_in(url),
            )
        )


@dataclass(frozen=True, slots=True)
class _Sight:
    """Which picture, and who is shown it."""

    place: Place
    link: Link
    target: Target


class _Showing:
    """The parts that take the places of pictures, and what their tickets stand for."""

    def __init__(self) -> None:
        self.parts: dict[Place, Sequence[Part]] = {}
        self.aside: dict[str, Piece] = {}
        self._mark = secrets.token_hex(16)

    def add(self, place: Place, link: Link, look: Look) -> list[str]:
        """Put *look* in *place*, unless that is how it came; return the tickets of its pictures."""
        tickets: list[str] = []
        parts: list[Part] = []
        for at, made in enumerate(look.made):
            parts += (Part("text", f"[{said}]") for said in (made.note, made.text) if said)
            held = look.encoded[at] if look.encoded else None
            if held is not None:
                tickets.append(ticketed(self._mark, len(self.aside)))
            parts.append(Part("image_url", image_url=self._link(link, made.mime, held)))
        if len(parts) > 1 or parts[0].link != link:
            self.parts[place] = parts
        return tickets

    def _link(self, link: Link, mime: str, encoded: bytes | None) -> Link:
        held = link.url.partition(",")[2]
        if encoded is not None:
            held = ticketed(self._mark, len(self.aside))
            self.aside[held] = encoded
        url = f"data:{mime};base64,{held}"
        return link if url == link.url else replace(link, url=url)
