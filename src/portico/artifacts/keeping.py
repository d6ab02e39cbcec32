"""Keeps what chats carried without ever making one wait; one task brings it to the store."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from portico.artifacts.base import blob_key
from portico.artifacts.index import Artifact, Claim, Use
from portico.artifacts.recent import Recent
from portico.artifacts.seen import COST, Seen, carried, derived_of, key_of, made_anew, uses
from portico.artifacts.shelf import Shelf
from portico.errors import StoreUnavailable

logger = logging.getLogger(__name__)

type Watch = Callable[[Literal["kept", "lost"]], None]

BATCH = 500
"""Pictures that are noted in one go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the keeper; times are seconds."""

    room: int = 64_000_000  # bytes that may wait in memory
    patience: float = 60.0  # for one picture, views and all
    retry: float = 1.0  # until the first new attempt while the store is away, then twice that …
    slowest: float = 30.0  # … and so on, up to this
    hold: float = 600.0  # how long a picture waits for a store to come back
    closing: float = 5.0  # to bring the rest to the store at the end
    gather: float = 0.2  # for which what only has to be noted waits for more of that


STEADY = Pace()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A picture to bring to the store; or without it, `uses` of one that is there, to note."""

    seen: Seen | None
    uses: Sequence[Use]
    size: int
    came: float  # by the loop's clock
    at: float  # by the wall's


@dataclass(frozen=True, slots=True)
class _Held:
    """An artifact, what the index said of keys, and which of them have got their bytes since."""

    artifact: Artifact
    claims: Mapping[str, Claim] = field(default_factory=dict)
    stored: tuple[str, ...] = ()
    new: bool = False  # the index does not know it yet


class Keeper:
    """
    The background writer: `async with Keeper(shelf, watch) as keeper`.

    What there is no room for, oldest first, and what waited too long for a store is counted in
    `lost`; *watch* is told of every picture what became of it. `why` says what keeps the store
    away, "" while nothing does.
    """

    def __init__(self, shelf: Shelf, watch: Watch | None = None, pace: Pace = STEADY) -> None:
        self.kept = 0
        self.lost = 0
        self.why = ""
        self._shelf = shelf
        self._watch = watch
        self._pace = pace
        self._recent = Recent()
        self._waiting: deque[_Waiting] = deque()
        self._held = 0
        self._failures = 0
        self._wake = asyncio.Event()
        self._storing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._run(), name="artifact keeper")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def held(self) -> int:
        """Return the bytes that wait."""
        return self._held

    @property
    def store_away(self) -> bool:
        """True if the store did not answer when it was last asked."""
        return self._failures > 0

    def keep(self, seen: Seen) -> None:
        """Take *seen*. Sync, never waits, never raises; call it on the event loop."""
        at = self._shelf.clock()
        place = self._recent.find(seen, at)
        if place is None:
            waiting = _Waiting(seen, (), seen.held, _now(), at)
        else:
            noted = uses(seen, place.artifact, place.keys, at)
            waiting = _Waiting(None, noted, COST, _now(), at)
        self._waiting.append(waiting)
        self._held += waiting.size
        while self._held > self._pace.room and self._waiting:
            self._lose(self._waiting.popleft())
        self._wake.set()

    def forget(self, gone: str) -> None:
        """Look up again what has to do with an artifact's id, or with a key: it is gone."""
        self._recent.forget(gone)

    async def flush(self) -> None:
        """Bring everything that waits to the store, unless that is away."""
        async with self._storing:
            while self._waiting and await self._next():
                pass

    async def aclose(self) -> None:
        """Bring to the store what can be brought in bounded time; the rest is lost."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.cancel()
            await asyncio.wait({writer})
        try:
            async with asyncio.timeout(self._pace.closing):
                await self.flush()
        except TimeoutError:
            pass
        finally:
            while self._waiting:
                self._lose(self._waiting.popleft())

    async def _run(self) -> None:
        said = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            if all(waiting.seen is None for waiting in self._waiting):
                await asyncio.sleep(self._pace.gather)
            await self.flush()
            if self.lost > said:
                logger.error("artifacts were lost", extra={"fields": {"lost": self.lost}})
                said = self.lost
            if self._waiting:
                await asyncio.sleep(self._delay())
                self._wake.set()

    def _delay(self) -> float:
        return min(self._pace.slowest, self._pace.retry * 2.0 ** min(self._failures, 16))

    async def _next(self) -> bool:
        """Return False where the store is away and all there is to do is wait."""
        batch = self._batch()
        try:
            async with asyncio.timeout(self._pace.patience):
                await self._bring(batch)
        except (StoreUnavailable, TimeoutError) as exc:
            return self._again(batch, exc)
        except asyncio.CancelledError:
            self._waiting.extendleft(reversed(batch))
            raise
        except Exception:  # supervisor: one odd picture must not stop those behind it
            logger.exception("an artifact could not be kept")
            for waiting in batch:
                self._lose(waiting)
            return True
        if self._failures:
            logger.info("the artifacts' store is back")
            self._failures, self.why = 0, ""
        for waiting in batch:
            self._held -= waiting.size
            self.kept += 1
            self._tell("kept")
        return True

    def _batch(self) -> list[_Waiting]:
        """Take the next picture; or, of those that only have to be noted, all in a row."""
        batch = [self._waiting.popleft()]
        while batch[0].seen is None and self._waiting and len(batch) < BATCH:
            if self._waiting[0].seen is not None:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _again(self, batch: Sequence[_Waiting], exc: Exception) -> bool:
        if not self._failures:
            logger.warning("the artifacts' store is away; pictures wait in memory: %s", exc)
        self._failures += 1
        self.why = str(exc) or f"it took nothing within {self._pace.patience:g} s"
        for waiting in reversed(batch):
            if _now() - waiting.came > self._pace.hold:
                self._lose(waiting)
            else:
                self._waiting.appendleft(waiting)
        return False

    def _lose(self, waiting: _Waiting) -> None:
        self._held -= waiting.size
        self.lost += 1
        self._tell("lost")

    def _tell(self, what: Literal["kept", "lost"]) -> None:
        if self._watch is not None:
            self._watch(what)

    async def _bring(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            if waiting.seen is not None:
                await self._store(waiting.seen, waiting.at)
                return  # it came alone
        noted = [use for waiting in batch for use in waiting.uses]
        for gone in await self._shelf.index.settle((), None, noted):
            self._recent.forget(gone)

    async def _store(self, seen: Seen, at: float) -> None:
        claimed = self._shelf.clock()
        held = await (self._met(seen, at) if seen.artifact is None else self._named(seen.artifact))
        if held is None:
            return
        artifact = held.artifact
        stored = list(held.stored)
        keys = [await key_of(view, artifact) for view in seen.shown]
        for key, view in zip(keys, seen.shown, strict=True):
            if key in held.claims:
                if held.claims[key] is Claim.NEW and key not in stored:
                    await self._shelf.blobs.put(key, view.content)
                    stored.append(key)
            elif key not in ("", artifact.key):
                await self._shelf.put(key, view.content)
        new = artifact if held.new else None
        gone = await self._shelf.index.settle(stored, new, uses(seen, artifact, keys, at))
        if not gone:
            await self._still_there(seen, artifact, keys)
            self._recent.keep(seen, artifact, keys, claimed)

    async def _still_there(self, seen: Seen, artifact: Artifact, keys: Sequence[str]) -> None:
        """Put back what went with somebody forgotten, before anything of ours spoke of it."""
        if seen.artifact is not None:
            return
        views = {key: view for key, view in zip(keys, seen.shown, strict=True) if key}
        met = await self._shelf.meet(seen.owner, seen.raw, [*views, artifact.key])
        for key, claim in met.claims.items():
            if claim is Claim.NEW and key in views:
                await self._shelf.put(key, views[key].content)
            elif claim is Claim.NEW and key == artifact.key == blob_key(seen.raw):
                await self._shelf.put(key, await seen.bytes())

    async def _named(self, ident: str) -> _Held | None:
        """Return the artifact of that id; None if it was deleted."""
        held = await self._shelf.index.find(ident)
        return _Held(held.artifact) if held else None

    async def _met(self, seen: Seen, at: float) -> _Held:
        """Return what *seen* is of, with its bytes on the shelf, and its views' keys claimed."""
        own = blob_key(seen.raw)
        views = [derived_of(view) for view in seen.shown if not made_anew(view, seen.raw)]
        met = await self._shelf.meet(seen.owner, seen.raw, views)
        known = met.artifact
        if known is not None and met.claims[known.key] is Claim.KNOWN:
            return _Held(known, met.claims)
        data = await seen.bytes()
        stored: tuple[str, ...] = ()
        if met.claims[own] is Claim.NEW:
            await self._shelf.blobs.put(own, data)
            stored = (own,)
        if known is not None and known.key == own:
            return _Held(known, met.claims, stored)
        return _Held(carried(seen, data, at), met.claims, stored, new=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
