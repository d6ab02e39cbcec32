"""What nothing refers to is found and forgotten, and nothing else, whoever uploads meanwhile."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from portico.artifacts.archive import Archive, open_archive
from portico.artifacts.base import blob_key
from portico.artifacts.sweep import DAY, LEAST_GRACE, Rules, Swept, keep_swept, sweep
from portico.errors import NotFound
from tests.artifacts import odd
from tests.artifacts.shelves import JPEG, PACE, PNG, Kept, kept_in, opened, raw, seen, shown

pytestmark = pytest.mark.anyio

RULES = Rules(keep_for=30 * DAY, grace=7 * DAY)
PAGE = odd.saved(odd.page(400, 6000), "PNG")


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept_in(tmp_path) as found:
        yield found


@pytest.fixture
async def archive(kept: Kept) -> AsyncIterator[Archive]:
    async with open_archive(kept.shelf, opened, pace=PACE) as found:
        yield found


def put_at(folder: Path, when: float) -> None:
    """Let every file be as old as the clock of these tests says."""
    for path in folder.glob("files/**/*"):
        os.utime(path, (when, when))


def test_a_grace_that_takes_what_just_comes_is_refused() -> None:
    with pytest.raises(ValueError, match="grace"):
        Rules(grace=LEAST_GRACE - 1)


async def test_what_was_deleted_goes_when_the_grace_is_over(
    archive: Archive, kept: Kept, tmp_path: Path
) -> None:
    made, other = await archive.add(PNG, "ann"), await archive.add(JPEG, "ann")
    await archive.delete(made.id, "ann")
    put_at(tmp_path, kept.clock.now)
    kept.clock.now += 6 * DAY
    assert await sweep(kept.shelf, RULES, dry_run=False) == Swept()
    kept.clock.now += 2 * DAY
    gone = Swept(blobs=1, bytes=len(PNG))
    assert await sweep(kept.shelf, RULES) == gone
    assert len(await kept.listed()) == 2
    assert await sweep(kept.shelf, RULES, dry_run=False) == gone
    assert await kept.listed() == [other.key]
    assert await sweep(kept.shelf, RULES, dry_run=False) == Swept()


async def test_an_upload_stays_for_ever_and_shared_bytes_until_the_last_goes(
    archive: Archive, kept: Kept, tmp_path: Path
) -> None:
    made, other = await archive.add(PNG, "ann"), await archive.add(PNG, "bob")
    await archive.delete(made.id, "ann")
    put_at(tmp_path, kept.clock.now)
    kept.clock.now += 1000 * DAY
    assert await sweep(kept.shelf, RULES, dry_run=False) == Swept()
    assert await archive.read(other) == PNG


async def test_what_chats_carried_goes_with_the_last_of_them(
    archive: Archive, kept: Kept, tmp_path: Path
) -> None:
    views = shown(PAGE)
    size = sum(len(view.content) for view in views)
    archive.keep(seen(PAGE, "req_1", shown=views))
    await archive.flush()
    put_at(tmp_path, kept.clock.now)
    kept.clock.now += 20 * DAY
    archive.keep(seen(PAGE, "req_2"))
    await archive.flush()
    kept.clock.now += 20 * DAY
    first = Swept(uses=len(views), derived=len(views), bytes=size)
    assert await sweep(kept.shelf, RULES) == first
    assert await sweep(kept.shelf, RULES, dry_run=False) == first
    assert await archive.uses("req_1") == []
    assert await kept.listed() == [blob_key(raw(PAGE))]
    (use,) = await archive.uses("req_2")
    kept.clock.now += 20 * DAY
    assert await sweep(kept.shelf, RULES, dry_run=False) == Swept(1, 1, 0, len(PAGE))
    assert await kept.listed() == []
    with pytest.raises(NotFound):
        await archive.find(use.artifact, "ann")


async def test_what_is_not_ours_is_left_alone(kept: Kept, tmp_path: Path) -> None:
    for key in ("blobs/readme", "exports/a.csv", "blobs/sha256/ab/cd/short"):
        await kept.blobs.put(key, b"x")
    orphan = blob_key(raw(b"nobody's"))
    await kept.blobs.put(orphan, b"nobody's")
    put_at(tmp_path, kept.clock.now)
    kept.clock.now += 8 * DAY
    assert await sweep(kept.shelf, RULES, dry_run=False) == Swept(blobs=1, bytes=8)
    assert await kept.listed() == ["blobs/readme", "blobs/sha256/ab/cd/short", "exports/a.csv"]


async def test_what_is_brought_again_during_a_sweep_is_there_afterwards(
    archive: Archive, kept: Kept, tmp_path: Path
) -> None:
    for _ in range(20):
        made = await archive.add(PNG, "ann")
        await archive.delete(made.id, "ann")
        put_at(tmp_path, kept.clock.now)
        kept.clock.now += 8 * DAY
        archive.keep(seen(PNG, f"req {kept.clock.now}", owner="eve"))
        again, *_ = await asyncio.gather(
            archive.add(PNG, "bob"),
            sweep(kept.shelf, RULES, dry_run=False),
            archive.flush(),
        )
        assert await archive.read(again) == PNG
        (use,) = await archive.uses(f"req {kept.clock.now}")
        assert await archive.view(use) == PNG
        await archive.delete(again.id, "bob")
        await archive.delete(use.artifact, "eve")


async def test_what_is_being_deleted_is_put_again_by_whoever_waited(
    archive: Archive, kept: Kept
) -> None:
    key = blob_key(raw(PNG))
    await archive.add(JPEG, "ann")
    assert await kept.shelf.index.condemn(key, kept.clock.now, kept.clock.now)

    async def delete() -> None:
        await asyncio.sleep(0.15)
        await kept.blobs.delete(key)
        await kept.shelf.index.forget(key)

    made, _ = await asyncio.gather(archive.add(PNG, "bob"), delete())
    assert await archive.read(made) == PNG


async def test_a_sweep_that_stumbles_is_tried_again(kept: Kept, tmp_path: Path) -> None:
    await kept.blobs.put(blob_key(raw(PNG)), PNG)
    put_at(tmp_path, kept.clock.now)
    kept.clock.now += 8 * DAY
    kept.blobs.away = True
    task = asyncio.create_task(keep_swept(kept.shelf, replace(RULES), every=0.01))
    await asyncio.sleep(0.1)
    kept.blobs.away = False
    async with asyncio.timeout(20):
        while await kept.listed():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
