"""What chats carry is kept without making one wait: bounds, order, a store that goes and comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from portico.artifacts.base import blob_key
from portico.artifacts.index import Index
from portico.artifacts.keeping import BATCH, Keeper
from portico.artifacts.pictures import PictureRefused
from portico.artifacts.recent import FRESH, Recent
from portico.artifacts.seen import COST, carried
from portico.errors import StoreUnavailable
from tests.artifacts.shelves import JPEG, NOON, PACE, PNG, Kept, kept_in, raw, seen, shown

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


async def test_what_was_kept_a_moment_ago_is_only_noted(kept: Kept) -> None:
    asked = []

    async def source() -> bytes:
        asked.append(1)
        return PNG

    async with Keeper(kept.shelf, pace=replace(PACE, gather=0.0)) as keeper:
        views = shown(PNG)
        keeper.keep(seen(PNG, "req_0", source=source, shown=views))
        await keeper.flush()
        for number in range(1, BATCH + 5):
            keeper.keep(seen(PNG, f"req_{number}", source=source, weight=10**9, shown=views))
        assert keeper.held == (BATCH + 4) * COST, "nothing of the picture is held"
        await keeper.flush()
        assert (keeper.kept, keeper.lost, keeper.held) == (BATCH + 5, 0, 0)
    found = [await kept.shelf.index.uses(f"req_{number}") for number in (0, 1, BATCH + 4)]
    assert len({use.artifact for uses in found for use in uses}) == 1
    assert [len(uses) for uses in found] == [1, 1, 1]
    assert (len(asked), len(kept.blobs.puts)) == (1, 1)


async def test_each_owner_and_each_recipe_is_kept_for_itself(kept: Kept) -> None:
    (whole,) = shown(PNG)
    small = replace(whole, recipe="small", content=b"small")
    async with Keeper(kept.shelf, pace=PACE) as keeper:
        for request, owner, view in (("1", "ann", whole), ("2", "bob", whole), ("3", "ann", small)):
            keeper.keep(seen(PNG, request, owner, shown=(view,)))
            await keeper.flush()
    first, others, again = [(await kept.shelf.index.uses(request))[0] for request in "123"]
    assert first.artifact == again.artifact != others.artifact
    assert await kept.blobs.get(again.derived) == b"small"


async def test_an_artifact_that_was_deleted_elsewhere_is_made_anew(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=PACE) as keeper:
        keeper.keep(seen(PNG, "req_1"))
        await keeper.flush()
        (use,) = await kept.shelf.index.uses("req_1")
        await kept.shelf.index.remove(use.artifact)
        for request in ("req_2", "req_3"):
            keeper.keep(seen(PNG, request))
            await keeper.flush()
    assert await kept.shelf.index.uses("req_2") == [], "its owner took it away meanwhile"
    (anew,) = await kept.shelf.index.uses("req_3")
    assert anew.artifact != use.artifact


async def test_after_a_while_the_index_is_asked_again(kept: Kept) -> None:
    async with Keeper(kept.shelf, pace=PACE) as keeper:
        keeper.keep(seen(PNG, "req_1"))
        await keeper.flush()
        await kept.shelf.index.lost(blob_key(raw(PNG)))
        for after, puts in ((FRESH - 1, 1), (1, 2)):
            kept.clock.now += after
            keeper.keep(seen(PNG, "req_2"))
            await keeper.flush()
            assert len(kept.blobs.puts) == puts


async def test_notes_wait_for_an_index_that_is_away(kept: Kept) -> None:
    index = Away(kept.shelf.index)
    shelf = replace(kept.shelf, index=cast("Index", index))
    async with Keeper(shelf, pace=replace(PACE, hold=60, gather=0.0)) as keeper:
        keeper.keep(seen(PNG, "req_0"))
        await keeper.flush()
        index.away = True
        for number in (1, 2):
            keeper.keep(seen(PNG, f"req_{number}"))
        await until(lambda: keeper.store_away)
        index.away = False
        await until(lambda: keeper.kept == 3)
    for number in range(3):
        assert len(await kept.shelf.index.uses(f"req_{number}")) == 1


def test_only_so_many_places_are_remembered() -> None:
    recent = Recent(most=2)
    for owner in ("ann", "bob", "eve"):
        one = seen(PNG, owner=owner)
        recent.keep(one, carried(one, PNG, NOON), (), NOON)
    found = [recent.find(seen(PNG, owner=owner), NOON) for owner in ("ann", "bob", "eve")]
    assert [place is not None for place in found] == [False, True, True]
    assert recent.find(seen(PNG, owner="eve"), NOON - 1) is None, "a clock that was put back"
    recent.forget(blob_key(raw(PNG)))
    assert recent.find(seen(PNG, owner="eve"), NOON) is None


class Away:
    """An index that is away when it is told so."""

    def __init__(self, index: Index) -> None:
        self.away = False
        self._index = index

    def __getattr__(self, name: str) -> object:
        if self.away:
            raise StoreUnavailable("the index of this test is away")
        return getattr(self._index, name)


async def until(done: Callable[[], bool]) -> None:
    """Wait for what a background task is about to do."""
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
