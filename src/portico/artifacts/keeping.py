"""Keeps what chats carried without ever making one wait; one task brings it to the store."""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from portico.artifacts.base import blob_key, derived_key
from portico.artifacts.images import kind_of
from portico.artifacts.index import Artifact, Use, new_id
from portico.artifacts.pictures import Prepared
from portico.artifacts.shelf import Shelf
from portico.errors import StoreUnavailable

logger = logging.getLogger(__name__)

type Source = bytes | Callable[[], Awaitable[bytes]]
type Watch = Callable[[Literal["kept", "lost"]], None]

COST = 1_000
"""Bytes that a waiting picture is reckoned at besides its content."""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A picture that a chat carried, and what its target was shown of it.

    `raw` is the SHA-256 of its bytes, which `source` is or gives (`weight` bytes are held until
    then). `place` is where it stood in the request. `shown` is empty where it went as it came.
    `artifact` is its id, where the chat named one.
    """

    request: str
    owner: str | None
    place: str
    target: str
    raw: str
    source: Source = field(repr=False)
    weight: int = 0
    shown: tuple[Prepared, ...] = field(default=(), repr=False)
    artifact: str | None = None

    @property
    def held(self) -> int:
        """Return the bytes of memory that this is reckoned at."""
        source = len(self.source) if isinstance(self.source, bytes) else self.weight
        return COST + source + sum(len(view.content) for view in self.shown)


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the keeper; times are seconds."""

    room: int = 64_000_000  # bytes that may wait in memory
    patience: float = 60.0  # for one picture, views and all
    retry: float = 1.0  # until the first new attempt while the store is away, then twice that …
    slowest: float = 30.0  # … and so on, up to this
    hold: float = 600.0  # how long a picture waits for a store to come back
    closing: float = 5.0  # to bring the rest to the store at the end


STEADY = Pace()


@dataclass(frozen=True, slots=True)
class _Waiting:
    seen: Seen
    size: int
    came: float  # by the loop's clock
    at: float  # by the wall's


class Keeper:
    """
    The background writer: `async with Keeper(shelf, watch) as keeper`.

    What there is no room for, oldest first, and what waited too long for a store is counted in
    `lost`; *watch* is told of every picture what became of it.
    """

    def __init__(self, shelf: Shelf, watch: Watch | None = None, pace: Pace = STEADY) -> None:
        self.kept = 0
        self.lost = 0
        self._shelf = shelf
        self._watch = watch
        self._pace = pace
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
        size = seen.held
        waiting = _Waiting(seen, size, _now(), self._shelf.clock())
        self._waiting.append(waiting)
        self._held += size
        while self._held > self._pace.room and self._waiting:
            self._lose(self._waiting.popleft())
        self._wake.set()

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
        waiting = self._waiting.popleft()
        try:
            async with asyncio.timeout(self._pace.patience):
                await self._store(waiting)
        except (StoreUnavailable, TimeoutError) as exc:
            return self._again(waiting, exc)
        except asyncio.CancelledError:
            self._waiting.appendleft(waiting)
            raise
        except Exception:  # supervisor: one odd picture must not stop those behind it
            logger.exception("an artifact could not be kept")
            self._lose(waiting)
            return True
        if self._failures:
            logger.info("the artifacts' store is back")
            self._failures = 0
        self._held -= waiting.size
        self.kept += 1
        self._tell("kept")
        return True

    def _again(self, waiting: _Waiting, exc: Exception) -> bool:
        if not self._failures:
            logger.warning("the artifacts' store is away; pictures wait in memory: %s", exc)
        self._failures += 1
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

    async def _store(self, waiting: _Waiting) -> None:
        artifact = await self._artifact(waiting)
        if artifact is None:
            return
        keys = []
        for view in waiting.seen.shown:
            keys.append(await _key_of(view, artifact))
            await self._shelf.put(keys[-1], view.content)
        await self._shelf.index.note(_uses(waiting, artifact, keys))

    async def _artifact(self, waiting: _Waiting) -> Artifact | None:
        """Return what *waiting* is of, with its bytes on the shelf; None if it was deleted."""
        seen, index = waiting.seen, self._shelf.index
        if seen.artifact is not None:
            held = await index.find(seen.artifact)
            return held.artifact if held else None
        known = await index.carried(seen.owner, seen.raw)
        if known is not None and await self._shelf.has(known.key):
            return known
        data = await _bytes(seen)
        await self._shelf.put(blob_key(seen.raw), data)
        if known is not None and known.key == blob_key(seen.raw):
            return known
        made = _carried(waiting, data)
        await index.add(made)
        return made


async def _bytes(seen: Seen) -> bytes:
    """Return the picture; a hash that is not its own would give somebody else's under its name."""
    data = seen.source if isinstance(seen.source, bytes) else await seen.source()
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    if found != seen.raw:
        raise ValueError("the bytes are not those of the hash")
    return data


def _carried(waiting: _Waiting, data: bytes) -> Artifact:
    seen = waiting.seen
    one = {view.pixels for view in seen.shown}
    width, height = seen.shown[0].original if seen.shown else (0, 0)
    return Artifact(
        id=new_id(),
        owner=seen.owner,
        raw=seen.raw,
        key=blob_key(seen.raw),
        kind=kind_of(data) or "application/octet-stream",
        size=len(data),
        width=width,
        height=height,
        pixels=one.pop() if len(one) == 1 else None,
        name="",
        created=waiting.at,
        uploaded=False,
    )


async def _key_of(view: Prepared, artifact: Artifact) -> str:
    """Return where *view* lies: with the artifact itself, if it is nothing else."""
    if len(view.content) == artifact.size:
        made = await asyncio.to_thread(lambda: hashlib.sha256(view.content).hexdigest())
        if made == artifact.sha256:
            return artifact.key
    return derived_key(view.pixels, view.recipe, view.mime)


def _uses(waiting: _Waiting, artifact: Artifact, keys: Sequence[str]) -> list[Use]:
    seen, at = waiting.seen, waiting.at
    if not seen.shown:
        return [Use(seen.request, seen.place, seen.target, 0, artifact.id, at)]
    return [
        Use(
            request=seen.request,
            place=seen.place,
            target=seen.target,
            number=number,
            artifact=artifact.id,
            seen=at,
            part=view.part,
            sheet=view.sheet,
            width=view.width,
            height=view.height,
            mime=view.mime,
            recipe=view.recipe,
            derived=key,
        )
        for number, (view, key) in enumerate(zip(seen.shown, keys, strict=True))
    ]


def _now() -> float:
    return asyncio.get_running_loop().time()
