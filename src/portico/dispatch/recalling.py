"""Past screens and answers, found by words, meaning and likeness; each with its reason."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from msgspec import Struct

from portico.access.base import Caller
from portico.artifacts.archive import Archive
from portico.artifacts.pictures import Likeness
from portico.artifacts.taking import Intake
from portico.dispatch.records import Record
from portico.dispatch.remembering import Remembering
from portico.errors import GatewayError, NotFound, StoreUnavailable
from portico.memory.base import PICTURE, TEXT, Hit
from portico.memory.fusing import Found, fused
from portico.memory.words import asked_of
from portico.vision.elements import Notice
from portico.vision.likeness import apart, likeness

MEANT = 3.0
"""Seconds in which the question must have become a vector."""
OUTDATED = (
    "What is remembered was made with another embedding model, or by another version of Portico:"
    " run `portico memory rebuild`."
)
SEARCHED = 2.0
"""Seconds of one search; whoever asks for it waits for nothing else."""
WIDE = 10
"""Hits of each search for every one that is wanted."""
LEAST = 100
SAME = 6
"""Bits of 64 in which the perceptual hashes of one picture, saved twice, may differ."""
LEAST_COSINE = {"meaning": 0.2, "likeness": 0.5}
"""What is less near is not near: by vectors alone there would always be something."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: words, a picture, or both."""

    id: str
    caller: Caller
    text: str = ""
    picture: bytes | None = field(default=None, repr=False)
    limit: int = 10


class Reason(Struct, frozen=True, kw_only=True):
    """
    Why something was found. `words` are those of the question that it holds.

    `meaning` and `likeness` are cosines, None where that search did not find it. `same_picture` is
    advice: their perceptual hashes hardly differ.
    """

    words: tuple[str, ...] = ()
    meaning: float | None = None
    likeness: float | None = None
    same_picture: bool = False
    places: Mapping[str, int] = {}


class Recalled(Struct, frozen=True, kw_only=True):
    """One screen that was found. `thumbnail` is where its picture is, for whoever may see it."""

    artifact: str
    request_id: str
    chat_id: str | None
    at: float
    thumbnail: str
    width: int
    height: int
    asked: str
    said: str
    target: str
    simulated: bool
    score: float
    reason: Reason


class Recollection(Struct, frozen=True, kw_only=True):
    """The screens found, best first; `by` are the searches that were made."""

    schema: Literal["portico.search/1"] = "portico.search/1"
    by: tuple[str, ...]
    hits: tuple[Recalled, ...]
    warnings: tuple[Notice, ...] = ()


class Recalling:
    """The use case. A memory that is away is an error, and never an empty list."""

    def __init__(self, remembering: Remembering, archive: Archive, intake: Intake) -> None:
        self.remembering = remembering
        self.intake = intake
        self._archive = archive
        self._others: bool | None = None

    async def find(self, question: Question) -> Recollection:
        """
        Return what is remembered, as far as the caller may see it.

        Raises:
            MalformedRequest: the picture cannot be taken.
            StoreUnavailable: the memory, or what says who may see, is away.
        """
        warnings = [Notice("memory_outdated", OUTDATED)] if await self._outdated() else []
        like = await self._likeness(question)
        searches: dict[str, Sequence[Hit]] = {}
        for name, search in (await self._searches(question, like, warnings)).items():
            found = await self.remembering.guard.call(search, SEARCHED)
            least = LEAST_COSINE.get(name, 0.0)
            searches[name] = [hit for hit in found if (hit.likeness or 1.0) >= least]
        seen = await self._visible(fused(searches), question)
        told = await asyncio.gather(*(self._told(one, like.looks) for one in seen))
        return Recollection(by=tuple(searches), hits=tuple(told), warnings=tuple(warnings))

    async def _outdated(self) -> bool:
        """
        Return whether some of what is remembered cannot be searched; it is found out once.

        Raises:
            StoreUnavailable: none of it can be, or the memory is away.
        """
        memory, guard = self.remembering.memory, self.remembering.guard
        if self._others is None:
            others = await guard.call(memory.others, SEARCHED)
            if others and not await guard.call(memory.count, SEARCHED):
                raise StoreUnavailable(OUTDATED, retry_after=60)
            self._others = bool(others)
        return self._others

    async def _searches(
        self, question: Question, like: Likeness, warnings: list[Notice]
    ) -> dict[str, Callable[[], Awaitable[list[Hit]]]]:
        memory, reader = self.remembering.memory, question.caller.owner
        wide = max(LEAST, question.limit * WIDE)
        made: dict[str, Callable[[], Awaitable[list[Hit]]]] = {}
        if words := asked_of(question.text):
            made["words"] = partial(memory.worded, words, reader, wide)
        if question.text.strip() and (vector := await self._meant(question, warnings)):
            made["meaning"] = partial(memory.near, TEXT, vector, reader, wide)
        if like.vector:
            made["likeness"] = partial(memory.near, PICTURE, like.vector, reader, wide)
        return made

    async def _meant(self, question: Question, warnings: list[Notice]) -> Sequence[float] | None:
        meaning = self.remembering.meaning
        if meaning is None:
            said = "no embedding target is configured for the memory: only words were compared"
            warnings.append(Notice("words_only", said))
            return None
        try:
            async with asyncio.timeout(MEANT):
                (vector,) = await meaning.vectors([question.text], question.caller, question.id)
            return vector
        except (GatewayError, TimeoutError) as exc:
            why = str(exc) or f"no vector within {MEANT:g} s"
            warnings.append(Notice("words_only", f"only words were compared: {why}"))
            return None

    async def _likeness(self, question: Question) -> Likeness:
        """Return what the picture in question looks like; without one, like nothing."""
        if question.picture is None:
            return Likeness(array("f"), "")
        image = (await self.intake.opened(question.picture)).sheets[0].image
        return Likeness(*await self.intake.work(partial(likeness, image)))

    async def _visible(self, found: Sequence[Found], question: Question) -> list["_Seen"]:
        """Ask who really may see what, until there is enough: grants change, artifacts go."""
        seen: list[_Seen] = []
        for one in found:
            if len(seen) == question.limit:
                break
            try:
                held = await self._archive.find(one.hit.artifact, question.caller.owner)
            except NotFound:
                continue
            seen.append(_Seen(one, held.width, held.height))
        return seen

    async def _told(self, seen: "_Seen", looks: str) -> Recalled:
        found, hit = seen.found, seen.found.hit
        record = await self._record(hit)
        same = bool(looks and hit.looks) and apart(looks, hit.looks) <= SAME
        return Recalled(
            artifact=hit.artifact,
            request_id=hit.chat,
            chat_id=record.chat if record else None,
            at=hit.at,
            thumbnail=f"/v1/artifacts/{hit.artifact}",
            width=seen.width,
            height=seen.height,
            asked=record.asked[:300] if record else "",
            said=record.said[:300] if record else "",
            target=record.target if record else "",
            simulated=bool(record and record.simulated),
            score=round(found.score, 6),
            reason=Reason(
                words=found.words,
                meaning=_rounded(found.meaning),
                likeness=_rounded(found.likeness),
                same_picture=same,
                places=found.places,
            ),
        )

    async def _record(self, hit: Hit) -> Record | None:
        try:
            return await self.remembering.record(hit.artifact, hit.chat)
        except StoreUnavailable:
            return None  # what was found stays found, without the words that were said


@dataclass(frozen=True, slots=True)
class _Seen:
    found: Found
    width: int
    height: int


def _rounded(cosine: float | None) -> float | None:
    return None if cosine is None else round(cosine, 4)
