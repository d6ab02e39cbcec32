"""Takes what was noted without ever making a request wait; one task brings it to the store."""

import asyncio
import logging
import math
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from portico.errors import GatewayError
from portico.stores.delivery import Bell, Delivery
from portico.stores.whom import Whom
from portico.traces.base import Trace, TraceStore
from portico.traces.composing import Composer
from portico.traces.picturing import Kept
from portico.traces.ring import Ring
from portico.traces.tape import Take

logger = logging.getLogger(__name__)

type Look = Callable[[str], Awaitable[Kept]]
"""Says as what artifacts the pictures of a request are kept, by its id."""

REPLAYED = 20
"""Batches of the ring that are replayed before fresh traces have their turn again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the recorder; times are seconds."""

    room: int = 64_000_000  # bytes that may wait in memory
    batch: int = 100  # traces of one append
    linger: float = 0.25  # how long a batch may gather
    patience: float = 5.0  # for the store to take one batch
    retry: float = 5.0  # between attempts while the store is away
    looking: float = 1.0  # to learn what the pictures of one batch are kept as
    closing: float = 5.0  # to bring the rest to the store at the end


STEADY = Pace()


async def nowhere(ident: str) -> Kept:
    """Pictures are not kept at all."""
    return {}


class Recorder:
    """
    The traces' front door: `async with Recorder(store, ring, composer) as recorder`.

    Traces go to the store in batches; while it is away they go to the ring, and from there to the
    store when it is back, each once; while neither takes anything they wait in memory. What there
    is no room for is counted: `dropped` traces, and `bared` ones that only their cards are left of.
    Everything slow happens in one thread.
    """

    def __init__(
        self,
        store: TraceStore,
        ring: Ring,
        composer: Composer,
        look: Look = nowhere,
        pace: Pace = STEADY,
    ) -> None:
        self.stored = 0
        self.spooled = 0
        self.bared = 0
        self.dropped = 0
        self._store = store
        self._ring = ring
        self._composer = composer
        self._look = look
        self._pace = pace
        self._takes: deque[tuple[Take, int]] = deque()
        self._weight = 0
        self._in_hand = 0
        self._bell = Bell(pace.linger)
        self._storing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="traces-recorder")
        self._writer: asyncio.Task[None] | None = None
        self._stranded = True  # until a look into the ring says otherwise
        self._full = False  # neither store nor ring took what they were given last
        self._delivery = Delivery(
            "the traces' store", "traces wait on the disk", pace.patience, pace.retry
        )

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._run(), name="traces recorder")
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
        """Traces that are neither in the store nor in the ring yet."""
        return len(self._takes) + self._in_hand

    @property
    def store_away(self) -> bool:
        """True if the store did not answer when it was last asked."""
        return self._delivery.away

    @property
    def why(self) -> str:
        """What keeps the store away, in words; "" while nothing does."""
        return self._delivery.why

    def record(self, take: Take) -> None:
        """Take *take*. Sync, never waits, never raises; call it on the event loop."""
        weight = take.weight
        if self._weight + weight > self._pace.room:
            self.dropped += 1
            return
        self._weight += weight
        self._takes.append((take, weight))
        self._bell.ring()

    async def flush(self) -> None:
        """Bring everything recorded so far to the store, or to the ring if it is away."""
        async with self._storing:
            # What comes meanwhile gathers for the next time: two or three make no batch.
            for _ in range(math.ceil(len(self._takes) / self._pace.batch)):
                waits = self._full and self._delivery.wait and not self._bell.over
                if waits or not await self._next():
                    return  # they wait in memory, until it is time to ask again
            if self._stranded and not self._delivery.wait:
                await self._replay()

    async def forget(self, whom: Whom) -> int:
        """
        Delete everything of *whom*, also what waits; return how many traces.

        Raises:
            StoreUnavailable: the store is away, and all of its is still there.
        """
        await self.flush()
        async with self._storing:
            waiting = await self._aside(partial(self._ring.forget, whom))
            return waiting + await self._store.forget(whom)

    async def aclose(self) -> None:
        """Flush within bounded time; what the store did not take by then goes to the ring."""
        writer = self._writer
        self._bell.close()
        try:
            if writer is not None:
                await asyncio.wait({writer}, timeout=self._pace.closing)
                writer.cancel()
                await asyncio.wait({writer}, timeout=1)  # it puts back what it has in hand
            await self._spill_rest()
        finally:
            self._thread.shutdown(wait=False)

    async def _aside[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _run(self) -> None:
        said = 0
        while not self._bell.over or self._takes:
            if not self._bell.over:
                left = self._stranded or self._full  # and may be asked for again
                await self._bell.due(self._delivery.wait if left else None)
            try:
                await self.flush()
            except Exception:  # supervisor: a recorder that dies would lose everything after it
                logger.exception("the traces' recorder stumbled and goes on")
                self._delivery.postpone()
                self._bell.ring()
            if self.dropped > said:
                logger.error("traces were dropped", extra={"fields": {"dropped": self.dropped}})
                said = self.dropped
            if self._full and self._bell.over:
                return

    async def _next(self) -> bool:
        """
        Store one batch; False if it goes on waiting.

        A take that cannot be told is dropped, and not those beside it.
        """
        count = min(self._pace.batch, len(self._takes))
        hand = [self._takes.popleft() for _ in range(count)]
        self._in_hand = count
        try:
            kept = await self._pictures([take for take, _ in hand])
            traces = await self._aside(partial(self._composed, [take for take, _ in hand], kept))
            self._full = not (await self._append(traces) or await self._spill(traces))
        except asyncio.CancelledError:
            self._takes.extendleft(reversed(hand))  # twice is once: traces are idempotent
            raise
        except BaseException:
            self._drop(hand)
            raise
        finally:
            self._in_hand = 0
        if self._full:
            self._takes.extendleft(reversed(hand))
        else:
            self._weight -= sum(weight for _, weight in hand)
        return not self._full

    def _drop(self, hand: Sequence[tuple[Take, int]]) -> None:
        self.dropped += len(hand)
        self._weight -= sum(weight for _, weight in hand)

    async def _pictures(self, takes: Sequence[Take]) -> dict[str, Kept]:
        """Return what the pictures of *takes* are kept as, as far as that is known in time."""
        found: dict[str, Kept] = {}
        seen = [take for take in takes if take.tape is not None and take.tape.sights]
        try:
            async with asyncio.timeout(self._pace.looking):
                for take in seen:
                    found[take.card.id] = await self._look(take.card.id)
        except (TimeoutError, GatewayError):
            logger.debug("some pictures of traces are not known to be kept yet")
        return found

    def _composed(self, takes: Sequence[Take], kept: dict[str, Kept]) -> list[Trace]:
        """Runs in the thread."""
        found: list[Trace] = []
        for take in takes:
            try:
                found.append(self._composer.trace(take, kept.get(take.card.id, {})))
            except Exception as exc:  # supervisor: one odd take must not stop those beside it
                # Not its words: they may quote what was said.
                at = traceback.extract_tb(exc.__traceback__)[-1]
                told = {"id": take.card.id, "why": type(exc).__name__, "at": at.name}
                logger.error("a trace could not be told", extra={"fields": told})
                self.dropped += 1
        return found

    async def _append(self, traces: Sequence[Trace]) -> bool:
        taken = await self._delivery.give(lambda: self._store.append(traces))
        self.stored += len(traces) if taken else 0
        return taken

    async def _spill(self, traces: Sequence[Trace]) -> bool:
        try:
            made = await self._aside(partial(self._ring.write, traces))
        except OSError as exc:
            if not self._full:
                logger.error("the ring of traces takes nothing: %s", exc.strerror)
            return False
        self._stranded = True
        self.spooled += len(traces)
        self.bared += made.bared
        self.dropped += made.lost
        return True

    async def _replay(self) -> None:
        """Bring what waits in the ring to the store, oldest first, until it is away again."""
        try:
            batches = await self._aside(self._ring.batches)
            for batch in islice(batches, REPLAYED):
                traces = await self._aside(partial(self._ring.read, batch))
                if not await self._append(traces):
                    return
                await self._aside(partial(self._ring.remove, batch))
            self._stranded = len(batches) > REPLAYED
        except OSError as exc:
            logger.error("the ring of traces cannot be replayed: %s", exc.strerror)
            self._stranded = False  # until the next batch goes there, or the next start

    async def _spill_rest(self) -> None:
        """At the end nobody is served any more, and nothing may be left."""
        self._delivery.postpone(1e9)  # the store had its time
        while self._takes:
            if not await self._next():
                self._drop(self._takes)
                self._takes.clear()
                logger.error("traces were dropped", extra={"fields": {"dropped": self.dropped}})
