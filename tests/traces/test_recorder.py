"""The recorder makes no request wait, holds no more than it may, and replays each trace once."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from portico.errors import StoreUnavailable
from portico.stores.whom import Whom
from portico.traces.base import DAY, Keep, Trace, TraceQuery
from portico.traces.composing import Composer
from portico.traces.desk import Desk, keep_swept
from portico.traces.recorder import Pace, Recorder
from portico.traces.ring import Ring
from portico.traces.sqlite import SQLiteTraces, open_sqlite
from portico.traces.tape import Take
from tests.traces.made import NOW, take

pytestmark = pytest.mark.anyio

QUICK = Pace(linger=0.001, patience=5, retry=0.01, closing=5)


class Moody:
    """A real store before which somebody may stand in the way."""

    def __init__(self, store: SQLiteTraces) -> None:
        self.store = store
        self.away = self.hangs = self.stumbles = False
        self.asked = 0

    async def append(self, traces: Sequence[Trace]) -> None:
        self.asked += 1
        if self.stumbles:
            self.stumbles = False
            raise RuntimeError("a bug")
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise StoreUnavailable("gone fishing")
        await self.store.append(traces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    async with open_sqlite(tmp_path / "traces.db") as opened:
        yield Moody(opened)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must come; the test's own timeout ends the wait if it does not."""
    while not condition():  # noqa: ASYNC110 - the recorder has no event for a test to wait for
        await asyncio.sleep(0.002)


async def kept(store: Moody) -> set[str]:
    return {card.id for card in await store.cards(TraceQuery(limit=200))}


def everything(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found


def ids(takes: Sequence[Take]) -> set[str]:
    return {one.card.id for one in takes}


async def test_what_is_recorded_is_in_the_store_soon_after(store: Moody, tmp_path: Path) -> None:
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=QUICK) as recorder:
        one = take("hello")
        recorder.record(one)
        assert recorder.pending == 1
        await until(lambda: recorder.pending == 0)
        found = await store.find(one.card.id)
    assert found is not None
    story = msgspec.json.decode(found.story)
    assert story["request"]["messages"] == [{"role": "user", "content": "hello"}]
    assert story["answer"]["choices"] == [{"text": "an answer", "finish": "stop"}]
    assert story["headers"] == {"user-agent": "a test"}
    assert recorder.stored == 1


async def test_recording_asks_neither_store_nor_disk(store: Moody, tmp_path: Path) -> None:
    recorder = Recorder(store, Ring(tmp_path / "ring"), Composer())
    for _ in range(1000):
        recorder.record(take())
    assert (recorder.pending, store.asked) == (1000, 0)
    assert not (tmp_path / "ring").exists()
    await recorder.aclose()


async def test_what_there_is_no_room_for_is_dropped_and_counted(
    store: Moody, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pace = Pace(room=60_000, linger=0.001)
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=pace) as recorder:
        takes = [take("x" * 10_000) for _ in range(10)]
        for one in takes:
            recorder.record(one)
        assert recorder.dropped == 8
        await until(lambda: recorder.pending == 0)
        await until(lambda: "traces were dropped" in caplog.text)
        again = take()
        recorder.record(again)
        await until(lambda: recorder.pending == 0)
        assert await kept(store) == ids([*takes[:2], again])


async def test_while_the_store_is_away_traces_wait_on_the_disk_and_come_back_once(
    store: Moody, tmp_path: Path
) -> None:
    ring = Ring(tmp_path / "ring")
    async with Recorder(store, ring, Composer(), pace=QUICK) as recorder:
        store.away = True
        takes = [take(f"number {number}") for number in range(250)]
        for one in takes:
            recorder.record(one)
        await until(lambda: recorder.spooled == 250)
        assert (recorder.store_away, recorder.pending, await kept(store)) == (True, 0, set())
        store.away = False
        recorder.record(take())
        await until(lambda: recorder.stored == 251)
        assert not recorder.store_away
        await until(lambda: not ring.batches())
    async with Recorder(store, ring, Composer(), pace=QUICK):
        pass
    assert len([one async for one in store.export()]) == 251
    assert recorder.dropped == 0


async def test_a_store_that_hangs_is_left_alone_after_its_patience(
    store: Moody, tmp_path: Path
) -> None:
    pace = Pace(linger=0.001, patience=0.05, retry=60, closing=1)
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=pace) as recorder:
        store.hangs = True
        for _ in range(3):
            recorder.record(take())
            await until(lambda: recorder.pending == 0)
        assert (store.asked, recorder.spooled, recorder.store_away) == (1, 3, True)


async def test_what_waited_is_replayed_by_the_next_process(store: Moody, tmp_path: Path) -> None:
    ring, one = Ring(tmp_path / "ring"), take()
    store.away = True
    async with Recorder(store, ring, Composer(), pace=QUICK) as recorder:
        recorder.record(one)
    assert len(ring.batches()) == 1
    store.away = False
    async with Recorder(store, ring, Composer(), pace=QUICK) as recorder:
        await recorder.flush()
        assert (await kept(store), ring.batches()) == (ids([one]), [])


async def test_at_the_end_a_batch_gathers_no_longer(store: Moody, tmp_path: Path) -> None:
    ring, one = Ring(tmp_path / "ring"), take()
    async with Recorder(store, ring, Composer(), pace=Pace(linger=60)) as recorder:
        recorder.record(one)
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the batch has begun to gather
    assert (await kept(store), ring.batches()) == (ids([one]), [])


async def test_closing_brings_everything_somewhere_also_where_the_store_hangs(
    store: Moody, tmp_path: Path
) -> None:
    ring, takes = Ring(tmp_path / "ring"), [take() for _ in range(120)]
    store.hangs = True
    async with Recorder(store, ring, Composer(), pace=Pace(linger=60, closing=0.05)) as recorder:
        for one in takes:
            recorder.record(one)
    waiting = [trace.card.id for batch in ring.batches() for trace in ring.read(batch)]
    assert sorted(waiting) == sorted(ids(takes))


async def test_a_take_that_cannot_be_told_does_not_stop_those_beside_it(
    store: Moody, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd, fine = take(), take()
    assert odd.tape is not None
    odd.tape.request.fields["messages"] = Raw(b'{"\\u": secret')  # type: ignore[index]
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=QUICK) as recorder:
        recorder.record(odd)
        recorder.record(fine)
        await until(lambda: recorder.pending == 0)
        assert await kept(store) == ids([fine])
    assert recorder.dropped == 1
    assert "secret" not in caplog.text


async def test_a_recorder_that_stumbles_goes_on(
    store: Moody, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "portico.traces.recorder")
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=QUICK) as recorder:
        store.stumbles = True
        recorder.record(take())
        await until(lambda: store.asked == 1 and recorder.pending == 0)
        later = take()
        recorder.record(later)
        await until(lambda: recorder.pending == 0 and recorder.stored == 1)
        assert await kept(store) == ids([later])
    assert recorder.dropped == 1


async def test_what_neither_store_nor_disk_takes_waits_in_memory_and_is_stored_once_they_do(
    store: Moody, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ring").write_text("no folder")
    store.away = True
    takes = [take() for _ in range(3)]
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=QUICK) as recorder:
        for one in takes:
            recorder.record(one)
            await recorder.flush()
        assert (recorder.dropped, recorder.spooled, recorder.pending) == (0, 0, 3)
        store.away = False
        await until(lambda: recorder.stored == 3)  # nobody has to record anything for that
        assert await kept(store) == ids(takes)
    assert caplog.text.count("ring of traces takes nothing") == 1


async def test_what_nothing_takes_until_the_end_is_dropped_counted_and_said(
    store: Moody, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ring").write_text("no folder")
    store.away = True
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=QUICK) as recorder:
        recorder.record(take())
    assert (recorder.dropped, recorder.spooled, recorder.pending) == (1, 0, 0)
    assert "traces were dropped" in caplog.text


async def test_pictures_that_are_not_known_in_time_hold_nobody_up(
    store: Moody, tmp_path: Path
) -> None:
    async def look(ident: str) -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    one = take()
    assert one.tape is not None
    one.tape.sights.append(None)  # type: ignore[arg-type]  # there is something to look for
    pace = Pace(linger=0.001, looking=0.02)
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), look, pace) as recorder:
        one.tape.sights.clear()
        other = take()
        recorder.record(other)
        await until(lambda: recorder.pending == 0)
        assert await kept(store) == ids([other])


async def test_a_person_is_forgotten_also_where_they_wait(store: Moody, tmp_path: Path) -> None:
    ring = Ring(tmp_path / "ring")
    async with Recorder(store, ring, Composer(), pace=QUICK) as recorder:
        theirs, others = take("mine alone", person="anna"), take(person="bert")
        recorder.record(theirs)
        await until(lambda: recorder.stored == 1)
        store.away = True
        waiting = take("mine alone", person="anna")
        recorder.record(waiting)
        recorder.record(others)
        await until(lambda: recorder.spooled == 2)
        assert await recorder.forget(Whom.named("anna")) == 2
        store.away = False
        await until(lambda: not ring.batches())
        assert await kept(store) == ids([others])
    assert not [name for name, data in everything(tmp_path).items() if b"mine alone" in data]


async def test_what_is_asked_for_at_once_is_fetched_first(store: Moody, tmp_path: Path) -> None:
    pace = Pace(linger=60)
    async with Recorder(store, Ring(tmp_path / "ring"), Composer(), pace=pace) as recorder:
        desk, one = Desk(store, recorder, Keep()), take()
        assert await desk.find(one.card.id) is None
        recorder.record(one)
        found = await desk.find(one.card.id)
        assert found is not None
        assert (await desk.cards(TraceQuery())) == [found.card]
        pinned = await desk.pin(found.card)
        assert pinned is not None
        assert pinned.expires is None


async def test_expired_traces_are_swept_by_themselves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    now = [NOW]
    async with open_sqlite(tmp_path / "traces.db", lambda: now[0]) as store:
        await store.append([Composer().trace(take(), {})])
        now[0] += 31 * DAY
        sweeping = asyncio.create_task(keep_swept(store, 0.001))
        await until(lambda: "traces expired" in caplog.text)
        now[0] = NOW
        assert await store.cards(TraceQuery()) == []
        sweeping.cancel()


async def test_a_sweep_that_finds_the_store_away_tries_again(
    store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        async def sweep(self) -> int:
            raise StoreUnavailable("gone fishing")

    sweeping = asyncio.create_task(keep_swept(Away(), 0.001))  # type: ignore[arg-type]
    await until(lambda: caplog.text.count("were not swept") > 1)
    sweeping.cancel()
