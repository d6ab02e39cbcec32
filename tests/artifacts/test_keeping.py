"""What chats carry is kept without making one wait: bounds, order, a store that goes and comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portico.artifacts.base import blob_key
from portico.artifacts.keeping import Keeper
from portico.artifacts.pictures import PictureRefused
from tests.artifacts.shelves import JPEG, PACE, PNG, Kept, kept_in, raw, seen

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept_in(tmp_path) as found:
        yield found


async def test_odd_ones_are_lost_alone(kept: Kept) -> None:
    async def broken() -> bytes:
        raise PictureRefused("This picture is gone.")

    told: list[str] = []
    async with Keeper(kept.shelf, told.append, PACE) as keeper:
        keeper.keep(seen(PNG, "req_1", source=broken))
        keeper.keep(seen(PNG, "req_2", source=JPEG))  # a hash that is not its own
        keeper.keep(seen(PNG, "req_3"))
        await keeper.flush()
        assert (keeper.kept, keeper.lost, keeper.held) == (1, 2, 0)
    assert told == ["lost", "lost", "kept"]
    assert await kept.listed() == [blob_key(raw(PNG))]
    assert len(await kept.shelf.index.uses("req_3")) == 1


async def test_what_there_is_no_room_for_is_lost_oldest_first(kept: Kept) -> None:
    kept.blobs.away = True
    keeper = Keeper(kept.shelf, pace=PACE)
    for number in range(10):
        keeper.keep(seen(PNG, f"req_{number}", source=b"x" * 1_000_000))
    assert (keeper.lost, keeper.held) == (6, 4 * 1_001_000)
    keeper.keep(seen(PNG, "huge", source=b"x" * 6_000_000))
    assert (keeper.lost, keeper.held) == (11, 0)
    await keeper.aclose()


async def test_while_the_store_is_away_pictures_wait_and_nobody_else(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=replace(PACE, hold=60)) as keeper:
        kept.blobs.away = True
        keeper.keep(seen(PNG))
        await until(lambda: keeper.store_away)
        keeper.keep(seen(JPEG, "req_2"))
        await keeper.flush()
        assert (keeper.kept, keeper.lost, keeper.store_away) == (0, 0, True)
        kept.blobs.away = False
        await until(lambda: keeper.kept == 2)
        assert (keeper.lost, keeper.store_away, keeper.held) == (0, False, 0)
    assert await kept.listed() == sorted([blob_key(raw(PNG)), blob_key(raw(JPEG))])


async def test_what_waited_too_long_is_given_up_and_counted(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=PACE) as keeper:
        kept.blobs.away = True
        keeper.keep(seen(PNG))
        keeper.keep(seen(JPEG))
        await until(lambda: keeper.lost == 2)
        assert keeper.held == 0


async def test_a_store_that_hangs_is_away_too(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=replace(PACE, patience=0.1, hold=60)) as keeper:
        kept.blobs.hangs = True
        keeper.keep(seen(PNG))
        await until(lambda: keeper.store_away)
        kept.blobs.hangs = False
        await until(lambda: keeper.kept == 1)


async def test_on_the_way_out_everything_is_brought_to_the_store(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=PACE) as keeper:
        for number in range(20):
            keeper.keep(seen(PNG, f"req_{number}"))
    assert (keeper.kept, keeper.lost) == (20, 0)


async def test_a_store_that_hangs_holds_nobody_up_on_the_way_out(kept: Kept) -> None:
    async with asyncio.timeout(20), Keeper(kept.shelf, pace=replace(PACE, patience=60)) as keeper:
        kept.blobs.hangs = True
        keeper.keep(seen(PNG))
        keeper.keep(seen(JPEG))
        await asyncio.sleep(0.05)
    assert (keeper.kept, keeper.lost, keeper.held) == (0, 2, 0)


async def until(done: Callable[[], bool]) -> None:
    """Wait for what a background task is about to do."""
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
