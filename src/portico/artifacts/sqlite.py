"""Index in one SQLite file: one connection, one thread that may touch it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from portico.artifacts import disowning
from portico.artifacts.base import blob_key
from portico.artifacts.index import CONDEMNED, Artifact, Claim, Held, Met, Theirs, Use
from portico.stores.migrations import steps
from portico.stores.sqlite import Session, migrate, open_session, scrub, transaction

_WHAT = "the index of artifacts"
_ARTIFACT = "id, owner, raw, key, kind, size, width, height, pixels, name, created, bare, uploaded"
_USE = (
    "request, place, target, number, artifact, seen,"
    " part, sheet, width, height, mime, recipe, derived"
)
_MARKS = ", ".join("?" * 13)  # as many as the columns of either
_CARRIED = "raw = ? AND owner IS ?"
_OUTDATED = (
    "NOT uploaded AND created < :before AND NOT EXISTS"
    " (SELECT 1 FROM uses WHERE artifact = artifacts.id AND seen >= :before)"
)
_REFERRED = (
    f"SELECT EXISTS (SELECT 1 FROM artifacts WHERE key = :key AND NOT ({_OUTDATED}))"
    " OR EXISTS (SELECT 1 FROM uses WHERE derived = :key AND seen >= :before)"
)


_artifact_row = attrgetter(*_ARTIFACT.split(", "))
_use_row = attrgetter(*_USE.split(", "))


@asynccontextmanager
async def open_sqlite(path: Path, *, late: bool = False) -> AsyncIterator["SQLiteIndex"]:
    """
    Open the index in *path*, made and brought up to date if need be.

    Where *late*, what keeps it from opening stops nothing: each call tries again.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    known = steps("artifacts", "sqlite", _WHAT)

    def prepare(connection: sqlite3.Connection) -> None:
        migrate(connection, known)

    async with open_session(path, _WHAT, prepare, late=late) as session:
        yield SQLiteIndex(session)


class SQLiteIndex:
    """Index on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, key: str, now: float) -> Claim:
        """See Index."""
        return await self._write(lambda connection: _claim(connection, key, now))

    async def meet(self, owner: str | None, raw: str, keys: Collection[str], now: float) -> Met:
        """See Index."""
        return await self._write(lambda connection: _meet(connection, (owner, raw), keys, now))

    async def settle(
        self, stored: Collection[str], new: Artifact | None, uses: Sequence[Use]
    ) -> set[str]:
        """See Index."""
        return await self._write(lambda connection: _settle(connection, stored, new, uses))

    async def stored(self, keys: Collection[str]) -> None:
        """See Index."""
        await self.settle(keys, None, ())

    async def lost(self, key: str) -> None:
        """See Index."""
        await self._all("UPDATE blobs SET stored = 0 WHERE key = ?", [(key,)])

    async def add(self, artifact: Artifact) -> None:
        """See Index."""
        await self.settle((), artifact, ())

    async def find(self, ident: str) -> Held | None:
        """See Index."""
        return await self._session.run(lambda connection: _find(connection, ident))

    async def latest(self, before: str | None, limit: int) -> list[Artifact]:
        """See Index."""
        return await self._session.run(lambda connection: _latest(connection, before, limit))

    async def carried(self, owner: str | None, raw: str) -> Artifact | None:
        """See Index."""
        return await self._first(_CARRIED, (raw, owner))

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
        await self.settle((), None, uses)

    async def uses(self, request: str) -> list[Use]:
        """See Index."""
        query = f"SELECT {_USE} FROM uses WHERE request = ? ORDER BY seen, place, target, number"
        return await self._session.run(
            lambda connection: [Use(*row) for row in connection.execute(query, (request,))]
        )

    async def seen(self, request: str, at: float) -> None:
        """See Index."""
        await self._all("UPDATE uses SET seen = ? WHERE request = ?", [(at, request)])

    async def expired(self, before: float) -> int:
        """See Index."""
        query = "SELECT count(*) FROM uses WHERE seen < ?"
        (count,) = await self._row(query, (before,))
        return int(count)

    async def expire(self, before: float) -> int:
        """See Index."""
        return await self._write(lambda connection: _expire(connection, before))

    async def referred(self, keys: Iterable[str], before: float) -> set[str]:
        """See Index."""
        asked = list(keys)
        return await self._session.run(
            lambda connection: {key for key in asked if _referred(connection, key, before)}
        )

    async def condemn(self, key: str, now: float, before: float) -> bool:
        """See Index."""
        return await self._write(lambda connection: _condemn(connection, key, now, before))

    async def forget(self, key: str) -> None:
        """See Index."""
        await self._all("DELETE FROM blobs WHERE key = ?", [(key,)])

    async def theirs(self, owners: Collection[str], requests: Collection[str]) -> Theirs:
        """See Index."""
        return await self._write(lambda one: disowning.theirs(one, owners, requests))

    async def disown(self, owners: Collection[str], requests: Collection[str]) -> Theirs:
        """See Index; what was there is overwritten."""
        found = await self._write(lambda one: disowning.disown(one, owners, requests))
        keys = await self._session.run(disowning.left)
        await self._session.run(scrub)
        return replace(found, keys=frozenset(keys))

    async def _row(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...]:
        return await self._session.run(
            lambda connection: connection.execute(query, values).fetchone()
        )

    async def _first(self, where: str, values: tuple[object, ...]) -> Artifact | None:
        return await self._session.run(lambda connection: _first(connection, where, values))

    async def _all(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        await self._write(lambda connection: connection.executemany(statement, rows))

    async def _write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        def written(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                return work(connection)

        return await self._session.run(written)


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


def _latest(connection: sqlite3.Connection, before: str | None, limit: int) -> list[Artifact]:
    older = "(created, id) < (SELECT created, id FROM artifacts WHERE id = ?)"
    where, values = (f"WHERE {older}", [before]) if before is not None else ("", [])
    query = f"SELECT {_ARTIFACT} FROM artifacts {where} ORDER BY created DESC, id DESC LIMIT ?"
    return [_artifact(row) for row in connection.execute(query, (*values, limit))]


def _first(
    connection: sqlite3.Connection, where: str, values: tuple[object, ...]
) -> Artifact | None:
    query = f"SELECT {_ARTIFACT} FROM artifacts WHERE {where} ORDER BY created, id LIMIT 1"
    row = connection.execute(query, values).fetchone()
    return _artifact(row) if row else None


def _meet(
    connection: sqlite3.Connection,
    carried: tuple[str | None, str],
    keys: Collection[str],
    now: float,
) -> Met:
    owner, raw = carried
    known = _first(connection, _CARRIED, (raw, owner))
    asked = [*keys, known.key] if known else keys
    claims = {key: _claim(connection, key, now) for key in asked}
    if known is None or claims[known.key] is not Claim.KNOWN:
        own = blob_key(raw)
        claims[own] = _claim(connection, own, now)
    return Met(known, claims)


def _settle(
    connection: sqlite3.Connection,
    stored: Collection[str],
    new: Artifact | None,
    uses: Sequence[Use],
) -> set[str]:
    mark = "UPDATE blobs SET stored = 1 WHERE key = ? AND condemned IS NULL"
    connection.executemany(mark, [(key,) for key in stored])
    if new is not None:
        statement = f"INSERT INTO artifacts ({_ARTIFACT}) VALUES ({_MARKS})"
        connection.execute(statement, _artifact_row(new))
    query = "SELECT 1 FROM artifacts WHERE id = ?"
    named = {use.artifact for use in uses}
    gone = {ident for ident in named if not connection.execute(query, (ident,)).fetchone()}
    statement = f"INSERT OR IGNORE INTO uses ({_USE}) VALUES ({_MARKS})"
    there = [_use_row(use) for use in uses if use.artifact not in gone]
    connection.executemany(statement, there)
    return gone


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
