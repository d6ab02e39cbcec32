"""Bytes together with what is known of them: nothing is put that a sweep is about to delete."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from portico.artifacts.base import Blobs
from portico.artifacts.index import Claim, Index, Met
from portico.errors import StoreUnavailable

GOING = 5.0
"""Seconds to wait for a sweep that deletes just this key."""

AGAIN = 0.1
"""Seconds between looks at that."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store of bytes and the index over it. `clock` is in epoch seconds."""

    blobs: Blobs
    index: Index
    clock: Callable[[], float] = time.time

    async def put(self, key: str, data: bytes, *, anyway: bool = False) -> bool:
        """
        Have *data* under *key*; return False if it was known to be there, and so not written.

        With *anyway* it is written then too: the time it takes tells nobody what others have.

        Raises:
            StoreUnavailable: the store or the index is away.
        """
        known = await self._claim(key) is Claim.KNOWN
        if known and not anyway:
            return False
        await self.blobs.put(key, data)
        await self.index.stored([key])
        return True

    async def has(self, key: str) -> bool:
        """Return whether the bytes of *key* are known to be there; they stay then for the grace."""
        return await self._claim(key) is Claim.KNOWN

    async def meet(self, owner: str | None, raw: str, views: Collection[str]) -> Met:
        """
        Return what the index says of bytes and of the keys of *views*, as `Index.meet` does.

        Raises:
            StoreUnavailable: the index is away.
        """
        for _ in range(int(GOING / AGAIN)):
            met = await self.index.meet(owner, raw, views, self.clock())
            if Claim.GOING not in met.claims.values():
                return met
            await asyncio.sleep(AGAIN)
        raise _going()

    async def _claim(self, key: str) -> Claim:
        for _ in range(int(GOING / AGAIN)):
            found = await self.index.claim(key, self.clock())
            if found is not Claim.GOING:
                return found
            await asyncio.sleep(AGAIN)
        raise _going()


def _going() -> StoreUnavailable:
    return StoreUnavailable("these bytes are being deleted right now", retry_after=GOING)
