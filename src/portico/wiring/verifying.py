"""A backup restored into stores of its own, searched, and thrown away."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from portico.access.base import Caller
from portico.backup.base import Manifest
from portico.dispatch.errands import Errands
from portico.dispatch.recalling import Question, Recalling
from portico.dispatch.records import PLACE, Record
from portico.dispatch.remembering import Keep, Remembering
from portico.errors import ConfigError, GatewayError, NotFound, Problem
from portico.settings import Settings
from portico.settings.model import Stores
from portico.stores.guard import Guard
from portico.wiring.backing import bring_back
from portico.wiring.building import Builder
from portico.wiring.memory import memory_of
from portico.wiring.pictures import Pictures, open_pictures

SEARCHES = 100
"""Screens that are looked for: by what was said of them, and by their pictures."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The manifest of a backup that came back whole, and how many of the `searches` found it."""

    manifest: Manifest
    searches: int
    found: int


async def verify_backup(settings: Settings, file: Path) -> Verified:
    """
    Restore *file* into embedded stores of its own, compare, and look for SEARCHES screens in it.

    Nothing of *settings*' stores is read or written, and no model is asked.

    Raises:
        ConfigError: it is damaged, does not come back as it was, or a screen is not found.
    """
    with TemporaryDirectory(prefix="portico-verify-") as folder:
        home = Path(folder, "home")
        offline = settings.pictures.model_copy(update={"fetch": False})
        scratch = settings.model_copy(update={"stores": _stores(home), "pictures": offline})
        manifest = await bring_back(scratch, home, file, force=False)
        async with _recalling(scratch, home) as (recalling, pictures):
            records = await _some(pictures)
            there = [await _indexed(recalling, one) for one in records]
            found = [
                known and await _found(recalling, pictures, one)
                for known, one in zip(there, records, strict=True)
            ]
    if not all(found):
        lost = f"{found.count(False)} of {len(found)} screens are not found in what came back"
        raise ConfigError((Problem(lost, remedy="take another backup"),))
    return Verified(manifest, len(found), sum(found))


def _stores(home: Path) -> Stores:
    return Stores.model_validate(
        {
            "ledger": f"sqlite:///{home}/ledger.db",
            "traces": f"sqlite:///{home}/traces.db",
            "artifacts": f"file:///{home}/artifacts",
            "memory": f"local:///{home}/memory",
        }
    )


@asynccontextmanager
async def _recalling(settings: Settings, home: Path) -> AsyncIterator[tuple[Recalling, Pictures]]:
    async with AsyncExitStack() as stack:
        builder = Builder("")  # of pools that nobody uses: nothing is fetched
        stack.push_async_callback(builder.aclose)
        opening = open_pictures(settings, home, builder)
        pictures = await stack.enter_async_context(opening)
        memory = await stack.enter_async_context(memory_of(settings))
        errands = await stack.enter_async_context(Errands())
        keep = Keep(pictures.archive, pictures.blobs, pictures.intake)
        remembering = Remembering(memory, keep, errands, None, Guard("the memory"))
        yield Recalling(remembering, pictures.archive, pictures.intake), pictures


async def _some(pictures: Pictures) -> Sequence[Record]:
    """Return a record of each of SEARCHES artifacts that are there, from all over the store."""
    keys = sorted([stored.key async for stored in pictures.blobs.keys(PLACE)])
    chosen: dict[str, Record] = {}
    for key in keys[:: max(1, len(keys) // SEARCHES)]:
        record = msgspec.json.decode(await pictures.blobs.get(key), type=Record)
        try:
            await pictures.archive.find(record.artifact, record.owner)
        except NotFound:
            continue  # its artifact was deleted before the backup was made
        chosen.setdefault(record.artifact, record)
    return list(chosen.values())[:SEARCHES]


async def _indexed(recalling: Recalling, record: Record) -> bool:
    """Return whether *record* can be found at all: its picture may be none, or not be there."""
    try:
        return await recalling.remembering.index([record], Caller()) == 1
    except GatewayError:
        return False


async def _found(recalling: Recalling, pictures: Pictures, record: Record) -> bool:
    caller = Caller(owner=record.owner)
    held = await pictures.archive.find(record.artifact, record.owner)
    picture = await pictures.archive.read(held)
    asked = Question("verify", caller, record.text, picture, limit=SEARCHES)
    hits = (await recalling.find(asked)).hits
    return any(hit.artifact == record.artifact for hit in hits)  # once, whoever showed it
