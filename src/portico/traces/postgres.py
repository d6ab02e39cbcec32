"""TraceStore in Postgres: one table, its stories as text."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
from msgspec import Raw

from portico.stores.migrations import steps
from portico.stores.postgres import Connection, Record
from portico.stores.tables import Tables, open_tables
from portico.stores.whom import Whom
from portico.traces.base import Card, Trace, TraceQuery
from portico.traces.conditions import live, where

PATIENCE = 3.0
"""Seconds that one call may take; nobody who chats waits for it. The recorder waits longer."""

PAGE = 50
"""Traces that an export reads at once."""

SWEPT = 500
"""Traces that are deleted in one go."""

COUNTING = 30.0
"""Seconds to count what would go: an operator waits for it, and nobody else."""

SIZE = 3
"""Connections at most: one writer, and people who read."""

FIELDS = Card.__struct_fields__
TABLE = "portico.traces"

_CARD = ", ".join(FIELDS)
_INSERT = (
    f"INSERT INTO {TABLE} ({_CARD}, story)"
    f" VALUES ({', '.join(f'${number}' for number in range(1, len(FIELDS) + 2))})"
    " ON CONFLICT (id) DO NOTHING"
)
_THEIRS = "(person = ANY($1::text[]) OR (person IS NULL AND caller = ANY($2::text[])))"


@asynccontextmanager
async def open_postgres(
    url: str, clock: Callable[[], float] = time.time, patience: float = PATIENCE
) -> AsyncIterator["PostgresTraces"]:
    """Open the traces at `postgresql://…`; the server may be away, and is asked when needed."""
    async with open_tables(url, steps("traces", "postgres", "the traces"), SIZE) as tables:
        yield PostgresTraces(tables, clock, patience)


class PostgresTraces:
    """TraceStore on `portico.traces`."""

    def __init__(self, tables: Tables, clock: Callable[[], float], patience: float) -> None:
        self._tables = tables
        self._clock = clock
        self._patience = patience

    async def append(self, traces: Sequence[Trace]) -> None:
        """See TraceStore."""
        rows = [_row(trace) for trace in traces]
        await self._tables.write(lambda one: one.executemany(_INSERT, rows), self._patience)

    async def find(self, ident: str) -> Trace | None:
        """See TraceStore."""
        found = await self._traces(f"WHERE id = $1 AND {live('$2')}", ident, self._clock())
        return found[0] if found else None

    async def cards(self, query: TraceQuery) -> list[Card]:
        """See TraceStore."""
        conditions, values = where(
            query, self._clock(), lambda number: f"${number}", "{} = ANY(modalities)", TABLE
        )
        sql = (
            f"SELECT {_CARD} FROM {TABLE} WHERE {conditions}"
            f" ORDER BY started DESC, id DESC LIMIT {query.most}"
        )
        rows = await self._tables.read(lambda one: one.fetch(sql, *values), self._patience)
        return [_card(row) for row in rows]

    async def mark(self, card: Card) -> bool:
        """See TraceStore."""
        sql = (
            f"UPDATE {TABLE} SET life = $1, expires = $2, flags = $3, thumb = $6, thumbed = $7,"
            f" thumb_why = $8 WHERE id = $4 AND {live('$5')}"
            " AND coalesce(thumbed, 0) <= coalesce($7, 0) RETURNING id"
        )
        kept = (card.life.value, card.expires, list(card.flags))
        values = (*kept, card.id, self._clock(), card.thumb, card.thumbed, card.thumb_why)
        return (
            await self._tables.write(lambda one: one.fetchval(sql, *values), self._patience)
            is not None
        )

    async def sweep(self, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._gone("expires <= $1", (self._clock(),), dry_run)

    async def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._gone(_THEIRS, (sorted(whom.people), sorted(whom.keys)), dry_run)

    async def export(self) -> AsyncIterator[Trace]:
        """See TraceStore."""
        last = ""
        while True:
            rest = f"WHERE id > $1 AND {live('$2')} ORDER BY id LIMIT {PAGE}"
            page = await self._traces(rest, last, self._clock())
            for trace in page:
                yield trace
            if len(page) < PAGE:
                return
            last = page[-1].card.id

    async def _traces(self, rest: str, *values: object) -> list[Trace]:
        sql = f"SELECT {_CARD}, story FROM {TABLE} {rest}"
        rows = await self._tables.read(lambda one: one.fetch(sql, *values), self._patience)
        return [Trace(_card(row), Raw(row["story"].encode())) for row in rows]

    async def _gone(self, condition: str, values: Sequence[object], dry_run: bool) -> int:
        if dry_run:
            query = f"SELECT count(*) FROM {TABLE} WHERE {condition}"
            found = await self._tables.read(lambda one: one.fetchval(query, *values), COUNTING)
            return int(found)
        some = f"SELECT id FROM {TABLE} WHERE {condition} LIMIT {SWEPT}"
        sql = f"WITH gone AS (DELETE FROM {TABLE} WHERE id IN ({some}) RETURNING id)"

        async def work(connection: Connection) -> int:
            count: int = await connection.fetchval(f"{sql} SELECT count(*) FROM gone", *values)
            return count

        gone = 0
        while count := await self._tables.write(work, self._patience):
            gone += count
        return gone


def _row(trace: Trace) -> tuple[object, ...]:
    told = msgspec.to_builtins(trace.card)
    return (*(told[name] for name in FIELDS), bytes(trace.story).decode())


def _card(row: Record) -> Card:
    return msgspec.convert({name: row[name] for name in FIELDS}, Card)
