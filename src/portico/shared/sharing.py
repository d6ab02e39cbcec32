"""A process's own side: decides from what it has, asks the hub in batches, and never waits long."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

from portico.errors import StoreUnavailable
from portico.shared.base import Ask, Back, Batch, Drawn, Hear, Hub, Reply, Say, Short
from portico.shared.purse import Drawing, Purse
from portico.stores.breaker import Bounds, Breaker
from portico.stores.guard import Guard

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two signs of life, where there is nothing to say."""

KEEPING = 1.0
"""Seconds for what is kept for all to be put or got: it may be large."""

AWAY = Bounds(failures=1, delay=0.5, longest=5.0)
"""The first failure is believed: from then on every process goes by its own counts."""


@dataclass(slots=True)
class _Waiting:
    asks: tuple[Ask, ...]
    found: asyncio.Future[Drawing | Short | None]


@dataclass(slots=True)
class _Outgoing:
    """What goes with the next batch."""

    draws: list[_Waiting] = field(default_factory=list)
    backs: list[Back] = field(default_factory=list)
    says: dict[str, Say] = field(default_factory=dict)  # by key: only the latest word counts
    notes: list[Say] = field(default_factory=list)  # each of them counts


class Sharing:
    """
    Draws on limits that hold for all processes, and hears and says what is news to all of them.

    A request waits *within* seconds for the hub at most, and not at all for one that is away: then
    its process goes by its own counts, as if it were alone.
    """

    def __init__(self, hub: Hub, within: float = 0.01) -> None:
        self.who = uuid4().hex
        self.within = within
        self.guard = Guard("what is shared between processes", Breaker(AWAY))
        self.keeping = Guard("what is kept for all processes", Breaker(AWAY))
        self._hub = hub
        self._purse = Purse()
        self._next = _Outgoing()
        self._mine: dict[str, str] = {}  # what we said that is kept, to be said again
        self._hearing: list[tuple[str, Hear]] = []
        self._wake = asyncio.Event()
        self._joined = False

    @property
    def away(self) -> bool:
        """True while every process is on its own."""
        return not self._joined

    # -- limits

    async def draw(self, asks: tuple[Ask, ...]) -> Drawing | Short | None:
        """Draw all of *asks*, or learn which is short; None: nobody can tell, so go by yourself."""
        if not self._joined:
            return None
        drawing = self._purse.spend(asks, time.monotonic())
        if drawing is not None:
            return drawing
        waiting = _Waiting(asks, asyncio.get_running_loop().create_future())
        self._next.draws.append(waiting)
        self._wake.set()
        try:
            done, _ = await asyncio.wait((waiting.found,), timeout=self.within)
        except asyncio.CancelledError:
            waiting.found.add_done_callback(self._unwanted)
            raise
        if done:
            return waiting.found.result()
        waiting.found.add_done_callback(self._unwanted)
        return None

    def give_back(self, drawing: Drawing, units: tuple[int, ...] | None = None) -> None:
        """
        End *drawing*, of which *units* of each ask were not used; default: it was not used at all.

        Places are given back whole. Sync, and never waits.
        """
        left = units or tuple(ask.want for ask in drawing.asks)
        self._return(self._purse.give_back(drawing, left, time.monotonic()))

    def _unwanted(self, found: asyncio.Future[Drawing | Short | None]) -> None:
        """What comes too late, or for somebody who has left, goes back."""
        if not found.cancelled() and isinstance(drawing := found.result(), Drawing):
            self.give_back(drawing)

    def _return(self, backs: list[Back]) -> None:
        if backs:
            self._next.backs += backs
            self._wake.set()

    # -- news

    def say(self, key: str, value: str | None, *, kept: bool = True) -> None:
        """
        Tell all others, soon. Sync, and never waits.

        Of what is *kept* the latest word counts, and it is said again where the hub was away; what
        is not is heard by those who are there, each time.
        """
        if kept:
            self._mine.pop(key, None)
            if value is not None:
                self._mine[key] = value
            self._next.says[key] = Say(key, value)
        elif self._joined:
            self._next.notes.append(Say(key, value, kept=False))
        self._wake.set()

    def hear(self, prefix: str, take: Hear) -> None:
        """Call *take* with what others say under keys that begin so."""
        self._hearing.append((prefix, take))

    def _heard(self, key: str, value: str | None) -> None:
        self._mine.pop(key, None)
        for prefix, take in self._hearing:
            if key.startswith(prefix):
                take(key, value)

    # -- what is kept for all

    async def put(self, name: str, value: bytes | None, seconds: float) -> None:
        """
        Keep *value* for all processes, for *seconds* or less; None: keep nothing under that name.

        Raises:
            StoreUnavailable: it may be kept, or what was before it.
        """
        await self.keeping.call(lambda: self._hub.put(name, value, seconds), KEEPING)

    async def get(self, name: str) -> bytes | None:
        """
        Return what any process has put under *name*, None if nothing is there.

        Raises:
            StoreUnavailable: nobody can tell.
        """
        return await self.keeping.call(lambda: self._hub.get(name), KEEPING)

    # -- the hub

    async def run(self) -> None:
        """Hand batches in, one after the other, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(BEAT):
                    await self._wake.wait()
            except TimeoutError:
                self._return(self._purse.idle(time.monotonic()))
            self._wake.clear()
            try:
                await self.swap()
            except Exception:  # supervisor: without it no limit would be shared any more
                log.exception("sharing stumbled and is tried again")
                self._alone()

    async def swap(self) -> None:
        """Hand in what there is, and take the answer to it."""
        out, self._next = self._next, _Outgoing()
        batch = self._batch(out)
        try:
            reply = await self.guard.call(lambda: self._hub.swap(batch))
        except StoreUnavailable:
            self._alone()
            reply = Reply(tuple(Drawn() for _ in out.draws))
        except BaseException:
            _settle(out.draws, lambda _: None)
            raise
        else:
            self._came(reply)
        answers = dict(zip(map(id, out.draws), reply.drawn, strict=True))
        _settle(out.draws, lambda waiting: self._found(waiting.asks, answers[id(waiting)]))

    def _batch(self, out: _Outgoing) -> Batch:
        draws = tuple(waiting.asks for waiting in out.draws)
        if self._joined:
            says = (*out.says.values(), *out.notes)
            return Batch(self.who, draws, tuple(out.backs), says)
        again = {key: Say(key, value) for key, value in self._mine.items()}
        says = (*(again | out.says).values(), *out.notes)
        return Batch(self.who, draws, (), says, dict(self._purse.holds))

    def _came(self, reply: Reply) -> None:
        self._joined = True
        for key, value in (reply.board or {}).items():
            if self._mine.get(key) != value:
                self._heard(key, value)

    def _found(self, asks: tuple[Ask, ...], drawn: Drawn) -> Drawing | Short | None:
        if drawn.lent is None:
            return drawn.short
        drawing, backs = self._purse.take(asks, drawn.lent, time.monotonic())
        self._return(backs)
        return drawing

    def _alone(self) -> None:
        self._joined = False
        self._purse.alone()

    def missed(self) -> None:
        """Something may have been missed: come anew."""
        self._joined = False
        self._wake.set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Sharing"]:
        """Take part until the context ends; a hub that is away keeps nobody from opening."""
        async with self._hub.listening(self._heard, self.missed):
            await self.swap()
            task = asyncio.create_task(self.run(), name="sharing")
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.wait({task}, timeout=1)
                await self._leave()

    async def _leave(self) -> None:
        """Hand in what is left to say, and have nothing any more."""
        _settle(self._next.draws, lambda _: None)
        if self._joined:
            last = Batch(self.who, says=tuple(self._next.says.values()), holds={})
            with suppress(StoreUnavailable):
                await self.guard.call(lambda: self._hub.swap(last))


def _settle(waiting: list[_Waiting], found: Callable[[_Waiting], Drawing | Short | None]) -> None:
    for one in waiting:
        if not one.found.done():
            one.found.set_result(found(one))
