"""What takes pictures in, shows them to models, and keeps them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portico.artifacts.addresses import Rules
from portico.artifacts.archive import Archive, open_archive
from portico.artifacts.base import Blobs
from portico.artifacts.fetch import Bounds, Fetcher
from portico.artifacts.files import open_files, path_of
from portico.artifacts.pictures import Likeness, Limits
from portico.artifacts.shelf import Shelf
from portico.artifacts.sqlite import open_sqlite
from portico.artifacts.sweep import Rules as Keeping
from portico.artifacts.sweep import Swept, keep_swept
from portico.artifacts.taking import Intake
from portico.dispatch.eyes import Eyes
from portico.egress.dialling import Dialler
from portico.egress.hosts import Hosts
from portico.errors import ConfigError, Problem
from portico.settings import Settings
from portico.settings.addresses import endpoint
from portico.vision.likeness import likeness
from portico.wiring.building import Builder, hosts, way

if TYPE_CHECKING:
    from PIL import Image

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Everything about pictures that is open; `away` says whether the store of artifacts is."""

    intake: Intake
    eyes: Eyes
    archive: Archive
    blobs: Blobs
    keeping: Keeping
    belong: Callable[[Hosts], None]
    """Tells the fetcher, if there is one, which hosts are other paths'."""

    async def sweep(self, dry_run: bool) -> Swept:
        """Delete what nothing refers to, or only count it."""
        return await self.archive.swept(self.keeping, dry_run=dry_run)


@asynccontextmanager
async def open_pictures(
    settings: Settings, home: Path, builder: Builder
) -> AsyncIterator[Pictures]:
    """
    Open the intake, the eyes, and the archive behind them; pools are *builder*'s.

    Raises:
        ConfigError: the address of the bucket cannot be read.
        StoreUnavailable: the folder of artifacts cannot be written to, or a bucket has no keys.
    """
    given = settings.pictures
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(blobs_of(settings))
        index = await stack.enter_async_context(open_sqlite(home / "artifacts.db", late=True))
        shelf = Shelf(blobs, index)
        archive = await stack.enter_async_context(
            open_archive(shelf, lambda data: intake.opened(data))
        )

        async def recall(ident: str, caller: str | None) -> bytes:
            return await archive.read(await archive.find(ident, caller))

        fetcher = _fetcher(settings, builder)
        if fetcher is not None:
            stack.push_async_callback(fetcher.aclose)
        limits = Limits(bytes=int(given.largest), pixels=given.megapixels * 1_000_000)
        intake = Intake(
            fetcher.fetch if fetcher else None,
            recall,
            hands=given.workers,
            limits=limits,
            describe=_described if settings.memory.remember and given.keep else None,
        )
        stack.callback(intake.close)
        keeping = Keeping(keep_for=given.keep_days * DAY)
        sweeping = asyncio.create_task(keep_swept(shelf, keeping))
        stack.push_async_callback(_end, sweeping)
        kept = archive if given.keep else None
        eyes = Eyes(intake, int(given.memory), kept)
        belong = fetcher.belong if fetcher else lambda hosts: None
        yield Pictures(intake, eyes, archive, blobs, keeping, belong)


def _described(image: "Image.Image") -> Likeness:
    return Likeness(*likeness(image))


def blobs_of(settings: Settings) -> AbstractAsyncContextManager[Blobs]:
    """Return the store of blobs that *settings* name, to be opened; raises ConfigError."""
    url = settings.stores.artifacts.get_secret_value()
    if not url.startswith("s3:"):
        return open_files(path_of(url))
    from portico.artifacts.s3 import bucket_of, open_s3  # takes memory: only where configured

    try:
        return open_s3(bucket_of(url))
    except ValueError as exc:
        raise _unread(str(exc)) from None


def _unread(why: str) -> ConfigError:
    remedy = "write s3://bucket?endpoint=http://host:port"
    return ConfigError((Problem(why, key="stores.artifacts", remedy=remedy),))


def _fetcher(settings: Settings, builder: Builder) -> Fetcher | None:
    given = settings.pictures
    if not given.fetch:
        return None
    rules = Rules(also=frozenset(map(endpoint, given.inside)))
    bounds = Bounds(bytes=int(given.largest), total=given.fetch_within)
    path = way(given.egress, settings)
    fetcher = Fetcher(Dialler(path), rules, bounds)
    fetcher.belong(hosts(settings))
    ways = builder.pool(path).ways  # whose panic is this path's
    fetcher.heed(lambda: ways.closed)
    return fetcher


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=5)
