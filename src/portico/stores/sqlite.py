"""SQLite as every embedded store opens it: one thread a connection, nobody waits on the loop."""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from portico.errors import ConfigError, StoreUnavailable
from portico.stores.migrations import Steps

log = logging.getLogger(__name__)

SCHEME = "sqlite:///"
BUSY = 2.0
"""Seconds to wait for another process's transaction."""

TOLD = {
    "SQLITE_FULL": "its disk is full: make room there",
    "SQLITE_NOTADB": "the file is no database: use another place, or restore a backup",
    "SQLITE_READONLY": "its file cannot be written: let this user write it",
    "SQLITE_CANTOPEN": "its file cannot be opened: let this user read and write it",
    "SQLITE_BUSY": "another process holds it",
    "SQLITE_IOERR_SHMSIZE": "its disk is full: make room there",
    "SQLITE_IOERR_SHMOPEN": "its disk is full or not ours: make room there",
    "SQLITE_IOERR_WRITE": "its disk is full or fails: make room there",
}
"""What SQLite's names of trouble mean to an operator; what is not here is told by its name."""


def path_of(url: str) -> Path:
    """
    Return the file of `sqlite:///relative` or `sqlite:////absolute`.

    Raises:
        ValueError: it is no such URL.
    """
    if not url.startswith(SCHEME) or not url.removeprefix(SCHEME):
        raise ValueError("not of the form sqlite:///path")
    return Path(url.removeprefix(SCHEME))


def make(path: Path) -> None:
    """Make the file at *path* if need be, for this user only: the rows are about people."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at *path*, made if need be, to be shared by those who read and who write."""
    make(path)
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep all of what the block writes, or nothing; another process that writes waits."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def version(connection: sqlite3.Connection) -> int | None:
    """Return the number of the last step that was applied, None for an empty database."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'schema_version'"
    if connection.execute(query).fetchone() is None:
        return None
    (have,) = connection.execute("SELECT max(number) FROM schema_version").fetchone()
    return None if have is None else int(have)


def migrate(connection: sqlite3.Connection, steps: Steps) -> None:
    """
    Bring the tables up to date; costs one read where they are.

    Raises:
        ConfigError: a newer version of this program wrote them.
    """
    if not steps.after(version(connection)):
        return
    with transaction(connection):  # another process that starts now waits here
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"
        )
        for step in steps.after(version(connection)):
            for statement in step.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?, datetime('now'))",
                (step.number, step.name),
            )


def overwriting(connection: sqlite3.Connection) -> None:
    """Let what this connection deletes be overwritten with zeros."""
    connection.execute("PRAGMA secure_delete = ON").fetchall()


def scrub(connection: sqlite3.Connection) -> None:
    """
    Leave nothing in the file, nor beside it, of what was deleted before: rewrites all of it.

    Raises:
        sqlite3.OperationalError: somebody else holds the file; nothing is lost, and it can be done
            again.
    """
    connection.execute("VACUUM")
    ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        raise sqlite3.OperationalError("database is locked")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise StoreUnavailable for whatever SQLite and the disk raise in the block."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise StoreUnavailable(f"{what} did not answer: {_told(exc)}", retry_after=BUSY) from exc


def _told(exc: sqlite3.Error | OSError) -> str:
    """Say it by SQLite's own name of the trouble: its text might quote what we gave it."""
    if isinstance(exc, OSError):
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        return TOLD["SQLITE_FULL"] if full else (exc.strerror or type(exc).__name__).lower()
    name = getattr(exc, "sqlite_errorname", type(exc).__name__)
    return f"{name}, {TOLD[name]}" if name in TOLD else name


type Prepare = Callable[[sqlite3.Connection], None]


class Session:
    """
    One connection and the one thread that may touch it. *what* names the store in words.

    It connects with the first work there is, and prepares what it has found; where that fails, the
    next work tries again.
    """

    def __init__(self, path: Path, what: str, prepare: Prepare, *, late: bool) -> None:
        self._path = path
        self._what = what
        self._prepare = prepare
        self._late = late
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{what} sqlite")
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *work* returns, from the thread; raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable(f"{self._what} is closed")
        try:
            return await self._do(lambda: work(self._connected()))
        except ConfigError as exc:
            if not self._late:
                raise
            raise StoreUnavailable(str(exc), retry_after=BUSY) from exc

    async def close(self) -> None:
        """Hang up; twice is once."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._do(connection.close)

    def release(self) -> None:
        """Let the thread go, and with it what an error has left open, without waiting for it."""
        if self._connection is not None:
            self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connect(self._path)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _do[T](self, work: Callable[[], T]) -> T:
        with translated(self._what):
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _as_it_is(connection: sqlite3.Connection) -> None:
    """Prepare nothing."""


@asynccontextmanager
async def open_session(
    path: Path, what: str, prepare: Prepare = _as_it_is, *, late: bool = False
) -> AsyncIterator[Session]:
    """
    Open a session with the file at *path*; raises StoreUnavailable, and what *prepare* raises.

    Where *late*, what keeps it from opening is said in the log, and each call tries again, and
    raises StoreUnavailable for it.
    """
    session = Session(path, what, prepare, late=late)
    try:
        try:
            await session.run(_as_it_is)
        except StoreUnavailable as exc:
            if not late:
                raise
            log.error("%s; requests are served, and what is for it waits", exc)
        yield session
        await session.close()
    finally:
        session.release()
