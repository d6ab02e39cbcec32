"""What nothing refers to any more, found and forgotten: mark, wait, sweep."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from portico.artifacts.base import BLOBS, DERIVED, Stored
from portico.artifacts.shelf import Shelf
from portico.errors import StoreUnavailable

logger = logging.getLogger(__name__)

DAY = 86_400.0
LEAST_GRACE = 3_600.0
"""Seconds: longer than any upload takes, and than two clocks differ."""

BATCH = 500
DAILY = DAY

_OURS = re.compile(r"blobs/sha256/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|derived/[0-9a-f]{64}/[^/]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """
    How long what nobody needs is kept, in seconds.

    `keep_for`: pictures that a chat carried, after the last chat that did. `grace`: bytes, after
    anything referred to them or put them there.
    """

    keep_for: float = 30 * DAY
    grace: float = 7 * DAY

    def __post_init__(self) -> None:
        if self.grace < LEAST_GRACE:
            raise ValueError(f"a grace under {LEAST_GRACE:g} seconds would take what just comes")


@dataclass(frozen=True, slots=True)
class Swept:
    """What went, or would go: uses of old chats, objects in the store, and their bytes."""

    uses: int = 0
    blobs: int = 0
    derived: int = 0
    bytes: int = 0


async def sweep(shelf: Shelf, rules: Rules, *, dry_run: bool = True) -> Swept:
    """
    Forget the uses of old chats, then delete what nothing refers to; only count it in a dry run.

    Safe beside uploads: whoever is about to need a key claims it first, and what is claimed or
    referred to when its turn comes stays. Keys that are not ours are left alone.

    Raises:
        StoreUnavailable: a store is away; what was deleted so far stays deleted.
    """
    before = shelf.clock() - rules.keep_for
    index = shelf.index
    uses = await (index.expired(before) if dry_run else index.expire(before))
    counts = dict.fromkeys((BLOBS, DERIVED), 0)
    freed = 0
    for top in counts:
        async for batch in _batches(shelf, top, shelf.clock() - rules.grace):
            kept = await index.referred([stored.key for stored in batch], before)
            for stored in batch:
                if stored.key not in kept and (dry_run or await _delete(shelf, stored, rules)):
                    counts[top] += 1
                    freed += stored.size
    return Swept(uses, counts[BLOBS], counts[DERIVED], freed)


async def keep_swept(shelf: Shelf, rules: Rules, every: float = DAILY) -> None:
    """Sweep every *every* seconds, first after that time, until cancelled."""
    while True:
        await asyncio.sleep(every)
        try:
            swept = await sweep(shelf, rules, dry_run=False)
        except StoreUnavailable as exc:
            logger.warning("artifacts were not swept: %s", exc)
        except Exception:  # supervisor: the next sweep may go well
            logger.exception("the sweep of artifacts stumbled")
        else:
            logger.info("artifacts were swept: %s", swept)


async def _batches(shelf: Shelf, top: str, before: float) -> AsyncIterator[Sequence[Stored]]:
    """Give what is below *top*, is ours, and was put last before *before*."""
    batch: list[Stored] = []
    async for stored in shelf.blobs.keys(top):
        if stored.modified < before and _OURS.fullmatch(stored.key):
            batch.append(stored)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


async def _delete(shelf: Shelf, stored: Stored, rules: Rules) -> bool:
    now = shelf.clock()
    if not await shelf.index.condemn(stored.key, now, now - rules.grace):
        return False
    await shelf.blobs.delete(stored.key)
    await shelf.index.forget(stored.key)
    return True
