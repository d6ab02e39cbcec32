"""What keeps traces: the store that the configuration names, and whoever writes to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from portico.dispatch.overflowing import WHOLE, Overflowing
from portico.dispatch.taping import Taping
from portico.settings import Settings
from portico.traces.base import Capture, Keep, TraceStore
from portico.traces.composing import Composer
from portico.traces.desk import Desk, keep_swept
from portico.traces.picturing import Kept
from portico.traces.recorder import Look, Pace, Recorder, nowhere
from portico.traces.ring import Ring
from portico.traces.sqlite import open_sqlite
from portico.traces.thumbs import Thumbs, Waiting
from portico.wiring.pictures import Pictures


@asynccontextmanager
async def open_tracing(
    settings: Settings, home: Path, known: Callable[[], Collection[str]], pictures: Pictures
) -> AsyncIterator[tuple[Thumbs, Taping]]:
    """
    Open the store of traces and the recorder before it; *known* gives our own secrets.

    Raises:
        ConfigError: the address of the store cannot be read.
    """
    given = settings.traces
    days = given.keep_days
    keep = Keep(days.background, days.interactive, days.flagged)
    async with AsyncExitStack() as stack:
        kept = await stack.enter_async_context(traces_of(settings, late=True))
        store = Overflowing(kept, pictures.blobs)
        ring = Ring(home / "traces-spool", int(given.spool))
        look = _looking(pictures) if settings.pictures.keep else nowhere
        pace = Pace(room=int(given.memory), retry=settings.stores.retry)
        recording = Recorder(store, ring, Composer(keep, known, WHOLE), look, pace)
        recorder = await stack.enter_async_context(recording)
        sweeping = asyncio.create_task(keep_swept(store), name="traces sweeper")
        stack.push_async_callback(_end, sweeping)
        thumbs = Thumbs(
            Desk(store, recorder, keep, pictures.archive.hold), Waiting(home / "thumbs")
        )
        joining = asyncio.create_task(thumbs.keep_joining(), name="thumbs that wait")
        stack.push_async_callback(_end, joining)
        yield thumbs, Taping(recorder, Capture(given.capture))


def traces_of(settings: Settings, *, late: bool = False) -> AbstractAsyncContextManager[TraceStore]:
    """Return the store of traces that *settings* name, to be opened; a file also *late*."""
    url = settings.stores.traces.get_secret_value()
    if url.startswith("mongodb"):
        from portico.traces.mongo import open_mongo  # takes memory: only where configured

        return open_mongo(url)
    if url.startswith("postgres"):
        from portico.traces.postgres import open_postgres

        return open_postgres(url)
    return open_sqlite(Path(url.partition(":///")[2]), late=late)


def _looking(pictures: Pictures) -> Look:
    async def look(request: str) -> Kept:
        await pictures.archive.flush()
        return {use.place: use.artifact for use in await pictures.archive.uses(request)}

    return look


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=5)
