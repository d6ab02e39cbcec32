"""LedgerStore in one SQLite file: one thread writes, one reads, nobody waits on the loop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.ledger import queries, series
from portico.ledger.base import (
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    UsageQuery,
    UsageRow,
)
from portico.ledger.prices import to_nano
from portico.ledger.schema import migrations

SCHEME = "sqlite:///"
BUSY = 2.0
"""Seconds to wait for another process's transaction; below the writer's patience."""


def path_of(url: str) -> Path:
    """
    Return the file of `sqlite:///relative` or `sqlite:////absolute`.

    Raises:
        ValueError: it is no such URL.
    """
    if not url.startswith(SCHEME) or not url.removeprefix(SCHEME):
        raise ValueError("not of the form sqlite:///path")
    return Path(url.removeprefix(SCHEME))


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator["SQLiteLedger"]:
    """
    Open the ledger in *path*, made and brought up to date if need be.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    async with _session() as writer, _session() as reader:
        await writer.open(path)
        await writer.run(_migrate)
        await reader.open(path)
        await reader.run(_read_only)
        yield SQLiteLedger(writer, reader)


class SQLiteLedger:
    """LedgerStore on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, writer: "_Session", reader: "_Session") -> None:
        self._writer = writer
        self._reader = reader

    async def append(self, rows: Sequence[RequestRow]) -> None:
        """See LedgerStore."""
        await self._writer.run(lambda connection: _append(connection, rows))

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        """See LedgerStore."""
        return await self._reader.run(lambda connection: queries.usage(connection, query))

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        """See LedgerStore."""
        return await self._reader.run(lambda connection: series.read(connection, query))

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        """See LedgerStore."""
        return await self._reader.run(lambda connection: queries.requests(connection, query))

    async def request(self, ident: str) -> RequestRow | None:
        """See LedgerStore."""
        return await self._reader.run(lambda connection: queries.request(connection, ident))


class _Session:
    """One connection and the one thread that may touch it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger sqlite")
        self._connection: sqlite3.Connection | None = None

    async def open(self, path: Path) -> None:
        self._connection = await self._do(lambda: _connect(path))

    async def run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise StoreUnavailable("the ledger is closed")
        return await self._do(lambda: work(connection))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._do(connection.close)

    def release(self) -> None:
        if self._connection is not None:  # left by an error: closed without waiting for it
            self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def _do[T](self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as exc:
            told = f"the ledger did not answer: {_name(exc)}"
            raise StoreUnavailable(told, retry_after=BUSY) from exc


def _name(exc: sqlite3.Error | OSError) -> str:
    """SQLite's own name of the trouble (`SQLITE_FULL`): its text might quote what we gave it."""
    return str(getattr(exc, "sqlite_errorname", type(exc).__name__))


@asynccontextmanager
async def _session() -> AsyncIterator[_Session]:
    session = _Session()
    try:
        yield session
        await session.close()
    finally:
        session.release()


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)  # who asked for what is not for everybody on the machine
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _migrate(connection: sqlite3.Connection) -> None:
    known = migrations("sqlite")
    with _transaction(connection):  # another process that starts now waits here
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"
        )
        (have,) = connection.execute("SELECT max(number) FROM schema_version").fetchone()
        if have is not None and have > known[-1].number:
            raise ConfigError((_newer(have, known[-1].number),))
        for migration in known:
            if have is None or migration.number > have:
                for statement in migration.statements:
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO schema_version VALUES (?, ?, datetime('now'))",
                    (migration.number, migration.name),
                )


def _newer(have: int, known: int) -> Problem:
    return Problem(
        f"the ledger has schema {have}, this version knows {known}",
        key="stores.ledger",
        remedy="run the newer version, or name another file",
    )


def _append(connection: sqlite3.Connection, rows: Sequence[RequestRow]) -> None:
    with _transaction(connection):
        connection.executemany(queries.INSERT_REQUEST, [_request_values(row) for row in rows])
        connection.executemany(
            queries.INSERT_ATTEMPT, [values for row in rows for values in _attempt_values(row)]
        )


def _request_values(row: RequestRow) -> tuple[object, ...]:
    return (
        *(row.id, row.started, row.took, row.asked, row.role, row.decided_by, row.caller),
        *(row.task, row.operation, ",".join(row.modalities), row.streamed, row.outcome),
        *(row.status, row.degraded, row.target, row.first_delta, row.simulated),
        *(row.person, row.team, row.chat, row.message),
    )


def _attempt_values(row: RequestRow) -> Iterator[tuple[object, ...]]:
    for position, one in enumerate(row.attempts):
        nano = None if one.cost_usd is None else to_nano(one.cost_usd)
        yield (
            *(one.id, row.id, position, one.target, one.upstream, one.model, one.tier),
            *(one.egress, one.started, one.took, one.first_delta, one.outcome, one.kind),
            *(one.status, one.detail, one.input, one.cached, one.output, one.reasoning),
            *(nano, one.simulated, one.tunnel, one.exit, one.exit_region, one.exit_age),
        )
