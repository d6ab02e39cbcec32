"""What was shown and said, noted after the answer: a record beside the artifacts, then points."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

import msgspec

from portico.access.base import Caller
from portico.artifacts.archive import Archive
from portico.artifacts.base import BlobMissing, Blobs
from portico.artifacts.index import Artifact
from portico.artifacts.intake import artifact_in
from portico.artifacts.pictures import Likeness, PictureRefused
from portico.artifacts.taking import Intake
from portico.chat.pictures import pictures, turn_begins
from portico.dispatch.errands import Errands
from portico.dispatch.journey import Glance, Journey
from portico.dispatch.meaning import Meaning
from portico.dispatch.notes import Note, Notes
from portico.dispatch.records import PLACE, Record, asked_in, encode, key_of, masked
from portico.errors import GatewayError, NotFound, StoreUnavailable
from portico.memory.base import EVERYBODY, PICTURE, TEXT, Memory, Point, Vector, ident
from portico.routing.attempts import Answered
from portico.stores.guard import Guard
from portico.traces.base import Capture
from portico.vision.elements import Elements
from portico.vision.likeness import likeness

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds for which nobody has to wait for a note."""
WITHIN = 10.0
"""Seconds of one call to the memory that nobody waits for."""
CLOSING = 3.0
"""Seconds for what waits when everything is closed."""
MOST_PICTURES = 8
MOST_SAID = 4_000
"""Characters of what was asked, and of what was answered."""
BATCH = 32


type Known = Mapping[str, Likeness]
"""What artifacts, by id, look like, where that is known."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The stores that memories are made of."""

    archive: Archive
    blobs: Blobs
    intake: Intake


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
        self.notes = Notes()
        self._keep = keep
        self._errands = errands
        self._gathering = False
        self._settling = asyncio.Lock()
        self._closed = False

    def note(self, journey: Journey, said: str) -> None:
        """Remember the pictures of the turn that *said*, a whole answer, was given to."""
        last = journey.attempts[-1] if journey.attempts else None
        whole = last is not None and isinstance(last.outcome, Answered)
        if not whole or last is None or not _may(journey):
            return
        messages = journey.request.messages
        begins = turn_begins(messages)
        shown = {link.url for place, link in pictures(messages).items() if place.message >= begins}
        glances = [(url, seen) for url, seen in journey.glances.items() if url in shown]
        record = Record(
            artifact="",
            request=journey.id,
            at=journey.started,
            chat=journey.conversation.chat,
            target=last.target.name,
            asked=asked_in(messages[begins:])[:MOST_SAID],
            said="" if last.target.simulated else said.strip()[:MOST_SAID],
            simulated=last.target.simulated,
        )
        for url, seen in glances[:MOST_PICTURES]:
            self._take(Note(record, journey.caller, seen, _now(), artifact_in(url)))

    def seen(self, picture: bytes, found: Elements, by: Found) -> None:
        """Remember what was found on *picture*, where the caller has an artifact of it."""
        if by.caller.capture != "full" or by.simulated:
            return
        said = " ".join(filter(None, (f"{one.label} {one.text or ''}" for one in found.elements)))
        record = Record(
            artifact="", request=by.request, at=time.time(), target=by.target, said=said[:MOST_SAID]
        )
        self._errands.send(self._hashed(picture, record, by.caller), PATIENCE)

    async def _hashed(self, picture: bytes, record: Record, caller: Caller) -> None:
        raw = await self._keep.intake.work(lambda: hashlib.sha256(picture).hexdigest())
        self._take(Note(record, caller, Glance(raw), _now()))

    async def aclose(self) -> None:
        """Write down what still waits, within CLOSING seconds; what is left is lost."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSING):
                await self._settle()
        except TimeoutError:
            log.warning("the last notes of pictures were not written: the stores are slow")
        finally:
            self.notes.close()

    def _take(self, note: Note) -> None:
        if self._closed:
            return
        self.notes.take(note)
        self._gather()

    def _gather(self) -> None:
        if not self._gathering:
            self._gathering = True
            self._errands.send(self._gathered(), 2 * PATIENCE)

    async def _gathered(self) -> None:
        """What comes too late for this batch is taken by the next, and so is what is left."""
        try:
            await asyncio.sleep(self.notes.delay)
        finally:
            self._gathering = False
        if self._closed:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._settle()
        if self.notes and not self._closed:
            self._gather()

    async def _settle(self) -> None:
        """One at a time: whoever closes waits for what is under way."""
        async with self._settling:
            await self._keep.archive.flush()
            late, why = list[Note](), ""
            try:
                while batch := self.notes.batch(BATCH):
                    late += batch  # also where this is given up half-way
                    left, said = await self._noted(batch)
                    late[-len(batch) :] = left
                    why = said or why
            finally:
                self.notes.told(late, why or "it took too long")

    async def _noted(self, notes: Sequence[Note]) -> tuple[list[Note], str]:
        """Write down *notes* of one caller; return those whose store is away, and why."""
        late: list[Note] = []
        found: list[tuple[Note, Record]] = []
        why = ""
        for note in notes:
            try:
                record = await self._recorded(note)
            except StoreUnavailable as exc:
                late.append(note)
                why = str(exc)
            else:
                found += [] if record is None else [(note, record)]
        try:
            await self._pointed(found)
        except StoreUnavailable as exc:
            late += [replace(note, written=True) for note, _ in found]
            why = str(exc)
        except GatewayError as exc:
            log.warning("what was shown is found after a rebuild: %s", exc)
        return late, why

    async def _recorded(self, note: Note) -> Record | None:
        """
        Keep the record of *note* and return it; None where nobody keeps its picture.

        Raises:
            StoreUnavailable: nobody can say yet, or it could not be written.
        """
        artifact = await self._artifact(note)
        if artifact is None:
            return None
        whose = {"artifact": artifact.id, "owner": artifact.owner}
        record = masked(msgspec.structs.replace(note.record, **whose))
        if not note.written:
            await self._keep.blobs.put(record.key, encode(record), lasting=False)
        return record

    async def _artifact(self, note: Note) -> Artifact | None:
        archive, owner = self._keep.archive, note.caller.owner
        if note.artifact is None:
            found = await archive.carried(owner, note.glance.raw)
            if found is None and archive.store_away:  # it may be one of the pictures that wait
                raise StoreUnavailable(archive.why, retry_after=self.notes.pace.retry)
            return found
        try:
            return await archive.find(note.artifact, owner)
        except NotFound as exc:
            log.info("a picture is not remembered: %s", exc)
            return None

    async def _pointed(self, found: Sequence[tuple[Note, Record]]) -> None:
        known = {
            record.artifact: note.glance.likeness
            for note, record in found
            if note.glance.likeness is not None
        }
        if found:
            await self.index([record for _, record in found], found[0][0].caller, known)

    # -- points

    async def index(
        self, records: Sequence[Record], caller: Caller, known: Known = MappingProxyType({})
    ) -> int:
        """
        Put the points of *records* into the memory; return how many.

        What is *known* of an artifact's looks is not looked at again.

        Raises:
            StoreUnavailable: the memory or the artifacts are away.
        """
        made = [await self._point(record, known.get(record.artifact)) for record in records]
        points = [point for point in made if point is not None]
        if not points:
            return 0
        meant = await self._meant([point.text for point in points], caller, points[0].chat)
        if meant is not None:
            points = [_meaning(*both) for both in zip(points, meant, strict=True)]
        await self.guard.call(partial(self.memory.put, points), WITHIN)
        return len(points)

    async def _point(self, record: Record, like: Likeness | None) -> Point | None:
        try:
            readers = await self._keep.archive.readers(record.artifact)
            like = like or await self._likeness(record)
        except (NotFound, PictureRefused):  # what cannot be opened any more stops no rebuild
            return None
        return Point(
            id=ident(record.artifact, record.request),
            artifact=record.artifact,
            chat=record.request,
            at=record.at,
            readers=frozenset(reader or EVERYBODY for reader in readers),
            text=record.text,
            looks=like.looks,
            vectors={PICTURE: like.vector},
        )

    async def _likeness(self, record: Record) -> Likeness:
        held = await self._keep.archive.find(record.artifact, record.owner)
        opened = await self._keep.intake.opened(await self._keep.archive.read(held))
        return Likeness(*await self._keep.intake.work(partial(likeness, opened.sheets[0].image)))

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
        key = key_of(artifact, request)
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


def _now() -> float:
    return asyncio.get_running_loop().time()


def _may(journey: Journey) -> bool:
    """Only what may be kept in full is remembered, and no front end's own tasks."""
    kept = journey.caller.capture == "full" and journey.capture is Capture.FULL
    return kept and journey.request.task is None and journey.errand is None
