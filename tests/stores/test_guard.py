"""The one way to call a store: within a deadline, and not at all while it is away."""

import asyncio
import logging

import pytest

from portico.errors import NotFound, StoreUnavailable
from portico.stores.breaker import Bounds, Breaker
from portico.stores.guard import Guard
from tests.stores.test_breaker import Clock

pytestmark = pytest.mark.anyio


async def fine() -> int:
    return 7


async def broken() -> int:
    raise StoreUnavailable("it broke")


async def for_ever() -> int:
    return await asyncio.get_running_loop().create_future()


async def missing() -> int:
    raise NotFound("no such row")


async def shut(guard: Guard) -> None:
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="it broke"):
            await guard.call(broken)


async def test_what_the_store_answers_is_returned() -> None:
    guard = Guard("the shelf")
    assert await guard.call(fine) == 7
    assert (guard.asked, guard.late, guard.spared, guard.away) == (1, 0, 0, False)


async def test_a_store_that_never_answers_costs_its_deadline_five_times_and_then_nothing() -> None:
    guard = Guard("the shelf")
    for _ in range(50):
        with pytest.raises(StoreUnavailable) as caught:
            await guard.call(for_ever, 0.01)
        assert caught.value.retry_after
    assert (guard.asked, guard.late, guard.spared) == (5, 5, 45)
    assert guard.away
    assert guard.why == "the shelf did not answer within 0.01 s"


async def test_a_store_that_is_back_is_found_by_one_probe(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    guard = Guard("the shelf", Breaker(Bounds(), clock))
    with caplog.at_level(logging.INFO):
        await shut(guard)
        with pytest.raises(StoreUnavailable, match="the shelf is away: it broke"):
            await guard.call(fine)
        clock.now += 1
        assert await guard.call(fine) == 7
    assert not guard.away
    assert [record.message for record in caplog.records] == [
        "the shelf is away and is asked only now and then: it broke",
        "the shelf is back",
    ]


async def test_while_one_probes_nobody_else_waits() -> None:
    clock = Clock()
    guard = Guard("the shelf", Breaker(Bounds(), clock))
    await shut(guard)
    clock.now += 1
    probe = asyncio.create_task(guard.call(for_ever, 5))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="away"):
        await guard.call(fine)
    probe.cancel()
    await asyncio.wait({probe})
    assert await guard.call(fine) == 7


async def test_what_is_no_fault_of_the_store_is_not_held_against_it() -> None:
    guard = Guard("the shelf")
    for _ in range(10):
        with pytest.raises(NotFound):
            await guard.call(missing)
    assert not guard.away
