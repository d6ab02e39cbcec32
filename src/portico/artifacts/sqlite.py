"""Index in one SQLite file: one connection, one thread that may touch it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from portico.artifacts.index import CONDEMNED, Artifact, Claim, Held, Use
from portico.errors import ConfigError, Problem, StoreUnavailable

BUSY = 2.0
"""Seconds to wait for another process's transaction."""

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "artifacts",
        (
            "CREATE TABLE artifacts ("
            " id TEXT PRIMARY KEY, owner TEXT, raw TEXT NOT NULL, key TEXT NOT NULL,"
            " kind TEXT NOT NULL, size INTEGER NOT NULL, width INTEGER NOT NULL,"
            " height INTEGER NOT NULL, pixels TEXT, name TEXT NOT NULL, created REAL NOT NULL,"
            " bare INTEGER NOT NULL, uploaded INTEGER NOT NULL)",
            "CREATE TABLE grants ("
            " artifact TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,"
            " caller TEXT NOT NULL, PRIMARY KEY (artifact, caller)) WITHOUT ROWID",
            "CREATE TABLE uses ("
            " request TEXT NOT NULL, place TEXT NOT NULL, target TEXT NOT NULL,"
            " number INTEGER NOT NULL,"
            " artifact TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,"
            " seen REAL NOT NULL, part TEXT NOT NULL, sheet INTEGER NOT NULL,"
            " width INTEGER NOT NULL, height INTEGER NOT NULL, mime TEXT NOT NULL,"
            " recipe TEXT NOT NULL, derived TEXT NOT NULL,"
            " PRIMARY KEY (request, place, target, number)) WITHOUT ROWID",
            "CREATE TABLE blobs (key TEXT PRIMARY KEY, stored INTEGER NOT NULL,"
            " claimed REAL NOT NULL, condemned REAL) WITHOUT ROWID",
            "CREATE INDEX artifacts_by_raw ON artifacts (raw, owner)",
            "CREATE INDEX artifacts_by_pixels ON artifacts (pixels, owner) WHERE bare",
            "CREATE INDEX artifacts_by_key ON artifacts (key)",
            "CREATE INDEX carried_by_time ON artifacts (created) WHERE NOT uploaded",
            "CREATE INDEX uses_by_artifact ON uses (artifact, seen)",
            "CREATE INDEX uses_by_derived ON uses (derived, seen)",
            "CREATE INDEX uses_by_time ON uses (seen)",
        ),
    ),
)
"""How the tables came to be, step by step: name and statements, never edited once released."""

_ARTIFACT = "id, owner, raw, key, kind, size, width, height, pixels, name, created, bare, uploaded"
_USE = (
    "request, place, target, number, artifact, seen,"
    " part, sheet, width, height, mime, recipe, derived"
)
_OUTDATED = (
    "NOT uploaded AND created < :before AND NOT EXISTS"
    " (SELECT 1 FROM uses WHERE artifact = artifacts.id AND seen >= :before)"
)
_REFERRED = (
    f"SELECT EXISTS (SELECT 1 FROM artifacts WHERE key = :key AND NOT ({_OUTDATED}))"
    " OR EXISTS (SELECT 1 FROM uses WHERE derived = :key AND seen >= :before)"
)


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator["SQLiteIndex"]:
    """
    Open the index in *path*, made and brought up to date if need be.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="artifacts sqlite")
    index = SQLiteIndex(path, thread)
    try:
        await index.open()
        yield index
        await index.aclose()
    finally:
        thread.submit(index.close)  # left by an error: behind what is under way, not waited for
        thread.shutdown(wait=False)


class SQLiteIndex:
    """Index on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._thread = thread
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Connect, and bring the tables up to date."""
        await self._do(self._open)

    async def aclose(self) -> None:
        """Hang up."""
        await self._do(self.close)

    def close(self) -> None:
        """Hang up, in the thread that connected; twice is once."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def claim(self, key: str, now: float) -> Claim:
        """See Index."""
        return await self._write(lambda connection: _claim(connection, key, now))

    async def stored(self, keys: Collection[str]) -> None:
        """See Index."""
        mark = "UPDATE blobs SET stored = 1 WHERE key = ? AND condemned IS NULL"
        await self._all(mark, [(key,) for key in keys])

    async def lost(self, key: str) -> None:
        """See Index."""
        await self._all("UPDATE blobs SET stored = 0 WHERE key = ?", [(key,)])

    async def add(self, artifact: Artifact) -> None:
        """See Index."""
        marks = ", ".join("?" * 13)
        statement = f"INSERT INTO artifacts ({_ARTIFACT}) VALUES ({marks})"
        await self._all(statement, [astuple(artifact)])

    async def find(self, ident: str) -> Held | None:
        """See Index."""
        return await self._do(lambda: _find(self._connected, ident))

    async def carried(self, owner: str | None, raw: str) -> Artifact | None:
        """See Index."""
        return await self._first("raw = ? AND owner IS ?", (raw, owner))

    async def alike(self, owner: str | None, pixels: str) -> Artifact | None:
        """See Index."""
        return await self._first("pixels = ? AND owner IS ? AND bare", (pixels, owner))

    async def grant(self, ident: str, to: str) -> None:
        """See Index."""
        statement = "INSERT OR IGNORE INTO grants SELECT id, ? FROM artifacts WHERE id = ?"
        await self._all(statement, [(to, ident)])

    async def revoke(self, ident: str, to: str) -> None:
        """See Index."""
        await self._all("DELETE FROM grants WHERE artifact = ? AND caller = ?", [(ident, to)])

    async def remove(self, ident: str) -> None:
        """See Index."""
        await self._all("DELETE FROM artifacts WHERE id = ?", [(ident,)])

    async def note(self, uses: Sequence[Use]) -> None:
        """See Index."""
        marks = ", ".join("?" * 13)
        statement = (
            f"INSERT OR IGNORE INTO uses ({_USE}) SELECT {marks}"
            " WHERE EXISTS (SELECT 1 FROM artifacts WHERE id = ?)"
        )
        await self._all(statement, [(*astuple(use), use.artifact) for use in uses])

    async def uses(self, request: str) -> list[Use]:
        """See Index."""
        query = f"SELECT {_USE} FROM uses WHERE request = ? ORDER BY seen, place, target, number"
        return await self._do(
            lambda: [Use(*row) for row in self._connected.execute(query, (request,))]
        )

    async def expired(self, before: float) -> int:
        """See Index."""
        query = "SELECT count(*) FROM uses WHERE seen < ?"
        (count,) = await self._do(lambda: self._connected.execute(query, (before,)).fetchone())
        return int(count)

    async def expire(self, before: float) -> int:
        """See Index."""
        return await self._write(lambda connection: _expire(connection, before))

    async def referred(self, keys: Iterable[str], before: float) -> set[str]:
        """See Index."""
        asked = list(keys)
        return await self._do(
            lambda: {key for key in asked if _referred(self._connected, key, before)}
        )

    async def condemn(self, key: str, now: float, before: float) -> bool:
        """See Index."""
        return await self._write(lambda connection: _condemn(connection, key, now, before))

    async def forget(self, key: str) -> None:
        """See Index."""
        await self._all("DELETE FROM blobs WHERE key = ?", [(key,)])

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable("the index of artifacts is closed")
        return self._connection

    def _open(self) -> None:
        self._connection = _connect(self._path)
        _migrate(self._connection)

    async def _first(self, where: str, values: tuple[object, ...]) -> Artifact | None:
        query = f"SELECT {_ARTIFACT} FROM artifacts WHERE {where} ORDER BY created, id LIMIT 1"
        row = await self._do(lambda: self._connected.execute(query, values).fetchone())
        return _artifact(row) if row else None

    async def _all(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        await self._write(lambda connection: connection.executemany(statement, rows))

    async def _write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        def written() -> T:
            with _transaction(self._connected):
                return work(self._connected)

        return await self._do(written)

    async def _do[T](self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as exc:
            # SQLite's own name of the trouble (`SQLITE_FULL`): its text might quote what it got.
            name = getattr(exc, "sqlite_errorname", type(exc).__name__)
            told = f"the index of artifacts did not answer: {name}"
            raise StoreUnavailable(told, retry_after=BUSY) from exc


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


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
    with _transaction(connection):  # another process that starts now waits here
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"
        )
        (found,) = connection.execute("SELECT max(number) FROM schema_version").fetchone()
        have = found or 0
        if have > len(STEPS):
            raise ConfigError((_newer(have),))
        for number, (name, statements) in enumerate(STEPS[have:], have + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?, datetime('now'))", (number, name)
            )


def _newer(have: int) -> Problem:
    return Problem(
        f"the index of artifacts has schema {have}, this version knows {len(STEPS)}",
        key="stores.artifacts",
        remedy="run the newer version, or set another PORTICO_HOME",
    )


def _artifact(row: tuple[object, ...]) -> Artifact:
    *told, bare, uploaded = row
    values: list[Any] = [*told, bool(bare), bool(uploaded)]
    return Artifact(*values)


def _find(connection: sqlite3.Connection, ident: str) -> Held | None:
    query = f"SELECT {_ARTIFACT} FROM artifacts WHERE id = ?"
    row = connection.execute(query, (ident,)).fetchone()
    if row is None:
        return None
    grants = connection.execute("SELECT caller FROM grants WHERE artifact = ?", (ident,))
    return Held(_artifact(row), frozenset(caller for (caller,) in grants))


def _claim(connection: sqlite3.Connection, key: str, now: float) -> Claim:
    query = "SELECT stored, condemned FROM blobs WHERE key = ?"
    stored, condemned = connection.execute(query, (key,)).fetchone() or (0, None)
    if condemned is not None and condemned > now - CONDEMNED:
        return Claim.GOING
    there = stored and condemned is None
    connection.execute(
        "INSERT INTO blobs VALUES (?, ?, ?, NULL) ON CONFLICT (key) DO UPDATE"
        " SET stored = excluded.stored, claimed = excluded.claimed, condemned = NULL",
        (key, int(there), now),
    )
    return Claim.KNOWN if there else Claim.NEW


def _condemn(connection: sqlite3.Connection, key: str, now: float, before: float) -> bool:
    if _referred(connection, key, float("-inf")):
        return False
    query = "SELECT claimed FROM blobs WHERE key = ?"
    (claimed,) = connection.execute(query, (key,)).fetchone() or (float("-inf"),)
    if claimed > before:
        return False
    connection.execute(
        "INSERT INTO blobs VALUES (?, 0, ?, ?) ON CONFLICT (key) DO UPDATE"
        " SET stored = 0, condemned = excluded.condemned",
        (key, before, now),
    )
    return True


def _referred(connection: sqlite3.Connection, key: str, before: float) -> bool:
    (found,) = connection.execute(_REFERRED, {"key": key, "before": before}).fetchone()
    return bool(found)


def _expire(connection: sqlite3.Connection, before: float) -> int:
    gone = connection.execute("DELETE FROM uses WHERE seen < ?", (before,)).rowcount
    connection.execute(f"DELETE FROM artifacts WHERE {_OUTDATED}", {"before": before})
    return gone
