"""AccessStore in one SQLite file. Reads are rare, writes are rarer: nothing is held open."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from portico.access.base import MADE, Deed, Kept, Person, Register, Team
from portico.access.forgetting import changed as changed_deeds
from portico.access.rows import (
    DEED_COLUMNS,
    KEY_COLUMNS,
    MOST,
    PERSON_COLUMNS,
    TEAM_COLUMNS,
    Thing,
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
from portico.stores.sqlite import BUSY, make, migrate, scrub, transaction, translated


class SQLiteAccess:
    """
    AccessStore in the file at *path*; several processes may share it.

    The first change makes the file. Once it has been seen it may not vanish: a lost file is a
    store that is away, and not one without keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = False

    async def version(self) -> int:
        """See AccessStore."""
        return await asyncio.to_thread(self._if_there, _version, 0)

    async def register(self) -> Register:
        """See AccessStore."""
        return await asyncio.to_thread(self._if_there, _register, Register())

    async def keep(self, thing: Kept | Person | Team, deed: Deed) -> None:
        """See AccessStore."""
        await self._change(lambda connection: _keep(connection, thing), deed)

    async def drop(self, thing: Person | Team, deed: Deed) -> None:
        """See AccessStore."""
        await self._change(lambda connection: _drop(connection, thing), deed)

    async def note(self, deed: Deed) -> None:
        """See AccessStore."""
        await self._change(lambda _: None, deed)

    async def forget(self, marks: Mapping[str, str], deed: Deed) -> None:
        """See AccessStore; what was there is overwritten."""
        await self._change(lambda connection: _forget(connection, marks), deed)
        await asyncio.to_thread(self._with, scrub)

    async def deeds(self, before: int | None = None, limit: int = 50) -> Sequence[Deed]:
        """See AccessStore."""
        most = min(max(limit, 1), MOST)
        nothing: list[Deed] = []
        return await asyncio.to_thread(
            self._if_there, lambda connection: _deeds(connection, before, most), nothing
        )

    async def _change(self, work: Callable[[sqlite3.Connection], None], deed: Deed) -> None:
        def both(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                work(connection)
                row = deed_row(deed, _version(connection) + 1)
                connection.execute(_insert("deeds", DEED_COLUMNS), row)

        await asyncio.to_thread(self._with, both)

    def _if_there[T](self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with translated(f"the keys in {self._path}"):
            if not self._seen and not self._path.exists():
                return otherwise
        return self._with(work)

    def _with[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        with translated(f"the keys in {self._path}"):
            if not self._seen:
                _prepare(self._path)
                self._seen = True
            with closing(_connect(self._path)) as connection:
                return work(connection)


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file that exists; `rw` never makes one."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)


def _prepare(path: Path) -> None:
    make(path)
    with closing(_connect(path)) as connection:
        migrate(connection, steps("access", "sqlite", "the keys"))


def _version(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM deeds").fetchone()
    return int(number)


_EVER = "SELECT EXISTS (SELECT 1 FROM deeds WHERE what = ?)"


def _register(connection: sqlite3.Connection) -> Register:
    number = _version(connection)  # first: what changes meanwhile is read again
    keys = connection.execute(_select("keys", KEY_COLUMNS))
    people = connection.execute(_select("people", PERSON_COLUMNS))
    teams = connection.execute(_select("teams", TEAM_COLUMNS))
    return Register(
        keys=[key_of(row) for row in keys],
        people=[person_of(row) for row in people],
        teams=[team_of(row) for row in teams],
        version=number,
        ever=bool(connection.execute(_EVER, (MADE,)).fetchone()[0]),
    )


def _keep(connection: sqlite3.Connection, thing: Thing) -> None:
    table, columns = table_of(thing)
    known = f"ON CONFLICT (id) DO UPDATE SET {changed(columns, table)}"
    connection.execute(f"{_insert(table, columns)} {known}", tuple(row_of(thing)))


def _drop(connection: sqlite3.Connection, thing: Person | Team) -> None:
    table, _ = table_of(thing)
    connection.execute(f"DELETE FROM {table} WHERE id = ?", (thing.id,))


def _forget(connection: sqlite3.Connection, marks: Mapping[str, str]) -> None:
    every = connection.execute(f"SELECT {', '.join(DEED_COLUMNS)} FROM deeds").fetchall()
    for deed in changed_deeds(map(deed_of, every), marks):
        number, _, actor, _, *told = deed_row(deed, deed.number)
        sql = "UPDATE deeds SET actor = ?, about = ?, was = ?, became = ? WHERE number = ?"
        connection.execute(sql, (actor, *told, number))
    for ident in marks:
        connection.execute("DELETE FROM people WHERE id = ?", (ident,))
        connection.execute("DELETE FROM keys WHERE id = ?", (ident,))


def _deeds(connection: sqlite3.Connection, before: int | None, limit: int) -> list[Deed]:
    rows = connection.execute(
        f"SELECT {', '.join(DEED_COLUMNS)} FROM deeds WHERE ? IS NULL OR number < ?"
        " ORDER BY number DESC LIMIT ?",
        (before, before, limit),
    )
    return [deed_of(row) for row in rows]


def _select(table: str, columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY created, id"


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
