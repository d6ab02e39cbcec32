"""
Memory in one folder: SQLite for what is known and its words, plain files for vectors.

Vectors are compared exactly, one by one (decision 040). Several processes may share the folder;
nothing is open, and no memory held, before it is first used.
"""

import asyncio
import os
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portico.errors import StoreUnavailable
from portico.memory.base import Gone, Hit, Point, Spaces, Vector, fingerprint, readers_of
from portico.memory.words import asked_of, words_of
from portico.stores.sqlite import scrub

if TYPE_CHECKING:
    from portico.memory.vectors import Slots

BUSY = 2.0
"""Seconds to wait for another process's transaction."""
READERS = 8
"""Readers of whom it is remembered what they may see: 8 bytes for each point."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS points ("
    " slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, artifact TEXT NOT NULL,"
    " chat TEXT NOT NULL, at REAL NOT NULL, looks TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS points_by_artifact ON points (artifact)",
    "CREATE TABLE IF NOT EXISTS readers ("
    " reader TEXT NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (reader, slot)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS readers_by_slot ON readers (slot)",
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (said, tokenize = 'unicode61')",
)
_KNOWN = "points.id, points.artifact, points.chat, points.at, points.looks"
_VISIBLE = "SELECT slot FROM readers WHERE reader IN ({})"


@asynccontextmanager
async def open_local(folder: Path, spaces: Spaces) -> AsyncIterator["Local"]:
    """Give the memory in *folder*; it is made when something is first put there."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="memory sqlite")
    local = Local(folder, spaces, thread)
    try:
        yield local
    finally:
        thread.submit(local.close)
        thread.shutdown(wait=True)


class Local:
    """See `memory.base.Memory`."""

    def __init__(self, folder: Path, spaces: Spaces, thread: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._spaces = spaces
        self._name = f"designs-{fingerprint(spaces)}"
        self._thread = thread
        self._connection: sqlite3.Connection | None = None
        self._state = (-1, -1)
        self._seen: OrderedDict[str | None, Slots] = OrderedDict()

    async def put(self, points: Sequence[Point]) -> None:
        """See Memory."""
        await self._do(lambda: self._put(points))

    async def near(self, space: str, vector: Vector, reader: str | None, limit: int) -> list[Hit]:
        """See Memory."""
        return await self._do(lambda: self._near(space, vector, reader, limit))

    async def worded(self, words: Sequence[str], reader: str | None, limit: int) -> list[Hit]:
        """See Memory."""
        asked = asked_of(" ".join(words))
        return await self._do(lambda: self._worded(asked, reader, limit)) if asked else []

    async def share(self, artifact: str, reader: str, *, seen: bool) -> None:
        """See Memory."""
        await self._do(lambda: self._share(artifact, reader, seen))

    async def forget(self, artifacts: Collection[str]) -> None:
        """See Memory."""
        await self._do(lambda: self._forget(artifacts))

    async def erase(self, gone: Gone, *, dry_run: bool = False) -> int:
        """See Memory."""
        return await self._do(lambda: self._erase(gone, dry_run))

    async def count(self) -> int:
        """See Memory."""
        found: int = await self._do(lambda: self._rows("SELECT count(*) FROM points")[0][0])
        return found

    async def others(self) -> list[str]:
        """See Memory."""
        return await self._do(lambda: sorted(path.stem for path in self._strange()))

    async def clear(self) -> None:
        """See Memory."""
        await self._do(self._clear)

    # -- in the thread

    def close(self) -> None:
        """Hang up, in the thread that connected."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _do[T](self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as exc:
            said = f"the memory does not answer: {type(exc).__name__}"
            raise StoreUnavailable(said, retry_after=5) from exc

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{self._name}.db"
            opened = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
            try:
                opened.execute("PRAGMA journal_mode = WAL")
                opened.execute("PRAGMA synchronous = NORMAL")
                for statement in TABLES:
                    opened.execute(statement)
            except sqlite3.Error:
                opened.close()
                raise
            self._connection = opened
        return self._connection

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._open().execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _put(self, points: Sequence[Point]) -> None:
        with self._writing() as connection:
            for point in points:
                self._one(connection, point)

    def _one(self, connection: sqlite3.Connection, point: Point) -> None:
        known = connection.execute(
            "INSERT INTO points (id, artifact, chat, at, looks) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET artifact = excluded.artifact, chat = excluded.chat,"
            " at = excluded.at, looks = excluded.looks RETURNING slot",
            (point.id, point.artifact, point.chat, point.at, point.looks),
        )
        ((slot,),) = known.fetchall()
        for name in self._spaces:  # before the row that makes it count is committed
            self._write(name, slot, point.vectors.get(name))
        connection.execute("DELETE FROM readers WHERE slot = ?", (slot,))
        every = [(reader, slot) for reader in point.readers]
        connection.executemany("INSERT INTO readers VALUES (?, ?)", every)
        connection.execute("DELETE FROM words WHERE rowid = ?", (slot,))
        said = " ".join(words_of(point.text))
        connection.execute("INSERT INTO words (rowid, said) VALUES (?, ?)", (slot, said))

    def _file(self, space: str) -> Path:
        return self._folder / f"{self._name}.{space}.f32"

    def _write(self, space: str, slot: int, vector: Vector | None) -> None:
        """Write it in its place: zeros, which are near to nothing, where there is none."""
        from portico.memory.vectors import packed  # brings NumPy: with the first picture

        size = self._spaces[space].dimensions
        numbers = packed(vector, size)
        handle = os.open(self._file(space), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, numbers, slot * size * 4)
        finally:
            os.close(handle)

    def _near(self, space: str, vector: Vector, reader: str | None, limit: int) -> list[Hit]:
        slots = self._visible(reader)
        if not len(slots):
            return []
        from portico.memory.vectors import best_of, cosines, read

        held = read(self._file(space), self._spaces[space].dimensions)
        scores = cosines(held, vector, slots)
        best = best_of(scores, limit)
        return self._told([(int(slots[at]), float(scores[at])) for at in best if scores[at]])

    def _visible(self, reader: str | None) -> "Slots":
        """Return what *reader* may see, ascending; remembered until anybody writes."""
        connection = self._open()
        ((version,),) = connection.execute("PRAGMA data_version").fetchall()
        state = (version, connection.total_changes)
        if state != self._state:
            self._state, self._seen = state, OrderedDict()
        if reader not in self._seen:
            names = readers_of(reader)
            query = _VISIBLE.format(", ".join("?" * len(names)))
            rows = connection.execute(query, names).fetchall()
            from portico.memory.vectors import ascending

            self._seen[reader] = ascending(rows)
            if len(self._seen) > READERS:
                self._seen.popitem(last=False)
        return self._seen[reader]

    def _told(self, best: list[tuple[int, float]]) -> list[Hit]:
        marks = ", ".join("?" * len(best))
        rows = self._rows(
            f"SELECT slot, {_KNOWN} FROM points WHERE slot IN ({marks})", [s for s, _ in best]
        )
        known = {row[0]: row[1:] for row in rows}
        return [
            _hit(known[slot], score=score, likeness=score) for slot, score in best if slot in known
        ]

    def _worded(self, words: Sequence[str], reader: str | None, limit: int) -> list[Hit]:
        names = readers_of(reader)
        visible = _VISIBLE.format(", ".join("?" * len(names)))
        # The plus: else SQLite looks each visible point up among the words, one by one.
        query = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
        rows = self._rows(
            f"SELECT {_KNOWN}, -bm25(words), said FROM words JOIN points ON slot = words.rowid"
            f" WHERE words MATCH ? AND +words.rowid IN ({visible}) ORDER BY bm25(words), at DESC"
            " LIMIT ?",
            (query, *names, limit),
        )
        found: list[Hit] = []
        for *known, score, said in rows:
            there = set(said.split())
            matched = tuple(word for word in words if word in there)
            found.append(_hit(known, score=score, words=matched))
        return found

    def _share(self, artifact: str, reader: str, seen: bool) -> None:
        of = "(SELECT slot FROM points WHERE artifact = ?)"
        with self._writing() as connection:
            if seen:
                connection.execute(
                    f"INSERT OR IGNORE INTO readers SELECT ?, slot FROM points WHERE slot IN {of}",
                    (reader, artifact),
                )
            else:
                connection.execute(
                    f"DELETE FROM readers WHERE reader = ? AND slot IN {of}", (reader, artifact)
                )

    def _forget(self, artifacts: Collection[str]) -> None:
        with self._writing() as connection:
            self._drop(connection, _slots(connection, Gone(frozenset(artifacts))))

    def _drop(self, connection: sqlite3.Connection, slots: Collection[int]) -> None:
        for slot in slots:
            for space in self._spaces:
                self._write(space, slot, None)
            for table, key in (("readers", "slot"), ("words", "rowid"), ("points", "slot")):
                connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (slot,))

    def _erase(self, gone: Gone, dry_run: bool) -> int:
        if not self._folder.exists():
            return 0
        strange = sum(self._erased_strange(path, gone, dry_run) for path in self._strange())
        if not (self._folder / f"{self._name}.db").exists():
            return strange
        found = _slots(self._open(), gone)
        if dry_run:
            return strange + len(found)
        for artifact, reader in gone.readers:
            self._share(artifact, reader, False)
        with self._writing() as connection:
            self._drop(connection, found)
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        scrub(self._open())  # words that were deleted would still be in free pages
        return strange + len(found)

    def _erased_strange(self, path: Path, gone: Gone, dry_run: bool) -> int:
        """Nobody searches vectors of other spaces; a rebuild would delete them too."""
        with closing(sqlite3.connect(path, timeout=BUSY, isolation_level=None)) as connection:
            found = len(_slots(connection, gone))
        if found and not dry_run:
            for file in self._folder.glob(f"{path.stem}.*"):
                file.unlink(missing_ok=True)
        return found

    def _strange(self) -> list[Path]:
        every = self._folder.glob("designs-*.db")
        return [path for path in every if path.stem != self._name]

    def _clear(self) -> None:
        self.close()
        for path in self._folder.glob("designs-*"):
            path.unlink(missing_ok=True)


def _slots(connection: sqlite3.Connection, gone: Gone) -> set[int]:
    named = [("artifact", one) for one in gone.artifacts] + [("id", one) for one in gone.points]
    return {
        slot
        for column, name in named
        for (slot,) in connection.execute(f"SELECT slot FROM points WHERE {column} = ?", (name,))
    }


def _hit(known: Sequence[Any], **more: Any) -> Hit:
    ident, artifact, chat, at, looks = known
    return Hit(id=ident, artifact=artifact, chat=chat, at=at, looks=looks, **more)
