"""When a store that takes batches is asked, and what is said of it."""

import asyncio
import logging

import pytest

from portico.errors import StoreUnavailable
from portico.stores.delivery import Delivery

pytestmark = pytest.mark.anyio


class Door:
    """What a batch is given to; counts how often."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: BaseException | None = None
        self.hangs = False

    async def take(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble


def delivery(retry: float = 60, patience: float = 5) -> Delivery:
    return Delivery("the store", "batches wait", patience, retry)


async def test_a_store_that_is_there_is_asked_each_time() -> None:
    door, one = Door(), delivery()
    assert [await one.give(door.take) for _ in range(3)] == [True, True, True]
    assert (door.asked, one.away, one.wait) == (3, False, 0)


@pytest.mark.parametrize("hangs", [True, False])
async def test_one_that_fails_or_hangs_is_left_alone_until_it_is_time(hangs: bool) -> None:
    door, one = Door(), delivery(patience=0.01)
    door.hangs, door.trouble = hangs, StoreUnavailable("gone fishing")
    assert [await one.give(door.take) for _ in range(3)] == [False, False, False]
    assert (door.asked, one.away) == (1, True)
    assert 0 < one.wait <= 60


async def test_it_is_said_once_that_it_goes_and_once_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    door, one = Door(), delivery(retry=1e-9)
    door.trouble = StoreUnavailable("gone fishing")
    for _ in range(3):
        assert not await one.give(door.take)
    door.trouble = None
    for _ in range(2):
        assert await one.give(door.take)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["the store is away; batches wait: gone fishing", "the store is back"]
    assert not one.away


async def test_what_is_no_trouble_of_the_stores_goes_on_to_whom_it_concerns() -> None:
    door, one = Door(), delivery()
    door.trouble = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        await one.give(door.take)
    assert not one.away
    one.postpone()
    assert one.away
    one.postpone(1e9)
    assert one.wait > 1e8
