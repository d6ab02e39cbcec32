"""Somebody's rows: in the ledger, among the traces, and where either waits on the disk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from portico.erasure.base import Counts, Traced
from portico.ledger.base import LedgerStore, RequestRow
from portico.ledger.journal import adopt
from portico.ledger.spool import Spool
from portico.stores.whom import Whom
from portico.traces.base import TraceStore
from portico.traces.ring import Ring

type Batch = tuple[Path, Sequence[RequestRow], Sequence[RequestRow]]
"""A file that holds something of theirs: that, and what else it holds."""

type Opener[T] = Callable[[], AbstractAsyncContextManager[T]]


@dataclass(frozen=True, slots=True)
class Traces:
    """What was said, in its store and in the ring that waits for it."""

    store: Opener[TraceStore]
    ring: Ring
    name: str = "traces"
    after: frozenset[str] = field(default_factory=frozenset)

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        return await self._erase(traced.whom, dry_run=True)

    async def erase(self, traced: Traced) -> Counts:
        """See Place; the ring goes first, so that nothing of it is replayed into the store."""
        return await self._erase(traced.whom, dry_run=False)

    async def _erase(self, whom: Whom, *, dry_run: bool) -> Counts:
        waiting = await asyncio.to_thread(self.ring.forget, whom, dry_run=dry_run)
        async with self.store() as store:
            kept = await store.forget(whom, dry_run=dry_run)
        return {"traces": kept, "waiting": waiting}


@dataclass(frozen=True, slots=True)
class Rows:
    """
    Requests and attempts, in the ledger and in the spool that waits for it.

    What they add up to stays, and is nobody's (decision 080): so rows that wait are brought to the
    ledger before they are erased.
    """

    store: Opener[LedgerStore]
    spool: Spool
    name: str = "ledger"
    after: frozenset[str] = frozenset({"memory", "artifacts"})

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        waiting = sum(len(theirs) for _, theirs, _ in await self._waiting(traced.whom))
        async with self.store() as store:
            rows = len(await store.requests_of(traced.whom))
        return {"requests": rows, "waiting": waiting}

    async def erase(self, traced: Traced) -> Counts:
        """See Place."""
        async with self.store() as store:
            waiting = 0
            for batch, theirs, others in await self._waiting(traced.whom):
                await store.append(theirs)
                await asyncio.to_thread(self.spool.replace, batch, others)
                waiting += len(theirs)
            return {"requests": await store.forget(traced.whom), "waiting": waiting}

    async def _waiting(self, whom: Whom) -> Sequence[Batch]:
        return await asyncio.to_thread(lambda: list(self._batches(whom)))

    def _batches(self, whom: Whom) -> Iterator[Batch]:
        if self.spool.directory.is_dir():
            adopt(self.spool.directory)  # rows that a killed gateway has left wait as well
        for batch in self.spool.batches():
            rows = self.spool.read(batch)
            theirs = [row for row in rows if whom.is_meant(row.person, row.caller)]
            if theirs:
                yield batch, theirs, [row for row in rows if row not in theirs]
