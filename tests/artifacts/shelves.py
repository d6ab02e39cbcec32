"""A shelf for tests: files and SQLite in a folder, a clock to turn, a store that can go away."""

import asyncio
import functools
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from portico.artifacts.base import Span, Stored
from portico.artifacts.files import Files, open_files
from portico.artifacts.images import open_picture, prepare
from portico.artifacts.keeping import Pace
from portico.artifacts.pictures import Picture, Prepared
from portico.artifacts.profiles import PROFILES
from portico.artifacts.seen import Seen
from portico.artifacts.shelf import Shelf
from portico.artifacts.sqlite import open_sqlite
from portico.errors import StoreUnavailable
from tests.artifacts import odd

NOON = 1_790_000_000.0
PACE = Pace(room=5_000_000, patience=5.0, retry=0.01, slowest=0.02, hold=0.3, closing=0.5)
PNG = odd.saved(odd.screen(), "PNG")
JPEG = odd.saved(odd.screen(), "JPEG", quality=90)


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Fragile:
    """Blobs in files that are counted, and may be away, or slow."""

    def __init__(self, files: Files) -> None:
        self.away = False
        self.hangs = False
        self.puts: list[str] = []
        self._files = files

    async def put(self, key: str, data: bytes, *, lasting: bool = True) -> None:
        await self._asked()
        await self._files.put(key, data)
        self.puts.append(key)

    async def get(self, key: str, span: Span | None = None) -> bytes:
        await self._asked()
        return await self._files.get(key, span)

    async def size(self, key: str) -> int:
        await self._asked()
        return await self._files.size(key)

    async def delete(self, key: str) -> None:
        await self._asked()
        await self._files.delete(key)

    async def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        await self._asked()
        async for stored in self._files.keys(prefix):
            yield stored

    async def _asked(self) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise StoreUnavailable("the store of this test is away", retry_after=1)


class Kept:
    """The shelf, and its parts as tests want them."""

    def __init__(self, shelf: Shelf, blobs: Fragile, clock: Clock) -> None:
        self.shelf, self.blobs, self.clock = shelf, blobs, clock

    async def listed(self, prefix: str = "") -> list[str]:
        return sorted([stored.key async for stored in self.blobs.keys(prefix)])


@asynccontextmanager
async def kept_in(folder: Path) -> AsyncIterator[Kept]:
    clock = Clock()
    async with open_files(folder / "files") as files, open_sqlite(folder / "a.db") as index:
        blobs = Fragile(files)
        yield Kept(Shelf(blobs, index, clock), blobs, clock)


async def opened(data: bytes) -> Picture:
    return await asyncio.to_thread(functools.partial(open_picture, data))


def raw(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def shown(data: bytes) -> tuple[Prepared, ...]:
    return tuple(prepare(open_picture(data), PROFILES["gemini"]))


def seen(data: bytes, request: str = "req_1", owner: str | None = "ann", **more: object) -> Seen:
    fields: dict[str, object] = {"source": data, "place": "messages[0].content[1]", **more}
    return Seen(request=request, owner=owner, target="gemini-3-flash", raw=raw(data), **fields)  # type: ignore[arg-type]  # as above
