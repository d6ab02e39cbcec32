"""A ledger that may be opened late: whatever is wrong with it stops nothing, and is said."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from portico.errors import StoreUnavailable
from portico.ledger.base import RequestQuery
from portico.ledger.late import LateLedger, open_late
from portico.ledger.postgres import open_postgres
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from portico.ledger.sqlite import open_sqlite
from portico.ledger.writer import Ledger, Pace
from tests.ledger.entries import attempt, entry

pytestmark = pytest.mark.anyio

QUICK = Pace(linger=0, retry=0.05, patience=1, closing=2)


async def test_a_folder_that_cannot_be_made_is_said_and_rows_come_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "stores").touch()
    path, kept = tmp_path / "stores" / "ledger.db", entry(attempt())
    async with open_late(lambda: open_sqlite(path), pause=0.05) as store:
        assert store.away
        assert "requests are served, rows wait in the spool" in caplog.text
        async with Ledger(store, Spool(tmp_path / "spool"), pace=QUICK) as ledger:
            ledger.record(kept)
            await ledger.flush()
            assert ledger.spooled == 1
            (tmp_path / "stores").unlink()
            await until(lambda: found(store, kept.id))
        assert not store.away


async def found(store: LateLedger, ident: str) -> bool:
    try:
        return await store.request(ident) is not None
    except StoreUnavailable:
        return False


async def back(store: LateLedger) -> bool:
    return not store.away


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await true():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to be")


async def test_a_newer_schema_stops_nothing_and_is_not_touched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("INSERT INTO schema_version VALUES (999, 'the future', 'tomorrow')")
    async with open_late(lambda: open_sqlite(path)) as store:
        with pytest.raises(StoreUnavailable, match="schema 999"):
            await store.append([row_of(entry())])
    assert "run the newer version" in caplog.text


async def test_a_postgres_of_a_newer_version_stops_nothing(database: str) -> None:
    async with open_postgres(database) as store:
        await store.append([])
    connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO portico.schema_version VALUES ('ledger', 99, 'later')")
    await connection.close()
    async with open_late(lambda: open_postgres(database)) as store:
        assert store.away
        with pytest.raises(StoreUnavailable, match="schema 99"):
            await store.requests(RequestQuery())


async def test_a_ledger_that_is_back_is_known_to_be_although_nobody_asks(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    parts = urlsplit(database)
    name = parts.path.lstrip("/")
    admin = await asyncpg.connect(parts._replace(path="/postgres").geturl())
    await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
    async with open_late(lambda: open_postgres(database), pause=0.05) as store:
        assert "no such database" in store.why
        await admin.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
        await until(lambda: back(store))
        assert "the ledger is back" in caplog.text
    await admin.close()
