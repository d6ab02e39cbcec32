"""
The one door to asyncpg: connections that are made when they are needed, and errors as ours.

asyncpg is imported with this module, so import this module only where Postgres is configured.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from portico.errors import StoreUnavailable
from portico.stores.sqlstates import told

type Record = asyncpg.Record
type Connection = PoolConnectionProxy[asyncpg.Record]
type Work[T] = Callable[[Connection], Awaitable[T]]

SIZE = 4
"""Connections of one store and process at most."""

CLOSING = 2.0
"""Seconds to hang up politely."""


@asynccontextmanager
async def open_postgres(url: str, what: str, size: int = SIZE) -> AsyncIterator["Postgres"]:
    """Give the connections to `postgresql://…` of the store *what*; nobody is called yet."""
    pool: asyncpg.Pool[Any] = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        command_timeout=None,
        max_inactive_connection_lifetime=60,
        reset=_nothing_to_reset,  # the usual reset costs a round trip, and we change no session
        server_settings={"application_name": "portico"},
    )
    await pool  # connects to nobody: min_size is 0
    try:
        yield Postgres(pool, what)
    finally:
        try:
            async with asyncio.timeout(CLOSING):
                await pool.close()
        except TimeoutError:
            pool.terminate()


class Postgres:
    """
    Connections to one server. Neither retries nor waits within bounds: `stores.guard` does that.

    Whatever ends work early ends its connection, too: nothing half done can stay on it, and no
    roll-back has to be waited for.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", what: str) -> None:
        self._pool = pool
        self._what = what

    async def read[T](self, work: Work[T]) -> T:
        """Return what *work* returns of a connection; each statement is its own transaction."""
        try:
            connection = await self._acquire()
            try:
                done = await work(connection)
            except BaseException:
                connection.terminate()
                raise
            await self._pool.release(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as exc:
            raise StoreUnavailable(f"{self._what} did not answer: {_told(exc)}") from exc
        except (asyncpg.InternalClientError, EOFError) as exc:  # what it said was no Postgres's
            raise StoreUnavailable(f"{self._what} is no Postgres: mend the address") from exc
        return done

    async def _acquire(self) -> Connection:
        try:
            return await self._pool.acquire()
        except ValueError:  # asyncpg's, and of those that read addresses for it: they quote it
            told = "its address cannot be read: write postgresql://user:password@host:5432/database"
            raise StoreUnavailable(f"{self._what} did not answer: {told}") from None

    async def write[T](self, work: Work[T]) -> T:
        """Return what *work* returns, and keep all that it wrote, or nothing."""

        async def whole(connection: Connection) -> T:
            await connection.execute("BEGIN")
            done = await work(connection)
            await connection.execute("COMMIT")
            return done

        return await self.read(whole)


def _told(exc: Exception) -> str:
    """Say what is wrong without a word of the server's: it might quote what we gave it."""
    if isinstance(exc, asyncpg.PostgresError):
        return told(str(exc.sqlstate or "XX000"))
    if isinstance(exc, asyncpg.DataError):
        return told("22000")
    if isinstance(exc, OSError):
        number = exc.errno or 0  # below 0 for names that lead nowhere
        why = os.strerror(number) if number > 0 else exc.strerror or "no connection"
        return f"{why.lower()}: is it running, and is the address right?"
    return f"the connection broke ({type(exc).__name__})"


async def _nothing_to_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Keep a connection as it is between two uses."""
