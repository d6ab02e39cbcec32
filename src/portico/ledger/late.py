"""A ledger that may be opened late: what keeps it from opening stops neither start nor chat."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from portico.errors import ConfigError, StoreUnavailable
from portico.ledger.base import (
    LedgerStore,
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    UsageQuery,
    UsageRow,
)
from portico.stores.whom import Whom

log = logging.getLogger(__name__)

LOOKING = 2.0
"""Seconds that the start waits to be able to say how the ledger is."""

PAUSE = 5.0
"""Seconds between two looks at a ledger that is away."""

type Open = Callable[[], AbstractAsyncContextManager[LedgerStore]]


@asynccontextmanager
async def open_late(opening: Open, pause: float = PAUSE) -> AsyncIterator["LateLedger"]:
    """
    Give the ledger that *opening* opens, now or when that works; says at once if it does not.

    While it is away somebody looks every *pause* seconds, so that it is known to be back although
    nobody asks.
    """
    async with AsyncExitStack() as stack:
        ledger = LateLedger(opening, stack)
        if not await ledger.look():
            log.error("%s; requests are served, rows wait in the spool", ledger.why)
        task = asyncio.create_task(ledger.watch(pause), name="ledger watch")
        stack.push_async_callback(_end, task)
        yield ledger


class LateLedger:
    """LedgerStore over one that opens when it can; `why` says what keeps it away, if anything."""

    def __init__(self, opening: Open, stack: AsyncExitStack) -> None:
        self.why = ""
        self._opening = opening
        self._stack = stack
        self._store: LedgerStore | None = None
        self._door = asyncio.Lock()

    @property
    def away(self) -> bool:
        """True if the store could not be used when it was last asked."""
        return bool(self.why)

    async def append(self, rows: Sequence[RequestRow]) -> None:
        """See LedgerStore."""
        await self._done(lambda store: store.append(rows))

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        """See LedgerStore."""
        return await self._done(lambda store: store.usage(query))

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        """See LedgerStore."""
        return await self._done(lambda store: store.series(query))

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        """See LedgerStore."""
        return await self._done(lambda store: store.requests(query))

    async def request(self, ident: str) -> RequestRow | None:
        """See LedgerStore."""
        return await self._done(lambda store: store.request(ident))

    async def requests_of(self, whom: Whom) -> list[str]:
        """See LedgerStore."""
        return await self._done(lambda store: store.requests_of(whom))

    async def forget(self, whom: Whom) -> int:
        """See LedgerStore."""
        return await self._done(lambda store: store.forget(whom))

    async def look(self) -> bool:
        """Ask once, within bounds, and return whether the store answered."""
        try:
            async with asyncio.timeout(LOOKING):
                await self.request("")
        except TimeoutError:
            self.why = f"the ledger did not answer within {LOOKING:g} s"
        except StoreUnavailable:
            pass  # `why` says it
        return not self.away

    async def watch(self, pause: float) -> None:
        """Look again and again while the store is away, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            if self.away and await self.look():
                log.info("the ledger is back")

    async def _done[T](self, work: Callable[[LedgerStore], Awaitable[T]]) -> T:
        try:
            done = await work(await self._opened())
        except ConfigError as exc:  # a newer schema: the start is not stopped by it, nor a chat
            self.why = str(exc)
            raise StoreUnavailable(self.why) from exc
        except StoreUnavailable as exc:
            self.why = str(exc)
            raise
        self.why = ""
        return done

    async def _opened(self) -> LedgerStore:
        async with self._door:
            if self._store is None:
                self._store = await self._stack.enter_async_context(self._opening())
            return self._store


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=5)
