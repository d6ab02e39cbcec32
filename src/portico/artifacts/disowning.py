"""What of the index is somebody's, found and taken out of it; for the one thread that may."""

import sqlite3
from collections.abc import Iterable

from portico.artifacts.index import Theirs

_WHOSE = "CREATE TEMP TABLE IF NOT EXISTS whose (what TEXT, name TEXT, PRIMARY KEY (what, name))"
_ASKED = "request IN (SELECT name FROM whose WHERE what = 'request')"
_OWNED = "owner IN (SELECT name FROM whose WHERE what = 'owner')"
_ALONE = (  # where no key is needed nobody owns what a chat carried; it is theirs if no other did
    "owner IS NULL AND NOT uploaded"
    f" AND EXISTS (SELECT 1 FROM uses WHERE artifact = artifacts.id AND {_ASKED})"
    f" AND NOT EXISTS (SELECT 1 FROM uses WHERE artifact = artifacts.id AND NOT {_ASKED})"
)
_GOING = f"SELECT id FROM artifacts WHERE {_OWNED} OR ({_ALONE})"
_SHOWN = f"SELECT DISTINCT artifact, request FROM uses WHERE {_ASKED}"
_GIVEN = "SELECT artifact, caller FROM grants WHERE caller IN (SELECT name FROM whose)"
_KEYS = (
    f"SELECT key FROM artifacts WHERE id IN ({_GOING}) UNION"
    f" SELECT derived FROM uses WHERE derived <> '' AND ({_ASKED} OR artifact IN ({_GOING}))"
)
_LEFT = (
    "SELECT key FROM blobs WHERE claimed = 0"
    " AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.key = blobs.key)"
    " AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.derived = blobs.key)"
)


def theirs(
    connection: sqlite3.Connection, owners: Iterable[str], requests: Iterable[str]
) -> Theirs:
    """Return what is of *owners*, or was shown in *requests*."""
    _tell(connection, owners, requests)
    going = frozenset(_column(connection, _GOING))
    return Theirs(
        artifacts=going,
        shown=frozenset(
            (artifact, request)
            for artifact, request in connection.execute(_SHOWN)
            if artifact not in going
        ),
        given=frozenset(
            (artifact, caller) for artifact, caller in connection.execute(_GIVEN).fetchall()
        ),
        keys=frozenset(_column(connection, _KEYS)) | frozenset(left(connection)),
    )


def disown(
    connection: sqlite3.Connection, owners: Iterable[str], requests: Iterable[str]
) -> Theirs:
    """Take all of that out of the index, in one transaction of the caller's; return what it was."""
    found = theirs(connection, owners, requests)
    connection.execute(f"DELETE FROM uses WHERE {_ASKED}")
    gone = [(ident,) for ident in found.artifacts]
    connection.executemany("DELETE FROM artifacts WHERE id = ?", gone)
    connection.execute("DELETE FROM grants WHERE caller IN (SELECT name FROM whose)")
    # Claimed by nobody: a run that is cut short here leaves word of what bytes have still to go.
    connection.executemany(
        "INSERT INTO blobs VALUES (?, 1, 0, NULL) ON CONFLICT (key) DO UPDATE SET claimed = 0",
        [(key,) for key in found.keys],
    )
    connection.execute("DELETE FROM whose")
    return found


def left(connection: sqlite3.Connection) -> list[str]:
    """Return the keys that were disowned, that nothing refers to, and that nobody has claimed."""
    return _column(connection, _LEFT)


def _tell(connection: sqlite3.Connection, owners: Iterable[str], requests: Iterable[str]) -> None:
    connection.execute(_WHOSE)
    connection.execute("DELETE FROM whose")
    rows = [("owner", name) for name in owners] + [("request", name) for name in requests]
    connection.executemany("INSERT OR IGNORE INTO whose VALUES (?, ?)", rows)


def _column(connection: sqlite3.Connection, query: str) -> list[str]:
    return [value for (value,) in connection.execute(query)]
