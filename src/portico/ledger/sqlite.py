"""LedgerStore in one SQLite file: one thread writes, one reads, nobody waits on the loop."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

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
from portico.stores.migrations import steps
from portico.stores.sqlite import Session, migrate, open_session, transaction

_WHAT = "the ledger"


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator["SQLiteLedger"]:
    """
    Open the ledger in *path*, made and brought up to date if need be.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    known = steps("ledger", "sqlite", _WHAT)
    async with open_session(path, _WHAT) as writer:
        await writer.run(lambda connection: migrate(connection, known))
        async with open_session(path, _WHAT) as reader:
            await reader.run(_read_only)
            yield SQLiteLedger(writer, reader)


class SQLiteLedger:
    """LedgerStore on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, writer: Session, reader: Session) -> None:
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


def _read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


def _append(connection: sqlite3.Connection, rows: Sequence[RequestRow]) -> None:
    with transaction(connection):
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
