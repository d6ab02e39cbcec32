"""Where traces are asked for, flagged and pinned; what waits for the store is fetched first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from portico.errors import StoreUnavailable
from portico.traces.base import (
    Card,
    Keep,
    Thumb,
    Trace,
    TraceQuery,
    TraceStore,
    flagged,
    pinned,
    thumbed,
    unflagged,
    unpinned,
)
from portico.traces.recorder import Recorder

logger = logging.getLogger(__name__)

FETCHING = 1.0
"""Seconds to wait for what is not in the store yet."""

HOURLY = 3_600.0


type Hold = Callable[[str, float], Awaitable[None]]
"""Counts what a request showed as seen at that time: so long are its pictures kept."""

FOREVER = 253_402_300_799.0
"""The last second of the year 9999: a number that every store takes."""


async def nothing(request: str, seen: float) -> None:
    """Hold no pictures."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All methods raise StoreUnavailable where a store is away."""

    store: TraceStore
    recorder: Recorder
    keep: Keep
    hold: Hold = nothing

    async def find(self, ident: str) -> Trace | None:
        """Return the trace of the request with that id, or None."""
        found = await self.store.find(ident)
        if found is None and await self.fetched():
            found = await self.store.find(ident)
        return found

    async def fetched(self) -> bool:
        """Bring what waits for the store there; False if nothing did, or it takes too long."""
        if not self.recorder.pending:
            return False
        try:
            async with asyncio.timeout(FETCHING):
                await self.recorder.flush()
        except TimeoutError:
            return False
        return True

    async def cards(self, query: TraceQuery) -> list[Card]:
        """Return the cards of the traces that *query* lets pass, newest first."""
        return await self.store.cards(query)

    async def flag(self, card: Card, flag: str) -> Card | None:
        """Flag the trace of *card*; return its card as it is now, None if it is gone."""
        return await self._marked(flagged(card, flag, self.keep))

    async def unflag(self, card: Card, flag: str | None) -> Card | None:
        """Take *flag* back, or every flag."""
        return await self._marked(unflagged(card, flag, self.keep))

    async def thumb(
        self, card: Card, thumb: Thumb | None, at: float, why: str | None
    ) -> Card | None:
        """Say what was thought of the answer; None if it is gone, or was told of later."""
        return await self._marked(thumbed(card, thumb, at, why, self.keep))

    async def pin(self, card: Card) -> Card | None:
        """Keep the trace of *card* for ever, and the pictures that it refers to."""
        await self.hold(card.id, FOREVER)  # first: a pin without its pictures is half of one
        return await self._marked(pinned(card))

    async def unpin(self, card: Card) -> Card | None:
        """Let it go when its time comes, and its pictures when theirs does."""
        await self.hold(card.id, card.started)
        return await self._marked(unpinned(card, self.keep))

    async def _marked(self, card: Card) -> Card | None:
        return card if await self.store.mark(card) else None


async def keep_swept(store: TraceStore, every: float = HOURLY) -> None:
    """Sweep *store* now and *every* so many seconds, until cancelled."""
    while True:
        try:
            gone = await store.sweep()
        except StoreUnavailable as exc:
            logger.warning("the traces were not swept: %s", exc)
        else:
            if gone:
                logger.info("traces expired", extra={"fields": {"deleted": gone}})
        await asyncio.sleep(every)
