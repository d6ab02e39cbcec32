"""What has outlived its time, store by store: counted, or deleted."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Protocol

from portico.artifacts.base import Blobs, Stored
from portico.artifacts.index import Index
from portico.artifacts.shelf import Shelf
from portico.artifacts.sweep import DAILY, Rules
from portico.artifacts.sweep import sweep as swept
from portico.dispatch.descriptions import DESCRIBED
from portico.dispatch.overflowing import TOLD, request_of
from portico.dispatch.records import PLACE
from portico.erasure.base import Counts, Opener, Report, told
from portico.errors import GatewayError
from portico.memory.base import Gone, Memory
from portico.traces.base import DAY, TraceStore

log = logging.getLogger(__name__)

GRACE = DAY
"""Seconds for which a note may be there before its artifact is known, and a draft half written."""


class Outliving(Protocol):
    """One place where things outlive their time. `sweep` raises StoreUnavailable and OSError."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    async def sweep(self, *, dry_run: bool) -> Counts:
        """Delete what has outlived its time, or only count it."""
        ...


async def sweep(places: Sequence[Outliving], *, dry_run: bool) -> Report:
    """Sweep *places*, each as far as it answers."""
    done = [await told(one.name, partial(one.sweep, dry_run=dry_run)) for one in places]
    return Report(dry_run=dry_run, places=tuple(done))


@dataclass(frozen=True, slots=True)
class Expired:
    """Traces whose day has come, whichever life they had."""

    store: Opener[TraceStore]
    name: str = "traces"

    async def sweep(self, *, dry_run: bool) -> Counts:
        """See Outliving."""
        async with self.store() as store:
            return {"traces": await store.sweep(dry_run=dry_run)}


@dataclass(frozen=True, slots=True)
class Unreferred:
    """Pictures of old chats, and bytes that nothing refers to any more."""

    index: Opener[Index]
    blobs: Opener[Blobs]
    rules: Rules
    name: str = "artifacts"

    async def sweep(self, *, dry_run: bool) -> Counts:
        """See Outliving."""
        async with self.index() as index, self.blobs() as blobs:
            return asdict(await swept(Shelf(blobs, index), self.rules, dry_run=dry_run))


@dataclass(frozen=True, slots=True)
class Notes:
    """What was said of pictures that are gone, and what finds it; descriptions as old as those."""

    index: Opener[Index]
    blobs: Opener[Blobs]
    memory: Opener[Memory]
    keep_for: float
    name: str = "memory"

    async def sweep(self, *, dry_run: bool) -> Counts:
        """See Outliving."""
        now, records, gone = time.time(), 0, set[str]()
        async with self.index() as index, self.blobs() as blobs, self.memory() as memory:
            async for artifact, notes in _by_artifact(blobs):
                old = all(note.modified < now - GRACE for note in notes)
                if old and await index.find(artifact) is None:
                    gone.add(artifact)
                    records += len(notes)
            points = await memory.erase(Gone(frozenset(gone)), dry_run=dry_run) if gone else 0
            outdated = [
                one async for one in blobs.keys(DESCRIBED) if one.modified < now - self.keep_for
            ]
            if not dry_run:
                await _delete(blobs, sorted(gone), outdated)
        return {"points": points, "records": records, "descriptions": len(outdated)}


async def _by_artifact(blobs: Blobs) -> AsyncIterator[tuple[str, list[Stored]]]:
    """Give artifacts that anything was said of, with the records of it."""
    found = [stored async for stored in blobs.keys(PLACE)]
    found.sort(key=lambda one: one.key)
    for artifact, notes in groupby(found, key=lambda one: one.key.split("/")[1]):
        yield artifact, list(notes)


async def _delete(blobs: Blobs, artifacts: Sequence[str], outdated: Sequence[Stored]) -> None:
    for artifact in artifacts:
        for key in [stored.key async for stored in blobs.keys(f"{PLACE}/{artifact}")]:
            await blobs.delete(key)
    for stored in outdated:
        await blobs.delete(stored.key)


@dataclass(frozen=True, slots=True)
class Stories:
    """Long stories whose trace has expired; that of a pinned one stays as long as it does."""

    store: Opener[TraceStore]
    blobs: Opener[Blobs]
    name: str = "long stories"

    async def sweep(self, *, dry_run: bool) -> Counts:
        """See Outliving."""
        before = time.time() - GRACE
        async with self.blobs() as blobs, self.store() as store:
            old = [one async for one in blobs.keys(TOLD) if one.modified < before]
            gone = [one for one in old if await store.find(request_of(one.key)) is None]
            for stored in () if dry_run else gone:
                await blobs.delete(stored.key)
        return {"stories": len(gone), "bytes": sum(stored.size for stored in gone)}


@dataclass(frozen=True, slots=True)
class Drafts:
    """Files that were half written when their process died."""

    home: Path
    name: str = "spools"

    async def sweep(self, *, dry_run: bool) -> Counts:
        """See Outliving."""
        return {"drafts": await asyncio.to_thread(self._sweep, dry_run)}

    def _sweep(self, dry_run: bool) -> int:
        before, count = time.time() - GRACE, 0
        for folder in ("spool", "traces-spool"):
            for path in (self.home / folder).glob("*.draft"):
                if path.stat().st_mtime < before:
                    count += 1
                    if not dry_run:
                        path.unlink(missing_ok=True)
        return count


async def keep_swept(place: Outliving, every: float = DAILY) -> None:
    """Sweep *place* every *every* seconds, first after that time, until cancelled."""
    while True:
        await asyncio.sleep(every)
        try:
            counts = await place.sweep(dry_run=False)
        except GatewayError as exc:
            log.warning("%s was not swept: %s", place.name, exc)
        except Exception:  # supervisor: the next sweep may go well
            log.exception("the sweep of %s stumbled", place.name)
        else:
            log.info("%s was swept", place.name, extra={"fields": dict(counts)})
