"""KeyStore in one SQLite file. Reads are rare, writes are rarer: nothing is held open."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from portico.access.base import Kept, Key
from portico.stores.migrations import steps
from portico.stores.sqlite import BUSY, make, migrate, translated


class SQLiteKeys:
    """
    KeyStore in the file at *path*; several processes may share it.

    The first key makes the file. Once it has been seen it may not vanish: a lost file is a store
    that is away, and not one without keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = False

    async def add(self, kept: Kept) -> None:
        """See KeyStore."""
        await asyncio.to_thread(self._with, lambda connection: _add(connection, kept))

    async def all(self) -> Sequence[Kept]:
        """See KeyStore."""
        return await asyncio.to_thread(self._all)

    async def revoke(self, ident: str, when: float) -> None:
        """See KeyStore."""
        await asyncio.to_thread(self._with, lambda connection: _revoke(connection, ident, when))

    def _all(self) -> list[Kept]:
        with translated(f"the keys in {self._path}"):
            if not self._seen and not self._path.exists():
                return []
        return self._with(_all)

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


def _add(connection: sqlite3.Connection, kept: Kept) -> None:
    key = kept.key
    values = (key.id, key.name, key.created, key.expires, key.revoked, key.last4)
    connection.execute(
        "INSERT INTO keys (id, name, created, expires, revoked, last4, digest, sealed_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, kept.digest, kept.sealed_by),
    )


def _all(connection: sqlite3.Connection) -> list[Kept]:
    rows = connection.execute(
        "SELECT id, name, created, expires, revoked, last4, digest, sealed_by"
        " FROM keys ORDER BY created, id"
    )
    return [Kept(Key(*row[:6]), row[6], row[7]) for row in rows]


def _revoke(connection: sqlite3.Connection, ident: str, when: float) -> None:
    connection.execute(
        "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (when, ident)
    )
