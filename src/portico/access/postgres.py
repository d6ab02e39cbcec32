"""AccessStore in a Postgres, beside the ledger."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from portico.access.base import MADE, Deed, Kept, Person, Register, Team
from portico.access.forgetting import changed as changed_deeds
from portico.access.rows import (
    DEED_COLUMNS,
    KEY_COLUMNS,
    MOST,
    PERSON_COLUMNS,
    TEAM_COLUMNS,
    changed,
    deed_of,
    deed_row,
    key_of,
    person_of,
    row_of,
    table_of,
    team_of,
)
from portico.stores.migrations import steps
from portico.stores.postgres import Connection
from portico.stores.tables import Tables, open_tables

PATIENCE = 2.0
"""Seconds for what an operator does, and for reading everything: nobody's request waits for it."""


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator["PostgresAccess"]:
    """Open the store at `postgresql://…`; a server that is absent now is met by the first call."""
    async with open_tables(url, steps("access", "postgres", "the keys"), size=2) as tables:
        yield PostgresAccess(tables)


class PostgresAccess:
    """AccessStore in the schema `portico`; any number of gateways may share it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def version(self) -> int:
        """See AccessStore."""
        return await self._tables.read(_version)

    async def register(self) -> Register:
        """See AccessStore."""
        return await self._tables.read(_register, PATIENCE)

    async def keep(self, thing: Kept | Person | Team, deed: Deed) -> None:
        """See AccessStore."""
        table, columns = table_of(thing)
        marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        statement = (
            f"INSERT INTO portico.{table} ({', '.join(columns)}) VALUES ({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {changed(columns, table)}"
        )

        async def work(connection: Connection) -> None:
            await connection.execute(statement, *row_of(thing))

        await self._change(work, deed)

    async def drop(self, thing: Person | Team, deed: Deed) -> None:
        """See AccessStore."""
        table, _ = table_of(thing)

        async def work(connection: Connection) -> None:
            await connection.execute(f"DELETE FROM portico.{table} WHERE id = $1", thing.id)

        await self._change(work, deed)

    async def note(self, deed: Deed) -> None:
        """See AccessStore."""

        async def work(connection: Connection) -> None:
            pass

        await self._change(work, deed)

    async def forget(self, marks: Mapping[str, str], deed: Deed) -> None:
        """See AccessStore."""
        await self._change(lambda connection: _forget(connection, marks), deed)

    async def deeds(self, before: int | None = None, limit: int = 50) -> Sequence[Deed]:
        """See AccessStore."""
        most = min(max(limit, 1), MOST)

        async def work(connection: Connection) -> list[Deed]:
            rows = await connection.fetch(
                f"SELECT {', '.join(DEED_COLUMNS)} FROM portico.deeds"
                " WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2",
                *(before, most),
            )
            return [deed_of(tuple(row)) for row in rows]

        return await self._tables.read(work, PATIENCE)

    async def _change(self, work: Callable[[Connection], Awaitable[None]], deed: Deed) -> None:
        async def both(connection: Connection) -> None:
            # One at a time: whoever reads the latest number has seen all deeds before it.
            await connection.execute("LOCK TABLE portico.deeds IN EXCLUSIVE MODE")
            await work(connection)
            row = deed_row(deed, await _version(connection) + 1)
            marks = ", ".join(f"${number}" for number in range(1, len(DEED_COLUMNS) + 1))
            await connection.execute(f"INSERT INTO portico.deeds VALUES ({marks})", *row)

        await self._tables.write(both, PATIENCE)


async def _forget(connection: Connection, marks: Mapping[str, str]) -> None:
    every = await connection.fetch(f"SELECT {', '.join(DEED_COLUMNS)} FROM portico.deeds")
    for deed in changed_deeds((deed_of(tuple(row)) for row in every), marks):
        number, _, actor, _, *told = deed_row(deed, deed.number)
        sql = (
            "UPDATE portico.deeds SET actor = $1, about = $2, was = $3, became = $4"
            " WHERE number = $5"
        )
        await connection.execute(sql, actor, *told, number)
    for table in ("people", "keys"):
        sql = f"DELETE FROM portico.{table} WHERE id = ANY($1::text[])"
        await connection.execute(sql, sorted(marks))


async def _version(connection: Connection) -> int:
    found: int = await connection.fetchval("SELECT coalesce(max(number), 0) FROM portico.deeds")
    return found


_EVER = "SELECT EXISTS (SELECT 1 FROM portico.deeds WHERE what = $1)"


async def _register(connection: Connection) -> Register:
    number = await _version(connection)  # first: what changes meanwhile is read again
    keys = await connection.fetch(_select("keys", KEY_COLUMNS))
    people = await connection.fetch(_select("people", PERSON_COLUMNS))
    teams = await connection.fetch(_select("teams", TEAM_COLUMNS))
    return Register(
        keys=[key_of(tuple(row)) for row in keys],
        people=[person_of(tuple(row)) for row in people],
        teams=[team_of(tuple(row)) for row in teams],
        version=number,
        ever=await connection.fetchval(_EVER, MADE),
    )


def _select(table: str, columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM portico.{table} ORDER BY created, id"
