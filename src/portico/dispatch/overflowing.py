"""What of a story is too long for a store of traces lies apart, beside the artifacts."""

import asyncio
import hashlib
import logging
import zlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from portico.artifacts.base import BlobMissing, Blobs
from portico.errors import StoreUnavailable
from portico.stores.guard import Guard
from portico.stores.whom import Whom
from portico.traces.base import LARGEST, Card, Fidelity, Trace, TraceQuery, TraceStore
from portico.traces.cutting import cut

logger = logging.getLogger(__name__)

TOLD = "told"
"""Where whole stories lie among the blobs."""

SQUEEZED = ".z"

WHOLE = 16_000_000
"""Bytes of a story beyond which it is cut, and nothing of it lies apart."""

WRITING = 2.0
"""Seconds for one story: whoever waits for the batch has five for all of it."""

READING = 5.0
ROOM = 300
"""Bytes for saying where the rest lies."""


def place_of(person: str | None, caller: str | None) -> str:
    """Return below which key whole stories of somebody lie: of a person, else of their key."""
    whose = hashlib.sha256((person or caller or "").encode()).hexdigest()[:32]
    return f"{TOLD}/{whose}"


def key_of(card: Card) -> str:
    """Return where the whole story of *card* lies, if it is too long for its store."""
    return f"{place_of(card.person, card.caller)}/{card.id}{SQUEEZED}"


def request_of(key: str) -> str:
    """Return the id of the request whose story lies under *key*."""
    return key.rpartition("/")[2].removesuffix(SQUEEZED)


class Overflowing:
    """
    TraceStore over another one, which is given no story of more than LARGEST bytes.

    A longer one is squeezed into a blob; the store has it with its middles left out, and with the
    blob's key in `overflow`. Whoever finds the trace gets the whole again. Where the blobs do not
    take it, it is cut for good and says so. A blob outlives its trace until the next sweep.
    """

    def __init__(self, store: TraceStore, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs
        self._guard = Guard("what lies apart of traces")

    async def append(self, traces: Sequence[Trace]) -> None:
        """See TraceStore."""
        await self._store.append([await self._fitting(one) for one in traces])

    async def find(self, ident: str) -> Trace | None:
        """See TraceStore; what lies apart is put in its place again."""
        found = await self._store.find(ident)
        if found is None or b'"overflow":{' not in bytes(found.story):
            return found
        told = msgspec.json.decode(found.story)
        return found if not told.get("overflow") else await self._whole(found)

    async def cards(self, query: TraceQuery) -> list[Card]:
        """See TraceStore."""
        return await self._store.cards(query)

    async def mark(self, card: Card) -> bool:
        """See TraceStore."""
        return await self._store.mark(card)

    async def sweep(self, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._store.sweep(dry_run=dry_run)

    async def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        return await self._store.forget(whom, dry_run=dry_run)

    def export(self) -> AsyncIterator[Trace]:
        """See TraceStore; what lies apart stays there, and is told by its key."""
        return self._store.export()

    async def _fitting(self, trace: Trace) -> Trace:
        if len(bytes(trace.story)) <= LARGEST:
            return trace
        kept = await self._kept(trace)
        return await asyncio.to_thread(partial(shortened, trace, apart=kept))

    async def _kept(self, trace: Trace) -> bool:
        try:
            squeezed = await asyncio.to_thread(zlib.compress, bytes(trace.story), 1)
            work = partial(self._blobs.put, key_of(trace.card), squeezed)
            await self._guard.call(work, WRITING)
        except (StoreUnavailable, ValueError) as exc:  # or an id that is no key
            logger.warning("a long story is cut: %s", exc)
            return False
        return True

    async def _whole(self, found: Trace) -> Trace:
        key = key_of(found.card)
        try:
            squeezed = await self._guard.call(partial(self._blobs.get, key), READING)
            return replace(found, story=Raw(await asyncio.to_thread(zlib.decompress, squeezed)))
        except (BlobMissing, StoreUnavailable, ValueError, zlib.error):
            less = Fidelity.TRUNCATED
            if found.card.fidelity is Fidelity.REDACTED:
                less = Fidelity.REDACTED
            return replace(found, card=replace(found.card, fidelity=less))


def shortened(trace: Trace, *, apart: bool) -> Trace:
    """Return *trace* as its store takes it; *apart*: all of its story lies in a blob. Pure."""
    story, _ = cut(bytes(trace.story), LARGEST - ROOM)
    if not apart:
        card = trace.card
        if card.fidelity is not Fidelity.REDACTED:
            card = replace(card, fidelity=Fidelity.TRUNCATED)
        return Trace(card, Raw(story))
    told: dict[str, Any] = msgspec.json.decode(story)
    told["overflow"] = {"key": key_of(trace.card), "bytes": len(bytes(trace.story))}
    return Trace(trace.card, Raw(msgspec.json.encode(told)))
