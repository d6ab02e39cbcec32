"""LedgerStore in Postgres: batches in one round trip a table, sums in the same transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple

import msgspec

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
from portico.stores.postgres import Connection, Record
from portico.stores.tables import Tables, open_tables
from portico.stores.whom import Whom

WRITING = 5.0
"""Seconds for one batch, as long as the writer's own patience: it has a spool to turn to."""

_ENCODER = msgspec.json.Encoder()

READING = 10.0
"""Seconds for a page or a sum: nobody's chat waits for it."""

FORGETTING = 60.0
"""Seconds for one step of forgetting somebody: an operator waits for it."""


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator["PostgresLedger"]:
    """Open the ledger at `postgresql://…`; nobody is called yet."""
    async with open_tables(url, steps("ledger", "postgres", "the ledger")) as tables:
        yield PostgresLedger(tables)


class PostgresLedger:
    """LedgerStore on Postgres; any number of processes may share it."""

    def __init__(self, tables: Tables) -> None:
        self.guard = tables.guard
        self._tables = tables

    async def append(self, rows: Sequence[RequestRow]) -> None:
        """See LedgerStore."""

        async def work(connection: Connection) -> None:
            await _append(connection, fresh(rows, set(), set()))

        await self._tables.write(work, WRITING)

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        """See LedgerStore."""
        window = sums.window(query)

        async def work(connection: Connection) -> list[UsageRow]:
            await connection.execute(_SNAPSHOT)
            whole = await _fetch(connection, queries.hours(query.by, window))
            edges = [
                (since, await _fetch(connection, queries.edge(query.by, since, until)))
                for since, until in window.edges
            ]
            return sums.usage(query.by, whole, edges)

        return await self._tables.write(work, READING)

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        """See LedgerStore."""
        requests, attempts = series.asked(query)

        async def work(connection: Connection) -> list[SeriesRow]:
            await connection.execute(_SNAPSHOT)
            asked = await _fetch(connection, requests)
            return series.together(asked, await _fetch(connection, attempts))

        return await self._tables.write(work, READING)

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        """See LedgerStore."""
        return await self._rows(queries.listing(query))

    async def request(self, ident: str) -> RequestRow | None:
        """See LedgerStore."""
        found = await self._rows(queries.one(ident))
        return found[0] if found else None

    async def requests_of(self, whom: Whom) -> list[str]:
        """See LedgerStore."""

        async def work(connection: Connection) -> list[str]:
            found = await _fetch(connection, forgetting.requests_of(whom))
            return [str(row["id"]) for row in found]

        return await self._tables.read(work, FORGETTING)

    async def forget(self, whom: Whom) -> int:
        """See LedgerStore."""

        async def some(connection: Connection) -> int:
            sql, values = queries.POSTGRES(forgetting.some_gone(whom))
            return len(await connection.fetch(f"{sql} RETURNING id", *values))

        gone = 0
        while count := await self._tables.write(some, FORGETTING):
            gone += count
        await self._tables.write(lambda connection: _nobodys(connection, whom), FORGETTING)
        return gone

    async def _rows(self, wanted: queries.Statement) -> list[RequestRow]:
        async def work(connection: Connection) -> list[RequestRow]:
            await connection.execute(_SNAPSHOT)
            requests = [dict(row) for row in await _fetch(connection, wanted)]
            idents = [str(row["id"]) for row in requests]
            attempts = await _fetch(connection, queries.attempts_of(idents))
            return together(requests, [dict(row) for row in attempts])

        return await self._tables.write(work, READING)


# All that is read is of one moment; what nobody waits for any more is not gone on with.
_SNAPSHOT = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
    f"SET LOCAL statement_timeout = {int(READING * 1000)}"
)


async def _append(connection: Connection, rows: Sequence[RequestRow]) -> None:
    """Only what was really new is added to the sums: another process may be replaying the same."""
    inserted = await _insert(connection, "requests", REQUEST, map(request_values, rows))
    new = [row for row in rows if row.id in inserted]
    values = [one for row in new for one in attempt_values(row)]
    tried = await _insert(connection, "attempts", ATTEMPT, values)
    known = {one.id for row in new for one in row.attempts} - tried
    cells = sums.added_up(fresh(new, set(), known))
    sql, _ = queries.POSTGRES((queries.add_hour(), ()))
    await connection.executemany(sql, [(*astuple(cell), *astuple(more)) for cell, more in cells])


async def _nobodys(connection: Connection, whom: Whom) -> None:
    await _fetch(connection, forgetting.keys_gone(whom))
    cells = await _fetch(connection, forgetting.cells_gone(whom))
    sql, _ = queries.POSTGRES((queries.add_hour(), ()))
    told = [tuple(values) for values in forgetting.nobodys([tuple(cell) for cell in cells])]
    await connection.executemany(sql, told)


async def _insert(
    connection: Connection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[object, ...]],
) -> set[str]:
    """Insert *rows* as one text, and return the ids that were not there before."""
    # In an array asyncpg looks for containers in each value: that cost more than all the rest.
    given = [dict(zip(columns, values, strict=True)) for values in rows]
    if not given:
        return set()
    names = ", ".join(columns)
    kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    found = await connection.fetch(
        f"INSERT INTO portico.{table} ({names})"
        f" SELECT {names} FROM json_to_recordset($1::json) AS row({kinds})"
        " ON CONFLICT (id) DO NOTHING RETURNING id",
        _ENCODER.encode(given).decode(),
    )
    return {row["id"] for row in found}


async def _fetch(connection: Connection, statement: queries.Statement) -> list[Record]:
    sql, values = queries.POSTGRES(statement)
    return await connection.fetch(sql, *values)
