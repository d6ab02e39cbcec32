"""What was shown and said, noted after the answer: a record beside the artifacts, then points."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
from msgspec import Struct

from portico.access.base import Caller
from portico.artifacts.archive import Archive
from portico.artifacts.base import BlobMissing, Blobs
from portico.artifacts.index import Artifact
from portico.artifacts.intake import artifact_in
from portico.artifacts.profiles import GENERIC
from portico.artifacts.taking import Intake
from portico.chat.messages import Link
from portico.chat.pictures import pictures, turn_begins
from portico.dispatch.errands import Errands
from portico.dispatch.eyes import Eyes
from portico.dispatch.journey import Journey
from portico.dispatch.meaning import Meaning
from portico.errors import GatewayError, NotFound
from portico.memory.base import EVERYBODY, PICTURE, TEXT, Memory, Point, Vector, ident
from portico.routing.attempts import Answered
from portico.stores.guard import Guard
from portico.traces.base import Capture
from portico.traces.redaction import Redactor
from portico.vision import likeness
from portico.vision.elements import Elements

log = logging.getLogger(__name__)

PLACE = "remembered"
PATIENCE = 120.0
"""Seconds for which nobody has to wait for a note."""
WITHIN = 10.0
"""Seconds of one call to the memory that nobody waits for."""
MOST_PICTURES = 8
MOST_SAID = 4_000
"""Characters of what was asked, and of what was answered."""
BATCH = 32

_encode = msgspec.json.Encoder().encode


class Record(Struct, frozen=True, kw_only=True):
    """
    What a request showed and what was said of it; `at` is in epoch seconds.

    `chat` is the front end's id of the chat, where one was told. `simulated` answers are made up,
    and not kept. Records are what the memory can be made anew of.
    """

    artifact: str
    request: str
    at: float
    owner: str | None = None
    chat: str | None = None
    target: str = ""
    asked: str = ""
    said: str = ""
    simulated: bool = False

    @property
    def text(self) -> str:
        """What its words are searched in, and its meaning made of."""
        return f"{self.asked}\n{self.said}".strip()

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{PLACE}/{self.artifact}/{ident(self.artifact, self.request)}.json"


@dataclass(frozen=True, slots=True)
class Keep:
    """The stores that memories are made of."""

    archive: Archive
    blobs: Blobs
    intake: Intake
    eyes: Eyes


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild came to; `gone` are records whose artifact is no longer there."""

    points: int = 0
    gone: int = 0
    unread: int = 0
    without_meaning: int = 0
    owners: set[str | None] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Found:
    """Who looked at a picture for whom, in which request."""

    request: str
    caller: Caller
    target: str
    simulated: bool = False


class Remembering:
    """Notes, forgets, and makes anew; what fails is logged, and no answer waits for it."""

    def __init__(
        self, memory: Memory, keep: Keep, errands: Errands, meaning: Meaning | None, guard: Guard
    ) -> None:
        self.memory = memory
        self.meaning = meaning
        self.guard = guard
        self._keep = keep
        self._errands = errands

    def note(self, journey: Journey, said: str) -> None:
        """Remember the pictures of the turn that *said*, a whole answer, was given to."""
        last = journey.attempts[-1] if journey.attempts else None
        whole = last is not None and isinstance(last.outcome, Answered)
        if not whole or last is None or not _may(journey):
            return
        messages = journey.request.messages
        begins = turn_begins(messages)
        shown = [link for place, link in pictures(messages).items() if place.message >= begins]
        record = Record(
            artifact="",
            request=journey.id,
            at=journey.started,
            chat=journey.conversation.chat,
            target=last.target.name,
            asked=_asked(journey)[:MOST_SAID],
            said="" if last.target.simulated else said.strip()[:MOST_SAID],
            simulated=last.target.simulated,
        )
        if shown:
            self._errands.send(self._note(journey, shown[:MOST_PICTURES], record), PATIENCE)

    def seen(self, picture: bytes, found: Elements, by: Found) -> None:
        """Remember what was found on *picture*, where the caller has an artifact of it."""
        if by.caller.capture != "full" or by.simulated:
            return
        said = " ".join(filter(None, (f"{one.label} {one.text or ''}" for one in found.elements)))
        record = Record(
            artifact="", request=by.request, at=time.time(), target=by.target, said=said[:MOST_SAID]
        )
        self._errands.send(self._carried(picture, record, by.caller), PATIENCE)

    async def _note(self, journey: Journey, shown: list[Link], record: Record) -> None:
        with_ids: list[Record] = []
        for link in shown:
            try:
                artifact = await self._artifact(journey, link)
            except GatewayError as exc:
                log.info("a picture is not remembered: %s", exc)
                continue
            if artifact is not None:
                whose = {"artifact": artifact.id, "owner": artifact.owner}
                with_ids.append(msgspec.structs.replace(record, **whose))
        await self._noted(with_ids, journey.caller)

    async def _carried(self, picture: bytes, record: Record, caller: Caller) -> None:
        try:
            raw = await self._keep.intake.work(lambda: hashlib.sha256(picture).hexdigest())
            artifact = await self._keep.archive.carried(caller.owner, raw)
        except GatewayError as exc:
            log.info("a picture is not remembered: %s", exc)
            return
        if artifact is not None:
            whose = {"artifact": artifact.id, "owner": artifact.owner}
            await self._noted([msgspec.structs.replace(record, **whose)], caller)

    async def _artifact(self, journey: Journey, link: Link) -> Artifact | None:
        owner, archive = journey.caller.owner, self._keep.archive
        if (named := artifact_in(link.url)) is not None:
            return await archive.find(named, owner)
        look = await self._keep.eyes.look(journey, link, GENERIC)
        await archive.flush()
        return await archive.carried(owner, look.made[0].raw)

    async def _noted(self, unmasked: Sequence[Record], caller: Caller) -> None:
        records = [_masked(record) for record in unmasked]
        try:
            for record in records:
                await self._keep.blobs.put(record.key, _encode(record))
            await self.index(records, caller)
        except GatewayError as exc:
            log.warning("what was shown is not remembered yet: %s", exc)

    # -- points

    async def index(self, records: Sequence[Record], caller: Caller) -> int:
        """
        Put the points of *records* into the memory; return how many.

        Raises:
            StoreUnavailable: the memory or the artifacts are away.
        """
        points = [made for record in records if (made := await self._point(record)) is not None]
        if not points:
            return 0
        meant = await self._meant([point.text for point in points], caller, points[0].chat)
        if meant is not None:
            points = [_meaning(*both) for both in zip(points, meant, strict=True)]
        await self.guard.call(partial(self.memory.put, points), WITHIN)
        return len(points)

    async def _point(self, record: Record) -> Point | None:
        try:
            held = await self._keep.archive.find(record.artifact, record.owner)
            readers = await self._keep.archive.readers(record.artifact)
            opened = await self._keep.intake.opened(await self._keep.archive.read(held))
        except NotFound:
            return None
        image = opened.sheets[0].image
        seen = await self._keep.intake.work(
            lambda: (likeness.describe(image), likeness.looks(image))
        )
        vectors: dict[str, Vector] = {PICTURE: seen[0]}
        return Point(
            id=ident(record.artifact, record.request),
            artifact=record.artifact,
            chat=record.request,
            at=record.at,
            readers=frozenset(reader or EVERYBODY for reader in readers),
            text=record.text,
            looks=seen[1],
            vectors=vectors,
        )

    async def _meant(
        self, texts: Sequence[str], caller: Caller, request: str
    ) -> list[Vector] | None:
        """Return vectors, or None: what has no meaning yet is still found by words and looks."""
        if self.meaning is None or not any(texts):
            return None
        try:
            return await self.meaning.vectors([text or " " for text in texts], caller, request)
        except GatewayError as exc:
            log.warning("no vectors for what was said: %s", exc)
            return None

    # -- what changes later

    async def shared(self, artifact: str, reader: str, *, seen: bool) -> None:
        """Somebody may see the artifact from now on, or no longer."""
        with_whom = partial(self.memory.share, artifact, reader, seen=seen)
        await self._anyway(with_whom, artifact)

    async def forget(self, artifact: str) -> None:
        """Forget all that is known of *artifact*, records too."""
        await self._anyway(partial(self.memory.forget, [artifact]), artifact)
        try:
            for key in [
                stored.key async for stored in self._keep.blobs.keys(f"{PLACE}/{artifact}")
            ]:
                await self._keep.blobs.delete(key)
        except GatewayError as exc:
            log.warning("records of %s are left: %s", artifact, exc)

    async def _anyway(self, work: Callable[[], Awaitable[None]], artifact: str) -> None:
        """A memory that is away is told by the next rebuild; until then every hit is checked."""
        try:
            await self.guard.call(work, WITHIN)
        except GatewayError as exc:
            log.warning("the memory of %s is out of date: %s", artifact, exc)

    async def record(self, artifact: str, request: str) -> Record | None:
        """Return what was kept of a request's picture, or None."""
        key = f"{PLACE}/{artifact}/{ident(artifact, request)}.json"
        try:
            return msgspec.json.decode(await self._keep.blobs.get(key), type=Record)
        except (BlobMissing, msgspec.DecodeError):
            return None

    # -- all anew

    async def rebuild(self) -> Rebuilt:
        """
        Make the memory anew of the records and artifacts.

        Raises:
            StoreUnavailable: a store is away; run it again.
        """
        told = Rebuilt()
        await self.memory.clear()
        batch: list[Record] = []
        async for record in self._records(told):
            batch.append(record)
            if len(batch) == BATCH:
                await self._again(batch, told)
                batch = []
        await self._again(batch, told)
        return told

    async def _records(self, told: Rebuilt) -> AsyncIterator[Record]:
        async for stored in self._keep.blobs.keys(PLACE):
            try:
                record = msgspec.json.decode(await self._keep.blobs.get(stored.key), type=Record)
                await self._keep.archive.find(record.artifact, record.owner)
            except BlobMissing:
                continue
            except NotFound:
                told.gone += 1
                await self._keep.blobs.delete(stored.key)
                continue
            except msgspec.DecodeError:
                told.unread += 1
                continue
            yield record

    async def _again(self, batch: Sequence[Record], told: Rebuilt) -> None:
        if batch:
            told.points += await self.index(batch, Caller())
            await asyncio.sleep(0)


def _meaning(point: Point, vector: Vector) -> Point:
    """Return *point* with what its words mean; one without words means nothing."""
    if not point.text:
        return point
    return msgspec.structs.replace(point, vectors={**point.vectors, TEXT: vector})


def _may(journey: Journey) -> bool:
    """Only what may be kept in full is remembered, and no front end's own tasks."""
    kept = journey.caller.capture == "full" and journey.capture is Capture.FULL
    return kept and journey.request.task is None


def _masked(record: Record) -> Record:
    """Return *record* without secrets: it is kept, and found by its words."""
    redactor = Redactor()
    return msgspec.structs.replace(
        record,
        chat=None if record.chat is None else redactor.text(record.chat),
        asked=redactor.text(record.asked),
        said=redactor.text(record.said),
    )


def _asked(journey: Journey) -> str:
    messages = journey.request.messages
    turn = messages[turn_begins(messages) :]
    return "\n".join(
        part.text
        for message in turn
        if message.role == "user"
        for part in message.parts
        if part.text
    )
