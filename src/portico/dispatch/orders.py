"""What a person has ordered of targets: kept in a file, obeyed by every process that shares it."""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portico.errors import StoreUnavailable

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between looks at the file: so long may another process go by an older order."""


class Order(Struct, frozen=True):
    """Since when (epoch seconds), by whose key (None: nobody needs one), and why."""

    since: float
    by: str | None = None
    why: str = ""


class Page(Struct, frozen=True):
    """
    The whole file: targets that are not to be asked, and simulated ones that are to be down.

    Names of targets that are gone stay: a catalog may have them again.
    """

    parked: dict[str, Order] = {}
    down: dict[str, Order] = {}


type Obey = Callable[[Page], None]


class Orders:
    """One process's hand on the file. `obey` is called with every change, on the event loop."""

    def __init__(self, path: Path, obey: Obey) -> None:
        self.page = Page()
        self._path = path
        self._obey = obey
        self._seen: tuple[int, int] | None = None

    @property
    def parked(self) -> Mapping[str, Order]:
        """Who is not to be asked."""
        return self.page.parked

    @property
    def down(self) -> Mapping[str, Order]:
        """Which simulated targets are to be down."""
        return self.page.down

    async def park(self, target: str, order: Order | None) -> bool:
        """
        Ask *target* no more, or with None again; False if nothing changes.

        Raises:
            StoreUnavailable: the file cannot be written, and everything is as it was.
        """
        return await self._change(
            lambda page: replace(page, parked=_with(page.parked, target, order))
        )

    async def switch(self, target: str, order: Order | None) -> bool:
        """Get a simulated *target* down, or with None up again; as `park`."""
        return await self._change(lambda page: replace(page, down=_with(page.down, target, order)))

    async def look(self) -> None:
        """Obey what the file says by now."""
        stamp = await asyncio.to_thread(self._stamp)
        if stamp != self._seen:
            self._take(await asyncio.to_thread(self._read), stamp)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def _change(self, change: Callable[[Page], Page]) -> bool:
        before = self.page
        try:
            page, stamp = await asyncio.to_thread(self._write, change)
        except OSError as exc:
            told = f"The order cannot be kept: {self._path.name}: {exc.strerror}."
            raise StoreUnavailable(told) from exc
        self._take(page, stamp)
        return page != before

    def _take(self, page: Page, stamp: tuple[int, int] | None) -> None:
        self._seen = stamp
        if page != self.page:
            self.page = page
            self._obey(page)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _read(self) -> Page:
        """Return the file; one that cannot be read is as good as the last that could."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Page)
        except FileNotFoundError:
            return Page()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as exc:
            log.warning("%s cannot be read, orders stay as they are: %s", self._path.name, exc)
            return self.page

    def _write(self, change: Callable[[Page], Page]) -> tuple[Page, tuple[int, int] | None]:
        """Change what the file says by now, and replace it as a whole."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "wb", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            page = change(self._read())
            draft = self._path.with_suffix(f".{os.getpid()}.draft")
            with open(draft, "wb", opener=_private) as file:
                file.write(msgspec.json.format(msgspec.json.encode(page), indent=1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            return page, self._stamp()


@asynccontextmanager
async def open_orders(path: Path, obey: Obey) -> AsyncIterator[Orders]:
    """Obey what *path* holds, and every change of it, until the context ends."""
    orders = Orders(path, obey)
    await orders.look()
    looking = asyncio.create_task(orders.run(), name="orders")
    try:
        yield orders
    finally:
        looking.cancel()
        await asyncio.wait({looking}, timeout=5)


def _with(orders: Mapping[str, Order], name: str, order: Order | None) -> dict[str, Order]:
    rest = {known: one for known, one in orders.items() if known != name}
    return rest if order is None else {**rest, name: order}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
