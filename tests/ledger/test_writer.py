"""The ledger never makes a request wait, and loses nothing a store may be late for."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from portico.errors import StoreUnavailable
from portico.ledger.base import (
    Entry,
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    UsageQuery,
    UsageRow,
)
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from portico.ledger.sqlite import open_sqlite
from portico.ledger.writer import Ledger, Pace
from tests.ledger.entries import attempt, entry

pytestmark = pytest.mark.anyio

QUICK = Pace(linger=0.001, patience=5, retry=0.01, closing=5)


@dataclass
class Shelf:
    """A store in memory that can be away, hang, or stumble over one request."""

    away: bool = False
    hangs: bool = False
    hates: str = ""
    rows: dict[str, RequestRow] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, rows: Sequence[RequestRow]) -> None:
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise StoreUnavailable("gone fishing")
        if any(row.id == self.hates for row in rows):
            raise RuntimeError("a bug")
        self.sizes.append(len(rows))
        self.rows |= {row.id: row for row in rows}

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        raise NotImplementedError

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        raise NotImplementedError

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        raise NotImplementedError

    async def request(self, ident: str) -> RequestRow | None:
        return self.rows.get(ident)


def entries(count: int) -> list[Entry]:
    return [entry(attempt()) for _ in range(count)]


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must come; the test's own timeout ends the wait if it does not."""
    while not condition():  # noqa: ASYNC110 - the ledger has no event for a test to wait for
        await asyncio.sleep(0.002)


async def test_what_is_recorded_is_in_the_store_soon_after(tmp_path: Path) -> None:
    async with (
        open_sqlite(tmp_path / "ledger.db") as store,
        Ledger(store, Spool(tmp_path / "spool"), pace=QUICK) as ledger,
    ):
        recorded = entry(attempt())
        ledger.record(recorded)
        await until(lambda: ledger.pending == 0)
        assert await store.request(recorded.id) == row_of(recorded)


async def test_recording_touches_neither_store_nor_watcher(tmp_path: Path) -> None:
    shelf, seen = Shelf(), list[Entry]()
    async with Ledger(shelf, Spool(tmp_path), seen.append, QUICK) as ledger:
        ledger.record(entry(attempt()))
        assert (ledger.pending, seen, shelf.rows) == (1, [], {})


async def test_a_flush_brings_everything_recorded_before_it(tmp_path: Path) -> None:
    shelf, recorded = Shelf(), entries(3)
    ledger = Ledger(shelf, Spool(tmp_path))
    for one in recorded:
        ledger.record(one)
    await ledger.flush()
    assert list(shelf.rows) == [one.id for one in recorded]
    assert ledger.pending == 0
    await ledger.flush()  # there is nothing to do


async def test_a_fold_shows_everything_to_the_watcher_once_and_stores_nothing(
    tmp_path: Path,
) -> None:
    shelf, seen, recorded = Shelf(away=True), list[Entry](), entries(3)
    ledger = Ledger(shelf, Spool(tmp_path), seen.append)
    for one in recorded:
        ledger.record(one)
    await asyncio.gather(ledger.fold(), ledger.fold())
    assert sorted(one.id for one in seen) == [one.id for one in recorded]
    assert (ledger.pending, shelf.asked.is_set()) == (3, False)


async def test_batches_are_no_larger_than_agreed(tmp_path: Path) -> None:
    shelf = Shelf()
    ledger = Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, batch=4))
    for one in entries(10):
        ledger.record(one)
    await ledger.flush()
    assert shelf.sizes[:3] == [4, 4, 2]


async def test_while_the_store_is_away_rows_wait_in_the_spool_and_come_back_once(
    tmp_path: Path,
) -> None:
    shelf, recorded = Shelf(), entries(6)
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK) as ledger:
        ledger.record(recorded[0])
        await until(lambda: len(shelf.rows) == 1)
        shelf.away = True
        for one in recorded[1:]:
            ledger.record(one)
        await until(lambda: ledger.spooled == 5 and not ledger.pending)
        assert (ledger.pending, ledger.store_away, ledger.lost) == (0, True, 0)
        shelf.away = False
        await until(lambda: len(shelf.rows) == 6)  # nobody has to record anything for that
        await until(lambda: not Spool(tmp_path).batches())
        assert not ledger.store_away
    assert shelf.rows == {one.id: row_of(one) for one in recorded}


async def test_a_store_that_is_away_is_left_alone_until_it_is_time(tmp_path: Path) -> None:
    shelf = Shelf(away=True)
    ledger = Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, retry=3600))
    ledger.record(entry())
    await ledger.flush()
    shelf.asked.clear()
    ledger.record(entry())
    await ledger.flush()
    assert not shelf.asked.is_set()
    assert ledger.spooled == 2


async def test_a_store_that_hangs_is_a_store_that_is_away(tmp_path: Path) -> None:
    ledger = Ledger(Shelf(hangs=True), Spool(tmp_path), pace=replace(QUICK, patience=0.01))
    ledger.record(entry())
    await ledger.flush()
    assert (ledger.spooled, ledger.store_away) == (1, True)


async def test_what_an_earlier_process_left_in_the_spool_is_replayed(tmp_path: Path) -> None:
    shelf, left = Shelf(), [row_of(one) for one in entries(3)]
    Spool(tmp_path).write(left)
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK):
        await until(lambda: len(shelf.rows) == 3)
        await until(lambda: not Spool(tmp_path).batches())


async def test_more_batches_than_fit_one_turn_are_replayed_as_well(tmp_path: Path) -> None:
    shelf = Shelf()
    for one in entries(120):
        Spool(tmp_path).write([row_of(one)])
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK):
        await until(lambda: len(shelf.rows) == 120)


async def test_leaving_flushes(tmp_path: Path) -> None:
    shelf, recorded = Shelf(), entries(3)
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK) as ledger:
        for one in recorded:
            ledger.record(one)
    assert list(shelf.rows) == [one.id for one in recorded]


async def test_leaving_spools_what_a_hanging_store_did_not_take(tmp_path: Path) -> None:
    shelf, recorded = Shelf(hangs=True), entries(3)
    pace = replace(QUICK, patience=3600, closing=0.01)
    async with Ledger(shelf, Spool(tmp_path), pace=pace) as ledger:
        ledger.record(recorded[0])
        await shelf.asked.wait()
        ledger.record(recorded[1])
        ledger.record(recorded[2])
    spooled = [row for batch in Spool(tmp_path).batches() for row in Spool(tmp_path).read(batch)]
    assert spooled == [row_of(one) for one in recorded]
    assert ledger.pending == 0


async def test_at_the_end_a_batch_gathers_no_longer(tmp_path: Path) -> None:
    shelf, (one,) = Shelf(), entries(1)
    async with Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, linger=60)) as ledger:
        ledger.record(one)
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the batch has begun to gather
    assert list(shelf.rows) == [one.id]
    assert ledger.spooled == 0


async def test_a_full_memory_refuses_counts_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, recorded = Shelf(), entries(5)
    async with Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, room=3)) as ledger:
        for one in recorded:
            ledger.record(one)
        assert (ledger.pending, ledger.lost) == (3, 2)
    assert list(shelf.rows) == [one.id for one in recorded[:3]]
    assert "ledger entries were lost" in caplog.text


async def test_what_neither_store_nor_spool_takes_waits_in_memory_and_is_stored_once_they_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    shelf, recorded = Shelf(away=True), entries(3)
    async with Ledger(shelf, Spool(tmp_path / "file"), pace=QUICK) as ledger:
        for one in recorded:
            ledger.record(one)
            await ledger.flush()
        assert (ledger.lost, ledger.spooled, ledger.pending) == (0, 0, 3)
        shelf.away = False
        await until(lambda: len(shelf.rows) == 3)  # nobody has to record anything for that
    assert list(shelf.rows) == [one.id for one in recorded]
    assert caplog.text.count("spool takes nothing") == 1


async def test_what_nothing_takes_until_the_end_is_lost_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    async with Ledger(Shelf(away=True), Spool(tmp_path / "file"), pace=QUICK) as ledger:
        ledger.record(entry())
        await ledger.flush()
    assert (ledger.lost, ledger.pending) == (1, 0)
    assert "ledger entries were lost" in caplog.text


async def test_what_is_recorded_outlives_a_process_that_is_killed_before_it_is_stored(
    tmp_path: Path,
) -> None:
    killed, recorded = Ledger(Shelf(hangs=True), Spool(tmp_path)), entries(3)
    for one in recorded:
        killed.record(one)
    killed._journal.close(safe=False)  # what the system does with a process's files
    shelf = Shelf()
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK):
        await until(lambda: len(shelf.rows) == 3)
        await until(lambda: not list(tmp_path.glob("*.jsonl")))
    assert shelf.rows == {one.id: row_of(one) for one in recorded}


async def test_a_journal_longer_than_a_transaction_is_stored_in_several(tmp_path: Path) -> None:
    shelf, left = Shelf(), [row_of(one) for one in entries(10)]
    Spool(tmp_path).write(left)
    ledger = Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, batch=4))
    await ledger.flush()
    assert shelf.sizes == [4, 4, 2]


async def test_after_the_end_entries_are_counted_as_lost(tmp_path: Path) -> None:
    async with Ledger(Shelf(), Spool(tmp_path), pace=QUICK) as ledger:
        pass
    ledger.record(entry())
    assert (ledger.lost, ledger.pending) == (1, 0)


async def test_a_bug_in_the_watcher_costs_no_row_and_not_the_writer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, recorded = Shelf(), entries(3)

    def watch(one: Entry) -> None:
        if one.id == recorded[0].id:
            raise ZeroDivisionError

    async with Ledger(shelf, Spool(tmp_path), watch, QUICK) as ledger:
        for one in recorded:
            ledger.record(one)
        await until(lambda: len(shelf.rows) == 3)
    assert "stumbled" in caplog.text


async def test_a_bug_in_the_store_sends_its_batch_to_the_spool(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    poison, fine = entries(2)
    shelf = Shelf(hates=poison.id)
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK) as ledger:
        ledger.record(poison)
        await until(lambda: ledger.spooled == 1)
        ledger.record(fine)
        shelf.hates = ""
        await until(lambda: len(shelf.rows) == 2)
    assert "stumbled" in caplog.text


async def test_a_spool_that_cannot_be_replayed_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "1.jsonl").mkdir()
    shelf = Shelf()
    async with Ledger(shelf, Spool(tmp_path), pace=QUICK) as ledger:
        ledger.record(entry())
        await until(lambda: len(shelf.rows) == 1)
    assert "cannot be replayed" in caplog.text


async def test_an_outage_is_said_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = Shelf(away=True)
    ledger = Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, retry=1e-9))
    for one in entries(3):
        ledger.record(one)
        await ledger.flush()
    shelf.away = False
    await ledger.flush()
    said = [record.getMessage().partition(";")[0] for record in caplog.records]
    assert said == ["the ledger's store is away", "the ledger's store is back"]


async def test_a_cancelled_flush_gives_its_rows_back(tmp_path: Path) -> None:
    shelf = Shelf(hangs=True)
    ledger = Ledger(shelf, Spool(tmp_path), pace=replace(QUICK, patience=3600))
    ledger.record(entry())
    flushing = asyncio.create_task(ledger.flush())
    await shelf.asked.wait()
    flushing.cancel()
    with suppress(asyncio.CancelledError):
        await flushing
    assert ledger.pending == 1
    shelf.hangs = False
    await ledger.flush()
    assert len(shelf.rows) == 1
