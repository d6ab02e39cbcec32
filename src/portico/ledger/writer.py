"""Takes entries without ever making a request wait; one task brings them to the store."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from portico.ledger.base import Entry, LedgerStore, RequestRow
from portico.ledger.journal import Journal
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from portico.stores.delivery import Bell, Delivery
from portico.telemetry.logs import one_write

logger = logging.getLogger(__name__)

REPLAYED = 100
"""Batches of the spool that are replayed before fresh rows have their turn again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the writer; times are seconds."""

    room: int = 10_000  # entries that may wait in memory
    batch: int = 500  # rows of one transaction
    linger: float = 0.2  # how long a batch may gather
    patience: float = 5.0  # for the store to take one batch
    retry: float = 5.0  # between attempts while the store is away
    closing: float = 5.0  # to bring the rest to the store at the end


STEADY = Pace()


class Ledger:
    """
    The ledger's front door: `async with Ledger(store, spool, watch) as ledger`.

    Rows go to the store in batches; while it is away they go to the spool and from there to the
    store when it is back, each exactly once. Until then they wait in memory, and in a journal that
    outlives a kill. What memory has no room for while neither store nor spool takes anything is
    counted in `lost` and said in the log. Everything slow happens in one thread of its own: the
    loop's own threads would all be started in turn, each with some megabytes that stay.
    """

    def __init__(
        self,
        store: LedgerStore,
        spool: Spool,
        watch: Callable[[Entry], None] | None = None,
        pace: Pace = STEADY,
        feed: Callable[[RequestRow], None] | None = None,
    ) -> None:
        self.spooled = 0
        self.lost = 0
        self._store = store
        self._spool = spool
        self._watch = watch
        self._feed = feed
        self._pace = pace
        self._room = pace.room
        self._journal = Journal(spool.directory)
        self._entries: deque[tuple[Entry, RequestRow]] = deque()
        self._rows: deque[RequestRow] = deque()
        self._in_hand = 0
        self._bell = Bell(pace.linger)
        self._storing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._writer: asyncio.Task[None] | None = None
        self._stranded = True  # until a look into the spool says otherwise
        self._full = False  # neither store nor spool took what they were given last
        self._delivery = Delivery(
            "the ledger's store", "rows go to the spool", pace.patience, pace.retry
        )

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._run(), name="ledger writer")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def pending(self) -> int:
        """Entries that are neither in the store nor in the spool yet."""
        return len(self._entries) + len(self._rows) + self._in_hand

    @property
    def store_away(self) -> bool:
        """True if the store did not answer when it was last asked."""
        return self._delivery.away

    @property
    def why(self) -> str:
        """What keeps the store away, in words; "" while nothing does."""
        return self._delivery.why

    def record(self, entry: Entry) -> None:
        """
        Take *entry*: from now on a kill does not lose it. Sync, never waits, never raises.

        Call it on the event loop, and before the caller can know that the answer is whole.
        """
        if len(self._entries) + len(self._rows) >= self._room:
            self.lost += 1
            return
        row = row_of(entry)
        self._journal.append(row)
        self._entries.append((entry, row))
        self._bell.ring()

    async def fold(self) -> None:
        """Show everything recorded so far to the watchers; stores nothing."""
        if self._entries:
            await self._aside(self._fold)

    async def flush(self) -> None:
        """Bring everything recorded so far to the store, or to the spool if it is away."""
        async with self._storing:
            self._journal.turn()
            await self.fold()
            while self._rows:
                waits = self._full and self._delivery.wait and not self._bell.over
                if waits or not await self._keep(self._next_batch()):
                    return  # it waits in memory, until it is time to ask again
            if self._journal.holds:
                await self._aside(self._journal.settle)
            if self._stranded and not self._delivery.wait:
                await self._replay()

    async def aclose(self) -> None:
        """Flush within bounded time; what the store did not take by then goes to the spool."""
        writer = self._writer
        self._bell.close()
        try:
            if writer is not None:
                await asyncio.wait({writer}, timeout=self._pace.closing)
                writer.cancel()
                await asyncio.wait({writer}, timeout=1)  # it puts back what it has in hand
        finally:
            self._room = 0
            self._journal.close(safe=self._spill_rest())
            self._thread.shutdown(wait=False)

    async def _aside[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _run(self) -> None:
        said = 0
        while not self._bell.over or self.pending:
            if not self._bell.over:
                left = self._stranded or self._full  # and may be asked for again
                await self._bell.due(self._delivery.wait if left else None)
            try:
                await self.flush()
            except Exception:  # supervisor: a writer that dies would lose everything after it
                logger.exception("the ledger's writer stumbled and goes on, by way of the spool")
                self._delivery.postpone()
                self._bell.ring()
            if self.lost > said:
                logger.error("ledger entries were lost", extra={"fields": {"lost": self.lost}})
                said = self.lost
            if self._full and self._bell.over:
                return

    def _fold(self) -> None:
        """One entry at a time, its row in line before anybody watches: runs in a thread."""
        with one_write():
            while True:
                try:
                    entry, row = self._entries.popleft()
                except IndexError:  # another fold may run at the same time
                    return
                self._rows.append(row)
                if self._feed is not None:
                    self._feed(row)
                if self._watch is not None:
                    self._watch(entry)

    def _next_batch(self) -> list[RequestRow]:
        return [self._rows.popleft() for _ in range(min(self._pace.batch, len(self._rows)))]

    async def _keep(self, batch: list[RequestRow]) -> bool:
        self._in_hand, kept = len(batch), False
        try:
            kept = await self._append(batch) or await self._spill(batch)
        finally:
            if not kept:
                self._rows.extendleft(reversed(batch))  # twice is once: rows are idempotent
            self._in_hand = 0
        self._full = not kept
        return kept

    async def _append(self, rows: Sequence[RequestRow]) -> bool:
        return await self._delivery.give(lambda: self._store.append(rows))

    async def _spill(self, rows: Sequence[RequestRow]) -> bool:
        return await self._aside(partial(self._write_spool, rows))

    def _write_spool(self, rows: Sequence[RequestRow]) -> bool:
        try:
            self._spool.write(rows)
        except OSError as exc:
            if not self._full:
                logger.error("the ledger's spool takes nothing: %s", exc.strerror)
            return False
        self._stranded = True
        self.spooled += len(rows)
        return True

    async def _replay(self) -> None:
        """Bring what waits in the spool to the store, oldest first, until it is away again."""
        try:
            batches = await self._aside(self._spool.batches)
            for batch in islice(batches, REPLAYED):
                rows = await self._aside(partial(self._spool.read, batch))
                if not await self._append_all(rows):
                    return
                await self._aside(partial(self._spool.remove, batch))
            self._stranded = len(batches) > REPLAYED
        except OSError as exc:
            logger.error("the ledger's spool cannot be replayed: %s", exc.strerror)
            self._stranded = False  # until the next batch is spooled, or the next start

    async def _append_all(self, rows: Sequence[RequestRow]) -> bool:
        """A journal may hold more than one transaction should."""
        for start in range(0, len(rows), self._pace.batch):
            if not await self._append(rows[start : start + self._pace.batch]):
                return False
        return True

    def _spill_rest(self) -> bool:
        """At the end, on the loop: nobody is served any more; False if something is left."""
        self._fold()
        safe = True
        while self._rows:
            batch = self._next_batch()
            if not self._write_spool(batch):
                safe = False
                self.lost += len(batch) if self._journal.why else 0
        if self.lost:
            logger.error("ledger entries were lost", extra={"fields": {"lost": self.lost}})
        return safe
