"""LedgerStore in one SQLite file: one thread writes, one reads, nobody waits on the loop."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import astuple
from itertools import chain
from pathlib import Path
from typing import Any

from portico.ledger import forgetting, queries, series, sums
from portico.ledger.base import (
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    UsageQuery,
    UsageRow,
)
from portico.ledger.columns import ATTEMPT, REQUEST, attempt_values, request_values, together
from portico.ledger.fresh import fresh
from portico.stores.migrations import steps
from portico.stores.sqlite import (
    Session,
    migrate,
    open_session,
    overwriting,
    scrub,
    transaction,
)
from portico.stores.whom import Whom

_WHAT = "the ledger"


def _insert(table: str, columns: Iterable[str]) -> str:
    names = tuple(columns)
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"


_INSERT_REQUEST, _INSERT_ATTEMPT = _insert("requests", REQUEST), _insert("attempts", ATTEMPT)


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
        return await self._reader.run(lambda connection: _usage(connection, query))

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        """See LedgerStore."""
        return await self._reader.run(lambda connection: _series(connection, query))

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        """See LedgerStore."""
        wanted = queries.listing(query)
        return await self._reader.run(lambda connection: _rows(connection, wanted))

    async def request(self, ident: str) -> RequestRow | None:
        """See LedgerStore."""
        wanted = queries.one(ident)
        found = await self._reader.run(lambda connection: _rows(connection, wanted))
        return found[0] if found else None

    async def requests_of(self, whom: Whom) -> list[str]:
        """See LedgerStore."""
        wanted = forgetting.requests_of(whom)
        return await self._reader.run(
            lambda connection: [ident for (ident,) in _execute(connection, wanted)]
        )

    async def forget(self, whom: Whom) -> int:
        """See LedgerStore; what was there is overwritten."""
        gone, some = 0, forgetting.some_gone(whom)
        await self._writer.run(overwriting)
        while count := await self._writer.run(lambda one: _execute(one, some).rowcount):
            gone += count
        await self._writer.run(lambda connection: _nobodys(connection, whom))
        await self._writer.run(scrub)
        return gone


def _read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read in the block be of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _execute(connection: sqlite3.Connection, statement: queries.Statement) -> sqlite3.Cursor:
    return connection.execute(*queries.SQLITE(statement))


def _append(connection: sqlite3.Connection, rows: Sequence[RequestRow]) -> None:
    try:
        with transaction(connection):
            _add(connection, rows)
    except sqlite3.IntegrityError:  # some are there: nearly never, and to look first is dear
        with transaction(connection):
            known = _known(connection, "requests", [row.id for row in rows])
            attempts = [one.id for row in rows for one in row.attempts]
            _add(connection, fresh(rows, known, _known(connection, "attempts", attempts)))


def _add(connection: sqlite3.Connection, new: Sequence[RequestRow]) -> None:
    connection.executemany(_INSERT_REQUEST, map(request_values, new))
    attempts = chain.from_iterable(map(attempt_values, new))
    connection.executemany(_INSERT_ATTEMPT, attempts)
    sql, _ = queries.SQLITE((queries.add_hour(), ()))
    cells = sums.added_up(new)
    connection.executemany(sql, [(*astuple(cell), *astuple(more)) for cell, more in cells])


def _nobodys(connection: sqlite3.Connection, whom: Whom) -> None:
    with transaction(connection):
        _execute(connection, forgetting.keys_gone(whom))
        cells = _execute(connection, forgetting.cells_gone(whom)).fetchall()
        sql, _ = queries.SQLITE((queries.add_hour(), ()))
        connection.executemany(sql, list(forgetting.nobodys(cells)))


def _known(connection: sqlite3.Connection, table: str, idents: Sequence[str]) -> set[str]:
    """Return those of *idents* that are in *table*; in pieces, for a statement has bounds."""
    found: set[str] = set()
    for start in range(0, len(idents), 500):
        part = idents[start : start + 500]
        marks = ", ".join("?" for _ in part)
        rows = connection.execute(f"SELECT id FROM {table} WHERE id IN ({marks})", part)
        found.update(ident for (ident,) in rows)
    return found


def _usage(connection: sqlite3.Connection, query: UsageQuery) -> list[UsageRow]:
    window = sums.window(query)
    with _snapshot(connection):
        whole = _execute(connection, queries.hours(query.by, window)).fetchall()
        edges = [
            (since, _execute(connection, queries.edge(query.by, since, until)).fetchall())
            for since, until in window.edges
        ]
    return sums.usage(query.by, whole, edges)


def _series(connection: sqlite3.Connection, query: SeriesQuery) -> list[SeriesRow]:
    requests, attempts = series.asked(query)
    with _snapshot(connection):
        asked = _execute(connection, requests).fetchall()
        return series.together(asked, _execute(connection, attempts))


def _rows(connection: sqlite3.Connection, wanted: queries.Statement) -> list[RequestRow]:
    with _snapshot(connection):
        requests = _named(_execute(connection, wanted))
        idents = [str(row["id"]) for row in requests]
        return together(requests, _named(_execute(connection, queries.attempts_of(idents))))


def _named(cursor: sqlite3.Cursor) -> list[Mapping[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor]
