"""One timer bounds many waits in a row, as exactly as one timer each would."""

import asyncio

import pytest

from portico.dispatch.clock import Clock

pytestmark = pytest.mark.anyio

NEVER = 3600.0


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_wait_that_takes_too_long_is_a_timeout() -> None:
    with pytest.raises(TimeoutError), Clock().within(0.01):
        await forever()


async def test_what_was_raised_inside_is_raised() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="mine"), clock.within(NEVER):
        raise ValueError("mine")
    clock.stop()


async def test_a_ring_while_nobody_waits_interrupts_nobody() -> None:
    clock = Clock()
    with clock.within(0.01):
        pass
    await asyncio.sleep(0.03)
    with pytest.raises(TimeoutError), clock.within(0.01):
        await forever()


async def test_a_shorter_wait_after_a_longer_one_does_not_wait_for_the_longer() -> None:
    clock = Clock()
    with clock.within(NEVER):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), clock.within(0.01):
        await forever()


async def test_a_longer_wait_after_a_shorter_one_is_given_all_its_time() -> None:
    clock = Clock()
    with clock.within(0.01):
        pass
    with clock.within(NEVER):
        await asyncio.sleep(0.03)
    clock.stop()


async def test_many_waits_take_one_timer() -> None:
    clock, timers = Clock(), set[object]()
    for _ in range(100):
        with clock.within(NEVER):
            await asyncio.sleep(0)
        timers.add(clock._timer)
    assert len(timers) == 1
    clock.stop()


async def test_somebody_elses_cancellation_is_not_taken_for_a_timeout() -> None:
    clock = Clock()

    async def waiting() -> None:
        with clock.within(NEVER):
            await forever()

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.stop()


async def test_a_cancellation_that_comes_with_the_ring_is_not_swallowed() -> None:
    clock = Clock()

    async def waiting() -> None:
        with clock.within(0.01):
            try:
                await forever()
            except asyncio.CancelledError:
                task.cancel()  # somebody cancels as well, before the timeout is out
                raise

    task = asyncio.create_task(waiting())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_waits_may_be_another_task_each_time() -> None:
    clock = Clock()

    async def quick() -> None:
        with clock.within(NEVER):
            await asyncio.sleep(0)

    await asyncio.create_task(quick())
    with pytest.raises(TimeoutError), clock.within(0.01):
        await forever()


async def test_a_stopped_clock_rings_no_more() -> None:
    clock = Clock()
    with clock.within(0.01):
        clock.stop()
        await asyncio.sleep(0.03)
