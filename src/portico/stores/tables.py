"""One store's tables in a Postgres: guarded, and brought up to date before the first call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from portico.errors import StoreUnavailable
from portico.stores.guard import DEADLINE, Guard
from portico.stores.migrations import Steps
from portico.stores.postgres import SIZE, Connection, Postgres, Work, open_postgres

LOCK = int.from_bytes(b"portico")
"""The advisory lock under which tables are changed: one runner in one database at a time."""

LOOKING = 5.0
"""Seconds to find out which steps are missing."""

MIGRATING = 900.0
"""Seconds for all missing steps together, with the wait for another runner."""

_PLACE = (
    "CREATE SCHEMA IF NOT EXISTS portico",
    "CREATE TABLE IF NOT EXISTS portico.schema_version ("
    " store text NOT NULL, number integer NOT NULL, name text NOT NULL,"
    " applied timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (store, number))",
)


@asynccontextmanager
async def open_tables(url: str, steps: Steps, size: int = SIZE) -> AsyncIterator["Tables"]:
    """
    Open the tables of one store at `postgresql://…`, in the schema `portico`.

    Nobody is called yet: a server that is absent now is met by the first call.
    """
    async with open_postgres(url, steps.what, size) as postgres:
        tables = Tables(postgres, steps)
        try:
            yield tables
        finally:
            await tables.aclose()


class Tables:
    """
    What a store calls. Every call ends within its seconds, whatever the server does.

    Both methods raise StoreUnavailable, and ConfigError where a newer version of this program
    wrote the tables. `guard` says how the server is.
    """

    def __init__(self, postgres: Postgres, steps: Steps) -> None:
        self.guard = Guard(steps.what)
        self._postgres = postgres
        self._steps = steps
        self._prepared = False
        self._preparing: asyncio.Task[None] | None = None

    async def read[T](self, work: Work[T], within: float = DEADLINE) -> T:
        """Return what *work* returns of a connection; each statement is its own transaction."""
        return await self.guard.call(lambda: self._done(self._postgres.read, work), within)

    async def write[T](self, work: Work[T], within: float = DEADLINE) -> T:
        """Return what *work* returns, and keep all that it wrote, or nothing."""
        return await self.guard.call(lambda: self._done(self._postgres.write, work), within)

    async def look(self, within: float = DEADLINE) -> None:
        """Find out whether the tables can be used, and change nothing."""
        self._steps.after(await self.version(within))

    async def version(self, within: float = LOOKING) -> int | None:
        """Return the number of the last step that was applied, None for none."""
        return await self.peek(self._have, within)

    async def peek[T](self, work: Work[T], within: float = LOOKING) -> T:
        """Return what *work* returns of the tables as they are, whatever their version."""
        return await self.guard.call(lambda: self._postgres.read(work), within)

    async def aclose(self) -> None:
        """Give up what is under way."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing}, timeout=1)

    async def _done[T](self, how: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> T:
        await self._ready()
        try:
            return await how(work)
        except StoreUnavailable:
            self._prepared = False  # it may come back as another one, or empty
            raise

    async def _ready(self) -> None:
        """Wait for the tables; who cannot wait leaves, and their preparation goes on."""
        if self._prepared:
            return
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._prepare(), name=f"{self._steps.what}: DDL")
            self._preparing.add_done_callback(_seen)
        await asyncio.shield(self._preparing)

    async def _prepare(self) -> None:
        async with asyncio.timeout(LOOKING):
            have = await self._postgres.read(self._have)
        if self._steps.after(have):
            async with asyncio.timeout(MIGRATING):
                await self._postgres.write(self._migrate)
        self._prepared = True

    async def _have(self, connection: Connection) -> int | None:
        if await connection.fetchval("SELECT to_regclass('portico.schema_version')") is None:
            return None
        query = "SELECT max(number) FROM portico.schema_version WHERE store = $1"
        have: int | None = await connection.fetchval(query, self._steps.room)
        return have

    async def _migrate(self, connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        # A change that waits for a table makes everybody else wait behind it: rather try again.
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        for statement in _PLACE:
            await connection.execute(statement)
        for step in self._steps.after(await self._have(connection)):
            for statement in step.statements:
                await connection.execute(statement)
            await connection.execute(
                "INSERT INTO portico.schema_version (store, number, name) VALUES ($1, $2, $3)",
                *(self._steps.room, step.number, step.name),
            )


def _seen(task: asyncio.Task[None]) -> None:
    """Nobody may be left to hear of a failure; the next call meets it again."""
    if not task.cancelled():
        task.exception()
