"""Somebody's rows: in the ledger, among the traces, and where either waits on the disk."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portico.erasure.base import Counts, Opener, Traced
from portico.ledger.base import LedgerStore, RequestRow
from portico.ledger.journal import adopt
from portico.ledger.spool import Spool
from portico.stores.whom import Whom
from portico.traces.base import TraceStore
from portico.traces.ring import Ring
from portico.traces.thumbs import Waiting

type Batch = tuple[Path, Sequence[RequestRow], Sequence[RequestRow]]
"""A file that holds something of theirs: that, and what else it holds."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What was said, in its store and in what waits for it: the ring, and ratings of answers."""

    store: Opener[TraceStore]
    ring: Ring
    thumbs: Waiting
    name: str = "traces"
    after: frozenset[str] = field(default_factory=frozenset)

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        return await self._erase(traced, dry_run=True)

    async def erase(self, traced: Traced) -> Counts:
        """See Place; the ring goes first, so that nothing of it is replayed into the store."""
        return await self._erase(traced, dry_run=False)

    async def _erase(self, traced: Traced, *, dry_run: bool) -> Counts:
        waiting = await asyncio.to_thread(self.ring.forget, traced.whom, dry_run=dry_run)
        rated = await asyncio.to_thread(self._rated, traced, dry_run)
        async with self.store() as store:
            kept = await store.forget(traced.whom, dry_run=dry_run)
        return {"traces": kept, "waiting": waiting, "ratings": rated}

    def _rated(self, traced: Traced, dry_run: bool) -> int:
        """Whose a rating of a chat is nobody can tell before it is joined; then it goes."""
        count = 0
        for file in self.thumbs.files():
            rating = self.thumbs.read(file)
            theirs = rating and (
                rating.caller in traced.whom.keys or rating.request in traced.requests
            )
            if theirs:
                count += 1
                if not dry_run:
                    file.unlink(missing_ok=True)
        return count


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
                others = [row for row in rows if not whom.is_meant(row.person, row.caller)]
                yield batch, theirs, others
