"""What is remembered while stores come and go: nothing fails, and nothing is found that is gone."""

import asyncio
import json
import logging
import time
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portico.access.base import Caller
from portico.api.wire import parse
from portico.artifacts.archive import Archive, open_archive
from portico.artifacts.base import Stored
from portico.artifacts.files import open_files
from portico.artifacts.pictures import Likeness
from portico.artifacts.taking import Intake
from portico.dispatch.embedding import Embedding
from portico.dispatch.errands import Errands
from portico.dispatch.eyes import Eyes
from portico.dispatch.journey import Glance, Journey
from portico.dispatch.meaning import Meaning, embedder
from portico.dispatch.notes import Note, Notes, Pace
from portico.dispatch.recalling import Recalling
from portico.dispatch.records import Record
from portico.dispatch.remembering import BATCH, Found, Keep, Remembering
from portico.errors import GatewayError, Overloaded, StoreUnavailable
from portico.memory.base import PICTURE, TEXT, Hit, Memory, Point, Space, Vector
from portico.memory.local import open_local
from portico.routing.attempts import Answered, Attempt
from portico.routing.roles import Catalog
from portico.routing.tiers import Target
from portico.stores.breaker import Breaker
from portico.stores.guard import Guard
from portico.vision.elements import Elements, Picture
from portico.vision.likeness import DIMENSIONS, MADE_BY
from tests.artifacts import odd
from tests.artifacts.shelves import PACE, PNG, Fragile, Kept, kept_in, opened, raw, seen
from tests.dispatch.sights import Sees, eye, studio

pytestmark = pytest.mark.anyio

ANN = Caller(key="ann", owner="ann")
SPACES = {
    PICTURE: Space(DIMENSIONS, MADE_BY),
    TEXT: Space(8, "a model"),
}
GONE = "art_" + "a" * 26
NOTHING = Elements(image=Picture(1, 1), seen=(), source=())
OTHER = odd.saved(odd.screen(320, 240), "PNG")


class Words:
    """Makes vectors of nothing but a text's length: a filling of Meaning."""

    space = SPACES[TEXT]

    async def vectors(self, texts: Sequence[str], caller: Caller, ident: str) -> list[Vector]:
        return [[float(len(text)), *[1.0] * 7] for text in texts]


@dataclass
class Lab:
    """Real stores, one of which may go away."""

    remembering: Remembering
    archive: Archive
    blobs: Fragile
    errands: Errands
    kept: Kept
    eyes: Eyes
    intake: Intake

    async def done(self) -> None:
        """Wait until nothing is under way."""
        while self.errands._tasks:
            await next(iter(self.errands._tasks))

    async def hits(self, word: str) -> list[Hit]:
        return await self.remembering.memory.worded([word], "ann", 10)


@asynccontextmanager
async def lab(folder: Path) -> AsyncIterator[Lab]:
    intake = Intake(None, None)
    async with (
        kept_in(folder) as kept,
        open_archive(kept.shelf, opened, pace=PACE) as archive,
        open_local(folder / "memory", SPACES) as memory,
        Errands() as errands,
    ):
        eyes = Eyes(intake, 1_000_000, archive)
        keep = Keep(archive, kept.blobs, intake)
        guard = Guard("the memory", Breaker())
        remembering = Remembering(memory, keep, errands, Words(), guard)  # type: ignore[arg-type]
        yield Lab(remembering, archive, kept.blobs, errands, kept, eyes, intake)
    intake.close()


def record(artifact: str, request: str = "req_1", said: str = "a stepper") -> Record:
    return Record(artifact=artifact, request=request, at=time.time(), owner="ann", said=said)


def answered(artifact: str, glance: Glance | None = None) -> Journey:
    """A request about an artifact that a target saw and answered."""
    picture = {"type": "image_url", "image_url": {"url": artifact}}
    content = [{"type": "text", "text": "What is it?"}, picture]
    body = {"model": "vision", "messages": [{"role": "user", "content": content}]}
    journey = Journey("req_1", parse(json.dumps(body).encode()), 0.0, 0.0, ANN)
    journey.attempts.append(Attempt("a", Target("one", "up", "m"), 0.0, 1.0, Answered()))
    journey.glances[artifact] = glance or Glance("0" * 64)
    return journey


async def test_what_has_gone_costs_its_neighbours_no_meaning(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        gone = record(GONE, "req_2")
        assert await here.remembering.index([gone, record(artifact.id)], ANN) == 1
        near = await here.remembering.memory.near(TEXT, [9.0, *[1.0] * 7], "ann", 10)
        assert [hit.artifact for hit in near] == [artifact.id]
        assert await here.remembering.index([gone], ANN) == 0


async def test_a_picture_without_words_is_found_by_its_looks_alone(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        one, two = [await here.archive.add(data, "ann") for data in (PNG, OTHER)]
        await here.remembering.index([record(one.id, said=""), record(two.id)], ANN)
        near = await here.remembering.memory.near(TEXT, [9.0, *[1.0] * 7], "ann", 10)
        assert [hit.artifact for hit in near] == [two.id]


async def test_a_picture_that_is_not_there_is_not_remembered_and_the_rest_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        with caplog.at_level(logging.INFO, "portico.dispatch.remembering"):
            here.remembering.note(answered(GONE), "a stepper")
            await here.done()
        assert "a picture is not remembered" in caplog.text
        assert await here.hits("stepper") == []


async def test_nothing_is_remembered_of_a_picture_that_nobody_keeps(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        here.remembering.seen(PNG, NOTHING, Found("req_1", ANN, "one"))
        await here.done()
        assert await here.remembering.memory.count() == 0


async def test_notes_are_gathered_and_what_was_seen_is_not_looked_at_again(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        vector = array("f", [0.0] * DIMENSIONS)
        vector[7] = 1.0  # a likeness that looking at the picture would never give
        like = Likeness(vector, "0123456789abcdef")
        for number in range(3):
            journey = answered(artifact.id, Glance(artifact.raw, like))
            journey.id = f"req_{number}"
            here.remembering.note(journey, f"a stepper of {number}")
        assert len(here.errands._tasks) == 1
        await here.done()
        hits = await here.remembering.memory.near(PICTURE, vector, "ann", 10)
        assert [hit.looks for hit in hits] == [like.looks] * 3
        assert len(await here.kept.listed(f"remembered/{artifact.id}")) == 3


async def test_what_waits_is_written_when_all_is_closed_and_nothing_after(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        here.remembering.note(answered(artifact.id), "a stepper")
        await here.remembering.aclose()
        assert [hit.artifact for hit in await here.hits("stepper")] == [artifact.id]
        here.remembering.note(answered(artifact.id), "a carousel")
        await here.done()
        assert await here.hits("carousel") == []


async def test_closing_ends_also_where_a_store_hangs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        async with here.remembering._settling:  # a batch that never ends
            with caplog.at_level(logging.WARNING, "portico.dispatch.remembering"):
                await here.remembering.aclose()
        assert "not written" in caplog.text


async def test_a_picture_that_no_target_was_shown_is_not_remembered(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        journey = answered(artifact.id)
        journey.glances.clear()
        here.remembering.note(journey, "a stepper")
        await here.done()
        assert await here.remembering.memory.count() == 0


QUICK = Pace(gather=0.01, retry=0.01, slowest=0.02, hold=60.0)


def waiting(here: Lab, pace: Pace = QUICK) -> Remembering:
    here.remembering.notes = Notes(pace)
    return here.remembering


async def until(true: Callable[[], bool]) -> None:
    while True:
        if true():
            return
        await asyncio.sleep(0.01)


async def test_a_picture_shown_while_the_store_is_away_is_remembered_once_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        remembering = waiting(here)
        here.blobs.away = True
        here.archive.keep(seen(PNG))
        remembering.note(carried(PNG), "a stepper")
        await until(lambda: "its notes wait: the store of this test is away" in caplog.text)
        assert await here.hits("stepper") == []
        here.blobs.away = False
        with caplog.at_level(logging.INFO, "portico.dispatch.notes"):
            await here.done()
        (hit,) = await here.hits("stepper")
        assert len(await here.kept.listed(f"remembered/{hit.artifact}")) == 1
        assert "remembered again" in caplog.text
        assert (len(remembering.notes), remembering.notes.lost) == (0, 0)


async def test_a_record_that_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        remembering = waiting(here)
        here.blobs.away = True
        remembering.note(answered(artifact.id), "a stepper")
        await until(lambda: remembering.notes.delay > QUICK.gather)
        here.blobs.away = False
        await here.done()
        assert [hit.artifact for hit in await here.hits("stepper")] == [artifact.id]


async def test_a_memory_that_comes_back_is_told_without_writing_records_again(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        remembering = waiting(here)
        remembering.memory = away = Away(remembering.memory)
        remembering.note(answered(artifact.id), "a stepper")
        await until(lambda: away.asked > 1)
        away.away = False
        await here.done()
        assert [hit.artifact for hit in await here.hits("stepper")] == [artifact.id]
        assert len([key for key in here.blobs.puts if key.startswith("remembered")]) == 1


async def test_notes_that_wait_too_long_or_are_too_many_are_lost_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        here.blobs.away = True
        remembering = waiting(here, replace(QUICK, hold=0.05))
        remembering.note(answered(artifact.id), "a stepper")
        await here.done()
        assert (len(remembering.notes), remembering.notes.lost) == (0, 1)
        remembering = waiting(here, replace(QUICK, waiting=2))
        for _ in range(5):
            remembering.note(answered(artifact.id), "a stepper")
        assert (len(remembering.notes), remembering.notes.lost) == (2, 3)
        assert "notes of pictures were lost" in caplog.text
        await remembering.aclose()
        assert (len(remembering.notes), remembering.notes.lost) == (0, 5)
        await here.done()


async def test_a_note_whose_record_is_written_is_not_lost_with_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        remembering = waiting(here, replace(QUICK, hold=0.0))
        remembering.memory = away = Away(remembering.memory)
        remembering.note(answered(artifact.id), "a stepper")
        await here.done()
        assert remembering.notes.lost == 0
        assert "portico memory rebuild" in caplog.text
        away.away = False
        assert (await remembering.rebuild()).points == 1


async def test_what_the_memory_refuses_is_written_and_waits_for_a_rebuild(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        remembering = waiting(here)
        remembering.memory = Away(remembering.memory, Overloaded("no room"))  # type: ignore[assignment]
        remembering.note(answered(artifact.id), "a stepper")
        await here.done()
        assert "found after a rebuild: no room" in caplog.text
        assert len(await here.kept.listed(f"remembered/{artifact.id}")) == 1
        assert (len(remembering.notes), remembering.notes.lost) == (0, 0)


async def test_a_batch_is_of_one_caller_and_of_no_more_than_was_asked() -> None:
    bert = Caller(key="bert", owner="bert")
    notes = Notes()
    for number, caller in enumerate((ANN, bert, ANN, ANN)):
        notes.take(Note(record(GONE, f"req_{number}"), caller, Glance("0" * 64), 0.0))
    batches = iter(lambda: notes.batch(2), [])
    asked = [[note.record.request for note in batch] for batch in batches]
    assert asked == [["req_0", "req_2"], ["req_1"], ["req_3"]]


def carried(data: bytes) -> Journey:
    """A request with a picture of its own that a target saw and answered."""
    return answered("https://pictures.test/1.png", Glance(raw(data)))


class Away:
    """A memory that takes nothing while it is away, and says *why*."""

    def __init__(self, memory: Memory, why: GatewayError | None = None) -> None:
        self.away = True
        self.why = why or StoreUnavailable("the memory is away", retry_after=1)
        self.asked = 0
        self._memory = memory

    async def put(self, points: Sequence[Point]) -> None:
        self.asked += 1
        if self.away:
            raise self.why
        await self._memory.put(points)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)


async def test_stores_that_are_away_are_told_and_stop_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        await here.remembering.index([record(artifact.id)], ANN)
        here.blobs.away = True
        recalling = Recalling(here.remembering, here.archive, here.intake)
        (hit,) = await here.hits("stepper")
        assert await recalling._record(hit) is None
        with caplog.at_level(logging.WARNING, "portico.dispatch.remembering"):
            await here.remembering.forget(artifact.id)
            assert f"records of {artifact.id} are left" in caplog.text

            async def away() -> None:
                raise StoreUnavailable("away", retry_after=1)

            await here.remembering._anyway(away, artifact.id)
            assert "out of date" in caplog.text


async def test_all_is_made_anew_but_what_is_gone_or_cannot_be_read(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        artifact = await here.archive.add(PNG, "ann")
        written = [record(artifact.id, f"req_{number}") for number in range(BATCH)]
        gone = record(GONE)
        for one in (*written, gone):
            await here.blobs.put(one.key, msgspec.json.encode(one))
        await here.blobs.put(f"remembered/{artifact.id}/broken.json", b"{")
        told = await here.remembering.rebuild()
        assert (told.points, told.gone, told.unread) == (BATCH, 1, 1)
        assert await here.remembering.memory.count() == BATCH
        assert await here.kept.listed(f"remembered/{gone.artifact}") == []


async def test_a_file_that_is_no_picture_any_more_stops_no_rebuild(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        broken, whole = [await here.archive.add(data, "ann") for data in (PNG, OTHER)]
        for one in (record(broken.id), record(whole.id)):
            await here.blobs.put(one.key, msgspec.json.encode(one))
        await here.blobs.put(broken.key, b"not a picture")
        assert (await here.remembering.rebuild()).points == 1
        assert [hit.artifact for hit in await here.hits("stepper")] == [whole.id]


class Haunted(Fragile):
    """Lists a key that is gone by the time it is read, as stores under work do."""

    async def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        yield Stored(f"remembered/{GONE}/ghost.json", 2, time.time())
        async for stored in super().keys(prefix):
            yield stored


async def test_what_goes_while_all_is_made_anew_is_passed_over(tmp_path: Path) -> None:
    async with lab(tmp_path) as here, open_files(tmp_path / "files") as files:
        keep = Keep(here.archive, Haunted(files), here.intake)
        memory, guard = here.remembering.memory, Guard("the memory", Breaker())
        remembering = Remembering(memory, keep, here.errands, None, guard)
        told = await remembering.rebuild()
        assert (told.points, told.gone, told.unread) == (0, 0, 0)
        assert await remembering.record(GONE, "req_1") is None


async def test_an_embedder_is_the_one_wished_for_or_the_first_real_one(tmp_path: Path) -> None:
    made = {
        "made up": Target("made up", "up", "m", simulated=True, dimensions=8),
        "real": Target("real", "up", "m", dimensions=8),
        "wished": Target("wished", "up", "m", dimensions=8),
    }
    catalog = Catalog({}, {}, embedders=made)
    assert embedder(catalog, None) is made["real"]
    assert embedder(catalog, "wished") is made["wished"]
    assert embedder(catalog, "gone") is None
    async with studio(tmp_path, {eye("one"): Sees(lambda put: "")}) as here:
        meaning = Meaning(Embedding(here.gateway), "real", Space(8, "m"))
        with pytest.raises(StoreUnavailable, match="rebuild"):
            await meaning.vectors(["a"], ANN, "req_1")
