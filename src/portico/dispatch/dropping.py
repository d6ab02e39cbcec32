"""What a gateway holds in memory of somebody who was forgotten: dropped when it hears of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from portico.access.base import AccessStore, Roster
from portico.access.forgetting import FORGOTTEN, mark
from portico.access.limits import Limits
from portico.access.watch import LOOK
from portico.dispatch.idempotency import Shelf
from portico.dispatch.streams import Streams
from portico.errors import StoreUnavailable

log = logging.getLogger(__name__)

DEEDS = 200
"""Deeds that are read at a time; of more than that in half a second the older ones are missed."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held in memory. Of `whole` it is not known whose it is: it goes altogether."""

    shelves: Sequence[Shelf]
    streams: Streams
    limits: Limits
    whole: Sequence[Callable[[], None]] = ()

    def drop(self, theirs: Callable[[str], bool]) -> None:
        """Drop what belongs to those whom *theirs* knows."""
        for shelf in self.shelves:
            shelf.drop_of(theirs)
        self.streams.drop_of(theirs)
        accounts = [one for one in self.limits.accounts() if theirs(one.partition(":")[2])]
        self.limits.forget(accounts)
        for clear in self.whole:
            clear()


class Dropping:
    """Looks for deeds of forgetting whenever the keys have changed; *roster* gives them."""

    def __init__(self, store: AccessStore, roster: Callable[[], Roster | None], held: Held) -> None:
        self._store = store
        self._roster = roster
        self._held = held
        self._seen: Roster | None = None
        self._last = 0

    async def look(self) -> None:
        """Read the deeds that came since the last look, and drop what they name."""
        roster = self._roster()
        if roster is None or roster is self._seen:
            return
        try:
            deeds = await self._store.deeds(None, DEEDS)
        except StoreUnavailable:
            return  # the keys were read, and the deeds will be
        marks = {
            told
            for deed in deeds
            if deed.number > self._last and deed.what == FORGOTTEN and deed.after
            for told in deed.after.get("marks", ())
        }
        if marks:
            self._held.drop(lambda ident: mark(roster.secret, ident) in marks)
        self._last = max((deed.number for deed in deeds), default=0)
        self._seen = roster

    async def run(self, pause: float) -> None:
        """Look every *pause* seconds, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
            except Exception:  # supervisor: the next look may go well
                log.exception("looking for whom to forget failed and is tried again")


@asynccontextmanager
async def dropped(dropping: Dropping, pause: float = LOOK) -> AsyncIterator[None]:
    """Drop what is to be dropped, in the background."""
    task = asyncio.create_task(dropping.run(pause), name="dropping")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)
