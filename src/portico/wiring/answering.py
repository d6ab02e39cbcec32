"""Answers that are held in memory to be given again: replayed, taken up, cached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from portico.access.secret import make
from portico.dispatch.caching import Answers, Cache
from portico.dispatch.dropping import Dropping, Held, dropped
from portico.dispatch.elsewhere import Everywhere, Seal
from portico.dispatch.errands import Errands
from portico.dispatch.gateway import Gateway
from portico.dispatch.idempotency import Once, Shelf
from portico.dispatch.likely import Likely
from portico.dispatch.streams import Bounds, Streams
from portico.settings import Settings
from portico.shared.sharing import Sharing
from portico.wiring.keys import Access


@dataclass(frozen=True, slots=True)
class Again:
    """What gives an answer again."""

    once: Once
    streams: Streams
    cache: Cache


@dataclass(frozen=True, slots=True)
class Among:
    """Where work goes on here, and who can be told of it; the secret is in *home*."""

    errands: Errands
    sharing: Sharing | None
    home: Path

    def everywhere(self, window: float) -> Everywhere | None:
        """Return what makes one answer of one question for all processes; None: there is one."""
        if self.sharing is None:
            return None
        return Everywhere(self.sharing, Seal(make(self.home / "secret")), window)


@asynccontextmanager
async def open_again(
    settings: Settings, gateway: Gateway, among: Among, likely: Likely | None, access: Access
) -> AsyncIterator[Again]:
    """Give it, and drop of it what belongs to people who are forgotten meanwhile."""
    errands = among.errands
    server = settings.server
    shelf = Shelf(server.replay_window, int(server.replay_memory))
    streams, given = Streams(_bounds(settings), errands), settings.cache
    cache = Cache(Answers(given.keep, int(given.memory)), errands, analyses=given.analyses)
    cache.likely = likely
    whole = [cache.clear]
    if gateway.handing_down is not None:
        whole.append(gateway.handing_down.clear)
    held = Held((shelf, cache.answers), streams, gateway.limits, whole)
    async with dropped(Dropping(access.ring.store, lambda: access.gate.roster, held)):
        yield Again(Once(shelf, errands, among.everywhere(server.replay_window)), streams, cache)


def _bounds(settings: Settings) -> Bounds:
    server = settings.server
    return Bounds(
        window=server.resume_window,
        patience=server.resume_patience,
        stream=int(server.resume_per_stream),
        total=int(server.resume_memory),
    )
