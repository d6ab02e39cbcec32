"""Somebody's pictures, what was said of them, and what finds them again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import time

from portico.artifacts.base import Blobs
from portico.artifacts.index import Index, Theirs
from portico.dispatch.descriptions import place_of
from portico.dispatch.overflowing import place_of as told_of
from portico.dispatch.records import PLACE, key_of
from portico.erasure.base import Counts, Opener, Traced
from portico.memory.base import Gone, Memory, ident


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is found again by meaning: before the index goes that says which pictures are theirs."""

    index: Opener[Index]
    memory: Opener[Memory]
    name: str = "memory"
    after: frozenset[str] = field(default_factory=frozenset)

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        return await self._erase(traced, dry_run=True)

    async def erase(self, traced: Traced) -> Counts:
        """See Place."""
        return await self._erase(traced, dry_run=False)

    async def _erase(self, traced: Traced, *, dry_run: bool) -> Counts:
        async with self.index() as index:
            found = await index.theirs(traced.whom.owners, traced.requests)
        readers = frozenset((one, owner) for one, owner in found.given)
        gone = Gone(found.artifacts, frozenset(_points(found).values()), readers)
        async with self.memory() as memory:
            return {"points": await memory.erase(gone, dry_run=dry_run)}


@dataclass(frozen=True, slots=True)
class Pictures:
    """
    Artifacts and what hangs on them. Bytes that somebody else refers to stay, and are theirs.

    Bytes go last and at once, not after the sweep's grace: what is disowned is noted in the index
    until it is gone.
    """

    index: Opener[Index]
    blobs: Opener[Blobs]
    name: str = "artifacts"
    after: frozenset[str] = frozenset({"memory"})

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        async with self.index() as index, self.blobs() as blobs:
            found = await index.theirs(traced.whom.owners, traced.requests)
            notes = [key async for key in _notes(blobs, traced, found)]
        return _counts(found, len(notes))

    async def erase(self, traced: Traced) -> Counts:
        """See Place."""
        async with self.index() as index, self.blobs() as blobs:
            found = await index.theirs(traced.whom.owners, traced.requests)
            notes = [key async for key in _notes(blobs, traced, found)]
            for key in notes:
                await blobs.delete(key)
            gone = await index.disown(traced.whom.owners, traced.requests)
            for key in sorted(gone.keys):
                if await index.condemn(key, time(), 0.0):
                    await blobs.delete(key)
                    await index.forget(key)
        return _counts(gone, len(notes))


def _counts(found: Theirs, notes: int) -> Counts:
    uses, grants = len(found.shown), len(found.given)
    told = {"artifacts": len(found.artifacts), "uses of others": uses, "grants": grants}
    return {**told, "blobs": len(found.keys), "notes": notes}


def _points(found: Theirs) -> dict[tuple[str, str], str]:
    """Return the points of others' artifacts, by artifact and the request that may have made it."""
    asked = {
        (artifact, name)
        for artifact, request in found.shown
        for name in (request, request.rpartition("-")[0])  # a tile's request has its chat's name
        if name
    }
    return {both: ident(*both) for both in asked}


async def _notes(blobs: Blobs, traced: Traced, found: Theirs) -> AsyncIterator[str]:
    """Give the keys of what was said: records of the memory, descriptions, long stories."""
    single = {key_of(*both) for both in _points(found)}
    shown = {artifact for artifact, _ in found.shown}
    for artifact in sorted(found.artifacts | shown):
        async for stored in blobs.keys(f"{PLACE}/{artifact}"):
            if artifact in found.artifacts or stored.key in single:
                yield stored.key
    for owner in sorted(traced.whom.owners):
        for place in (place_of(owner), told_of(owner, None)):
            async for stored in blobs.keys(place):
                yield stored.key
