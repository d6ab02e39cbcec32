"""TraceStore in one SQLite file: one connection, in one thread of its own."""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
from msgspec import Raw

from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.traces.base import EQUAL, PRESENT, Card, Trace, TraceQuery

BUSY = 2.0
"""Seconds to wait for another process's transaction; below the recorder's patience."""

SCHEMA = 1
PAGE = 50
"""Traces that an export reads at once."""

SWEPT = 200
"""Traces that are deleted in one go: whoever writes meanwhile does not wait for long."""

SMALL = 1024
"""Bytes of a story below which squeezing it gains nothing."""

FIELDS = Card.__struct_fields__
LISTS = ("modalities", "flags")
SWITCHES = ("simulated", "streamed")

_TABLES = (
    """CREATE TABLE traces (
        id TEXT PRIMARY KEY, started REAL NOT NULL, took REAL NOT NULL, asked TEXT NOT NULL,
        operation TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER, error TEXT, degraded TEXT,
        role TEXT, target TEXT, attempts INTEGER NOT NULL, simulated INTEGER NOT NULL,
        streamed INTEGER NOT NULL, modalities TEXT NOT NULL, task TEXT, caller TEXT, person TEXT,
        team TEXT, chat TEXT, message TEXT, capture TEXT NOT NULL, fidelity TEXT NOT NULL,
        life TEXT NOT NULL, expires REAL, flags TEXT NOT NULL, size INTEGER NOT NULL,
        story BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX traces_started ON traces (started, id)",
    "CREATE INDEX traces_expires ON traces (expires) WHERE expires IS NOT NULL",
    "CREATE INDEX traces_person ON traces (person, started) WHERE person IS NOT NULL",
    "CREATE INDEX traces_chat ON traces (chat, started) WHERE chat IS NOT NULL",
)

_COLUMNS = ", ".join((*FIELDS, "story"))
_INSERT = (
    f"INSERT INTO traces ({_COLUMNS}) VALUES ({', '.join('?' * (len(FIELDS) + 1))})"
    " ON CONFLICT (id) DO NOTHING"
)
_LIVE = "(expires IS NULL OR expires > ?)"
_BEFORE = f"(started, id) < (SELECT started, id FROM traces WHERE id = ? AND {_LIVE})"


@asynccontextmanager
async def open_sqlite(
    path: Path, clock: Callable[[], float] = time.time
) -> AsyncIterator["SQLiteTraces"]:
    """
    Open the traces in *path*, made if need be. *clock* gives epoch seconds.

    Raises:
        StoreUnavailable: the file cannot be opened or is no database.
        ConfigError: a newer version of this program wrote it.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="traces sqlite")
    store = SQLiteTraces(path, thread, clock)
    try:
        await store.run(_prepare)
        yield store
    finally:
        thread.submit(store.close)
        thread.shutdown(wait=False)


class SQLiteTraces:
    """TraceStore on SQLite (write-ahead log); several processes may share the file."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor, clock: Callable[[], float]) -> None:
        self._path = path
        self._thread = thread
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    async def append(self, traces: Sequence[Trace]) -> None:
        """See TraceStore."""

        def work(connection: sqlite3.Connection) -> None:
            rows = [_row(trace) for trace in traces]
            with _transaction(connection):
                connection.executemany(_INSERT, rows)

        await self.run(work)

    async def find(self, ident: str) -> Trace | None:
        """See TraceStore."""
        found = await self._select(f"WHERE id = ? AND {_LIVE}", (ident, self._clock()))
        return found[0] if found else None

    async def cards(self, query: TraceQuery) -> list[Card]:
        """See TraceStore."""
        where, values = _where(query, self._clock())
        rest = f"WHERE {where} ORDER BY started DESC, id DESC LIMIT ?"
        sql = f"SELECT {', '.join(FIELDS)} FROM traces {rest}"
        rows = await self.run(lambda one: one.execute(sql, (*values, query.most)).fetchall())
        return [_card(row) for row in rows]

    async def mark(self, card: Card) -> bool:
        """See TraceStore."""
        sql = f"UPDATE traces SET life = ?, expires = ?, flags = ? WHERE id = ? AND {_LIVE}"
        values = (card.life, card.expires, _listed(card.flags), card.id, self._clock())
        return await self.run(lambda connection: connection.execute(sql, values).rowcount) > 0

    async def sweep(self) -> int:
        """See TraceStore."""
        return await self._delete("expires <= ?", self._clock())

    async def forget(self, person: str) -> int:
        """See TraceStore."""
        return await self._delete("person = ?", person)

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

    async def run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do *work* in the thread that may touch the connection; raises StoreUnavailable."""

        def done() -> T:
            if self._connection is None:
                self._connection = _connect(self._path)
            return work(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, done)
        except (sqlite3.Error, OSError) as exc:
            told = f"the traces did not answer: {getattr(exc, 'sqlite_errorname', _name(exc))}"
            raise StoreUnavailable(told, retry_after=BUSY) from exc

    def close(self) -> None:
        """Close the connection; in its thread."""
        if self._connection is not None:
            self._connection.close()

    async def _select(self, rest: str, values: Sequence[object]) -> list[Trace]:
        sql = f"SELECT {_COLUMNS} FROM traces {rest}"
        rows = await self.run(lambda connection: connection.execute(sql, values).fetchall())
        return [Trace(_card(row[:-1]), Raw(_unsqueezed(row[-1]))) for row in rows]

    async def _delete(self, where: str, value: object) -> int:
        sql = f"DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE {where} LIMIT {SWEPT})"
        gone = 0
        while count := await self.run(lambda one: one.execute(sql, (value,)).rowcount):
            gone += count
        if gone:
            await self.run(_shrink)
        return gone


def _name(exc: Exception) -> str:
    return type(exc).__name__


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)  # what was said is not for everybody on the machine
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is not left in free pages
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _shrink(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _prepare(connection: sqlite3.Connection) -> None:
    with _transaction(connection):  # another process that starts now waits here
        (have,) = connection.execute("PRAGMA user_version").fetchone()
        if have > SCHEMA:
            raise ConfigError((_newer(have),))
        if have < 1:
            for statement in _TABLES:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _newer(have: int) -> Problem:
    return Problem(
        f"the traces have schema {have}, this version knows {SCHEMA}",
        key="stores.traces",
        remedy="run the newer version, or name another file",
    )


def _row(trace: Trace) -> tuple[object, ...]:
    values = (getattr(trace.card, name) for name in FIELDS)
    plain = (_listed(one) if isinstance(one, tuple) else one for one in values)
    return (*plain, _squeezed(bytes(trace.story)))


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


def _where(query: TraceQuery, now: float) -> tuple[str, list[object]]:
    parts, values = [_LIVE], [now]
    given: list[tuple[str, object]] = [
        (f"{name} = ?", value) for name in EQUAL if (value := getattr(query, name)) is not None
    ]
    given += [
        ("started >= ?", query.since),
        ("started < ?", query.until),
        ("EXISTS (SELECT 1 FROM json_each(modalities) WHERE value = ?)", query.modality),
    ]
    where: list[str] = list(parts)
    asked: list[object] = list(values)
    for condition, value in given:
        if value is not None:
            where.append(condition)
            asked.append(value)
    for name in PRESENT:
        wanted = getattr(query, name)
        if wanted is not None:
            where.append(f"{name} IS {'NOT ' if wanted else ''}NULL")
    if query.before is not None:
        where.append(_BEFORE)
        asked += [query.before, now]
    return " AND ".join(where), asked
