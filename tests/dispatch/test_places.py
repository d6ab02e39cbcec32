import asyncio

import pytest

from portico.dispatch.places import Places
from portico.errors import Overloaded, QuotaExceeded
from portico.routing.tiers import Target

pytestmark = pytest.mark.anyio

ONE = Target("one", "up", "m", max_concurrency=1)
TWO = Target("two", "up", "m", max_concurrency=1)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_place_is_free_until_it_is_taken_and_again_when_it_is_given_back() -> None:
    places = Places()
    places.take(ONE)

    assert not places.free(ONE)
    assert places.under_way() == {"one": 1}
    places.give_back(ONE)
    assert places.free(ONE)
    assert places.under_way() == {}


async def test_a_freed_place_calls_who_waits_for_that_target() -> None:
    places = Places()
    places.take(ONE)
    places.take(TWO)
    first = asyncio.create_task(places.wait([ONE], "a", 5))
    second = asyncio.create_task(places.wait([TWO], "b", 5))
    await settle()
    places.give_back(TWO)
    await settle()

    assert second.done()
    assert not first.done()
    places.give_back(ONE)
    await first


async def test_the_caller_with_least_under_way_is_called_first() -> None:
    places = Places()
    for _ in range(3):
        await places.enter("busy")
    places.take(ONE)
    busy = asyncio.create_task(places.wait([ONE], "busy", 5))
    await settle()
    quiet = asyncio.create_task(places.wait([ONE], "quiet", 5))
    await settle()
    places.give_back(ONE)
    await settle()

    assert quiet.done()
    assert not busy.done()
    busy.cancel()


async def test_whoever_is_called_and_leaves_lets_the_next_come() -> None:
    places = Places()
    places.take(ONE)
    leaving = asyncio.create_task(places.wait([ONE], "a", 5))
    await settle()
    staying = asyncio.create_task(places.wait([ONE], "b", 5))
    await settle()
    places.give_back(ONE)
    leaving.cancel()
    await asyncio.wait({leaving})

    await asyncio.wait_for(staying, 1)


async def test_a_full_queue_takes_nobody_else() -> None:
    places = Places(max_waiting=1)
    places.take(ONE)
    waiting = asyncio.create_task(places.wait([ONE], "a", 5))
    await settle()

    with pytest.raises(Overloaded) as refused:
        await places.wait([ONE], "b", 5)

    assert refused.value.retry_after == 1
    waiting.cancel()


async def test_nobody_waits_for_ever() -> None:
    places = Places()
    places.take(ONE)

    with pytest.raises(Overloaded, match="within"):
        await places.wait([ONE], "a", 0.01)


async def test_a_caller_has_only_so_many_under_way() -> None:
    places = Places(per_caller=2)
    await places.enter("a")
    await places.enter("a")
    await places.enter("b")

    with pytest.raises(QuotaExceeded) as refused:
        await places.enter("a", seconds=0.01)

    assert refused.value.retry_after == 1
    third = asyncio.create_task(places.enter("a", seconds=5))
    await settle()
    places.leave("a")
    await asyncio.wait_for(third, 1)


async def test_a_process_that_shares_with_nobody_claims_what_it_likes() -> None:
    assert await Places().claim(ONE) is True
