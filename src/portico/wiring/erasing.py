"""Where something of somebody may be, and who looks there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from portico.access.forgetting import marks_of
from portico.artifacts.index import Index
from portico.artifacts.sqlite import open_sqlite
from portico.artifacts.sweep import Rules
from portico.erasure.base import Place, Report, Traced
from portico.erasure.forgetting import forget
from portico.erasure.keys import NOTICED, PARTLY, Keys, done, shut, whom
from portico.erasure.pictures import Pictures, Remembered
from portico.erasure.rows import Rows, Traces
from portico.erasure.sweeping import (
    Drafts,
    Expired,
    Notes,
    Outliving,
    Stories,
    Unreferred,
    keep_swept,
    sweep,
)
from portico.errors import ConfigError, StoreUnavailable
from portico.ledger.spool import Spool
from portico.settings import Settings
from portico.stores.whom import Whom
from portico.traces.ring import Ring
from portico.traces.thumbs import Waiting
from portico.wiring.keys import open_keyring
from portico.wiring.ledger import ledger_of
from portico.wiring.memory import memory_of
from portico.wiring.pictures import DAY, blobs_of
from portico.wiring.tracing import traces_of


async def forget_person(settings: Settings, home: Path, person: str, *, dry_run: bool) -> Report:
    """
    Erase *person* from every store of *settings* and from *home*, or count what there is of them.

    Raises:
        StoreUnavailable: the keys are away, which say what else is theirs.
    """
    async with open_keyring(settings, home) as ring:
        theirs = await whom(ring, person)
        if not dry_run:
            await shut(ring, theirs)
            await asyncio.sleep(NOTICED)
    traced = Traced(theirs, await _requests(settings, theirs))
    report = await forget(_places(settings, home), traced, dry_run=dry_run)
    if not dry_run and not report.done:
        await _note(settings, home, theirs, report)
    return report


async def sweep_stores(settings: Settings, home: Path, *, dry_run: bool) -> Report:
    """Delete what has outlived its time in every store of *settings*, or count it."""
    rules = Rules(keep_for=settings.pictures.keep_days * DAY)
    places: Sequence[Outliving] = (
        Expired(lambda: traces_of(settings)),
        Unreferred(lambda: index_of(home), lambda: blobs_of(settings), rules),
        _notes(settings, home),
        _stories(settings),
        Drafts(home),
    )
    return await sweep(places, dry_run=dry_run)


@asynccontextmanager
async def swept_daily(settings: Settings, home: Path) -> AsyncIterator[None]:
    """Sweep in the background what no other sweep of a serving gateway takes."""
    tasks = {
        asyncio.create_task(keep_swept(place), name=f"sweep of {place.name}")
        for place in (_notes(settings, home), _stories(settings), Drafts(home))
    }
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)


def _notes(settings: Settings, home: Path) -> Notes:
    stores = (lambda: index_of(home), lambda: blobs_of(settings), lambda: memory_of(settings))
    return Notes(*stores, keep_for=settings.pictures.keep_days * DAY)


def _stories(settings: Settings) -> Stories:
    return Stories(lambda: traces_of(settings), lambda: blobs_of(settings))


def index_of(home: Path) -> AbstractAsyncContextManager[Index]:
    """Return the index of artifacts, to be opened."""
    return open_sqlite(home / "artifacts.db")


def _places(settings: Settings, home: Path) -> Sequence[Place]:
    return (
        Traces(lambda: traces_of(settings), Ring(home / "traces-spool"), Waiting(home / "thumbs")),
        Remembered(lambda: index_of(home), lambda: memory_of(settings)),
        Pictures(lambda: index_of(home), lambda: blobs_of(settings)),
        Rows(lambda: ledger_of(settings), Spool(home / "spool")),
        Keys(lambda: open_keyring(settings, home), home),
    )


async def _requests(settings: Settings, theirs: Whom) -> frozenset[str]:
    """Return the ids of their requests; none from a ledger that is away, which the report says."""
    try:
        async with ledger_of(settings) as ledger:
            return frozenset(await ledger.requests_of(theirs))
    except (StoreUnavailable, ConfigError):
        return frozenset()


async def _note(settings: Settings, home: Path, theirs: Whom, report: Report) -> None:
    left = [place.place for place in report.places if place.left]
    async with open_keyring(settings, home) as ring:
        mark = min(marks_of(theirs, await ring.sealing()).values())
        await ring.store.note(done(PARTLY, mark, {"left": left}))
