"""KeyStore in one SQLite file. Reads are rare, writes are rarer: nothing is held open."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from portico.access.base import Kept, Key
from portico.errors import ConfigError, Problem, StoreUnavailable

BUSY = 2.0
"""Seconds to wait for another process's transaction."""

STEPS = (
    (
        "keys",
        "CREATE TABLE keys ("
        " id TEXT PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL, expires REAL,"
        " revoked REAL, last4 TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, sealed_by TEXT NOT NULL)",
    ),
)
"""How the tables came to be, step by step: name and statement, never edited once released."""


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
        with _translated(self._path):
            if not self._seen and not self._path.exists():
                return []
        return self._with(_all)

    def _with[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        with _translated(self._path):
            if not self._seen:
                _prepare(self._path)
                self._seen = True
            with closing(_connect(self._path)) as connection:
                return work(connection)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        # SQLite's own name of the trouble (`SQLITE_FULL`): its text might quote what we gave it.
        name = getattr(exc, "sqlite_errorname", type(exc).__name__)
        told = f"the keys in {path} did not answer: {name}"
        raise StoreUnavailable(told, retry_after=BUSY) from exc


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file that exists; `rw` never makes one."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)


def _prepare(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with closing(_connect(path)) as connection:
        if _version(connection) != len(STEPS):
            _migrate(connection)


def _version(connection: sqlite3.Connection) -> int:
    tables = "SELECT 1 FROM sqlite_master WHERE name = 'schema_version'"
    if connection.execute(tables).fetchone() is None:
        return 0
    (have,) = connection.execute("SELECT max(number) FROM schema_version").fetchone()
    return have or 0


def _migrate(connection: sqlite3.Connection) -> None:
    with _transaction(connection):  # another process that starts now waits here
        have = _version(connection)
        if have > len(STEPS):
            raise ConfigError((_newer(have),))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"
        )
        for number, (name, statement) in enumerate(STEPS[have:], have + 1):
            connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?, datetime('now'))", (number, name)
            )


def _newer(have: int) -> Problem:
    return Problem(
        f"the keys in access.db have schema {have}, this version knows {len(STEPS)}",
        remedy="run the newer version, or set another PORTICO_HOME",
    )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


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
