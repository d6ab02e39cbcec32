"""The ledger in one SQLite file: opening, upgrading, sharing, failing."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from portico.errors import ConfigError, StoreUnavailable
from portico.ledger.base import RequestQuery
from portico.ledger.rows import row_of
from portico.ledger.sqlite import open_sqlite
from tests.ledger.entries import attempt, entry

pytestmark = pytest.mark.anyio


async def test_rows_are_there_after_a_restart(tmp_path: Path) -> None:
    kept = row_of(entry(attempt()))
    async with open_sqlite(tmp_path / "new" / "ledger.db") as store:
        await store.append([kept])
    async with open_sqlite(tmp_path / "new" / "ledger.db") as store:
        assert await store.request(kept.id) == kept


async def test_two_processes_may_start_and_write_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    async def worker() -> None:
        async with open_sqlite(path) as store:
            for _ in range(20):
                await store.append([row_of(entry(attempt()))])

    await asyncio.gather(worker(), worker(), worker())
    async with open_sqlite(path) as store:
        assert len(await store.requests(RequestQuery(limit=100))) == 60


async def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        assert await store.requests(RequestQuery()) == []
        other.close()


async def test_a_batch_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path) as store:
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE attempts")
        other.close()
        with pytest.raises(StoreUnavailable):
            await store.append([row_of(entry(attempt()))])
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM requests").fetchone() == (0,)
    other.close()


async def test_a_locked_file_is_a_store_that_is_away_and_then_back(tmp_path: Path) -> None:
    path, kept = tmp_path / "ledger.db", row_of(entry(attempt()))
    async with open_sqlite(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            await store.append([kept])
        other.execute("ROLLBACK")
        other.close()
        await store.append([kept])
        assert await store.request(kept.id) == kept


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is a shopping list, and rather a long one\n" * 100)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        async with open_sqlite(path):
            pass
    assert path.read_text().startswith("this is a shopping list")


async def test_a_folder_that_cannot_be_made_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        async with open_sqlite(tmp_path / "file" / "ledger.db"):
            pass


async def test_a_ledger_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path):
        pass
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO schema_version VALUES (999, 'the future', 'tomorrow')")
    other.close()
    with pytest.raises(ConfigError, match="schema 999"):
        async with open_sqlite(path):
            pass


async def test_nobody_else_on_the_machine_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("", "requests_by_time"),
        ("WHERE role = 'x'", "requests_by_role"),
        ("WHERE target = 'x'", "requests_by_target"),
        ("WHERE caller = 'x'", "requests_by_caller"),
        ("WHERE person = 'x'", "requests_by_person"),
        ("WHERE team = 'x'", "requests_by_team"),
        ("WHERE chat = 'x'", "requests_by_chat"),
    ],
)
async def test_listing_requests_reads_an_index_and_sorts_nothing(
    tmp_path: Path, condition: str, index: str
) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path):
        with sqlite3.connect(path) as other:
            plan = other.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM requests {condition}"
                " ORDER BY started DESC LIMIT 50"
            ).fetchall()
        other.close()
    assert index in str(plan)
    assert "TEMP B-TREE" not in str(plan)
