"""TraceStore in one SQLite file: one connection, in one thread of its own."""

import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from portico.stores.migrations import Steps, steps
from portico.stores.sqlite import Session, migrate, open_session, transaction, version
from portico.stores.whom import Whom
from portico.traces.base import Card, Trace, TraceQuery
from portico.traces.conditions import live, theirs, where

PAGE = 50
"""Traces that an export reads at once."""

SWEPT = 200
"""Traces that are deleted in one go: whoever writes meanwhile does not wait for long."""

SMALL = 4096
"""Bytes of a story up to which squeezing it gains a page at the most, and costs 35 µs."""

FIELDS = Card.__struct_fields__
LISTS = ("modalities", "flags")
SWITCHES = ("simulated", "streamed")

_MODALITIES, _FLAGS = map(FIELDS.index, LISTS)

_WHAT = "the traces"
_COLUMNS = ", ".join((*FIELDS, "story"))
_INSERT = (
    f"INSERT INTO traces ({_COLUMNS}) VALUES ({', '.join('?' * (len(FIELDS) + 1))})"
    " ON CONFLICT (id) DO NOTHING"
)
_LIVE = live("?")
_HAS = "EXISTS (SELECT 1 FROM json_each(modalities) WHERE value = {})"


@asynccontextmanager
async def open_sqlite(
    path: Path, clock: Callable[[], float] = time.time, *, late: bool = False
) -> AsyncIterator["SQLiteTraces"]:
    """
    Open the traces in *path*, made and brought up to date if need be. *clock*: epoch seconds.

    Where *late*, what keeps them from opening stops nothing: each call tries again.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    known = steps("traces", "sqlite", _WHAT)
    async with open_session(path, _WHAT, partial(_prepare, known), late=late) as session:
        yield SQLiteTraces(session, clock)


class SQLiteTraces:
    """TraceStore on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, session: Session, clock: Callable[[], float]) -> None:
        self._session = session
        self._clock = clock

    async def append(self, traces: Sequence[Trace]) -> None:
        """See TraceStore."""

        def work(connection: sqlite3.Connection) -> None:
            rows = [_row(trace) for trace in traces]
            with transaction(connection):
                connection.executemany(_INSERT, rows)

        await self._session.run(work)

    async def find(self, ident: str) -> Trace | None:
        """See TraceStore."""
        found = await self._select(f"WHERE id = ? AND {_LIVE}", (ident, self._clock()))
        return found[0] if found else None

    async def cards(self, query: TraceQuery) -> list[Card]:
        """See TraceStore."""
        conditions, values = where(query, self._clock(), lambda _: "?", _HAS, "traces")
        rest = f"WHERE {conditions} ORDER BY started DESC, id DESC LIMIT ?"
        sql = f"SELECT {', '.join(FIELDS)} FROM traces {rest}"
        rows = await self._session.run(
            lambda one: one.execute(sql, (*values, query.most)).fetchall()
        )
        return [_card(row) for row in rows]

    async def mark(self, card: Card) -> bool:
        """See TraceStore."""
        sql = (
            "UPDATE traces SET life = ?, expires = ?, flags = ?, thumb = ?, thumbed = ?,"
            f" thumb_why = ? WHERE id = ? AND {_LIVE} AND coalesce(thumbed, 0) <= coalesce(?, 0)"
        )
        kept = (card.life, card.expires, _listed(card.flags))
        thumb = (card.thumb, card.thumbed, card.thumb_why)
        values = (*kept, *thumb, card.id, self._clock(), card.thumbed)
        return (
            await self._session.run(lambda connection: connection.execute(sql, values).rowcount) > 0
        )

    async def sweep(self, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._gone(("expires <= ?", [self._clock()]), dry_run)

    async def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._gone(theirs(whom, "?"), dry_run)

    async def export(self) -> AsyncIterator[Trace]:
        """See TraceStore."""
        last = ""
        while True:
            rest = f"WHERE id > ? AND {_LIVE} ORDER BY id LIMIT {PAGE}"
            page = await self._select(rest, (last, self._clock()))
            for trace in page:
                yield trace
            if len(page) < PAGE:
                return
            last = page[-1].card.id

    async def _select(self, rest: str, values: Sequence[object]) -> list[Trace]:
        sql = f"SELECT {_COLUMNS} FROM traces {rest}"
        rows = await self._session.run(
            lambda connection: connection.execute(sql, values).fetchall()
        )
        return [Trace(_card(row[:-1]), Raw(_unsqueezed(row[-1]))) for row in rows]

    async def _gone(self, which: tuple[str, Sequence[object]], dry_run: bool) -> int:
        where, values = which
        if dry_run:
            sql = f"SELECT count(*) FROM traces WHERE {where}"
            return int(await self._session.run(lambda one: one.execute(sql, values).fetchone()[0]))
        sql = f"DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE {where} LIMIT {SWEPT})"
        gone = 0
        while count := await self._session.run(lambda one: one.execute(sql, values).rowcount):
            gone += count
        if gone:
            await self._session.run(_shrink)
        return gone


def _shrink(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _prepare(known: Steps, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is not left in free pages
    if version(connection) is None:  # only as long as there is no table
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
    migrate(connection, known)


def _row(trace: Trace) -> tuple[object, ...]:
    card = trace.card
    plain = list(astuple(card))
    plain[_MODALITIES], plain[_FLAGS] = _listed(card.modalities), _listed(card.flags)
    return (*plain, _squeezed(bytes(trace.story)))


@lru_cache(64)  # nearly all of them are the same few
def _listed(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(names).decode()


def _card(row: Sequence[object]) -> Card:
    told = dict(zip(FIELDS, row, strict=True))
    for name in LISTS:
        told[name] = msgspec.json.decode(str(told[name]))
    for name in SWITCHES:
        told[name] = bool(told[name])
    return msgspec.convert(told, Card)


def _squeezed(story: bytes) -> bytes:
    """Most of a story is text that has been said before; zlib lets go of the interpreter."""
    return zlib.compress(story, 1) if len(story) > SMALL else story


def _unsqueezed(held: bytes) -> bytes:
    return held if held.startswith(b"{") else zlib.decompress(held)
