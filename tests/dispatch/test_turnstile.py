"""One large step a turn of the loop, in order, and nobody is forgotten."""

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest

from portico.dispatch.turnstile import Turnstile

pytestmark = pytest.mark.anyio


class Turns:
    """Counts the turns of the loop, and what is worked in them."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.count = 0
        self.worked = 0.0
        self.seconds = seconds  # of work in each
        self._tick()

    def _tick(self) -> None:
        self.count += 1
        self.worked += self.seconds
        self._next = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> None:
        self._next.cancel()


async def test_who_comes_alone_does_not_wait() -> None:
    turnstile = Turnstile()
    turns = Turns()
    began = turns.count
    await turnstile.passed()
    assert turns.count == began
    turns.stop()


async def test_each_passes_in_a_turn_of_its_own_in_the_order_of_coming() -> None:
    turnstile, turns = Turnstile(), Turns()
    passed: list[tuple[int, int]] = []

    async def step(number: int) -> None:
        for _ in range(3):
            await turnstile.passed()
            passed.append((turns.count, number))

    async with asyncio.timeout(5):
        await asyncio.gather(*map(step, range(5)))
    turns.stop()
    assert [number for _, number in passed] == [0, *[0, 1, 2, 3, 4] * 2, 1, 2, 3, 4]
    assert len({turn for turn, _ in passed}) == 15


async def test_who_leaves_while_waiting_takes_nobodys_turn() -> None:
    turnstile = Turnstile()
    waiting = [asyncio.ensure_future(turnstile.passed()) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    async with asyncio.timeout(5):
        with suppress(asyncio.CancelledError):
            await waiting[1]
        await asyncio.gather(waiting[0], *waiting[2:])
        for _ in range(3):
            await asyncio.sleep(0)
        await turnstile.passed()


async def test_a_few_turns_are_left_to_small_requests_while_they_are_worked_on() -> None:
    turns = Turns(seconds=0.002)
    turnstile = Turnstile(lambda: turns.worked)
    passed: list[int] = []

    async def step() -> None:
        await turnstile.passed()
        passed.append(turns.count)

    async with asyncio.timeout(5):
        await asyncio.gather(*(step() for _ in range(5)))
        busy = [after - before for before, after in pairwise(passed[1:])]  # the first one is alone
        assert busy == [5, 5, 5]

        turns.seconds = 0.0001
        passed.clear()
        await asyncio.gather(*(step() for _ in range(5)))
        calm = [after - before for before, after in pairwise(passed[1:])]
        assert calm == [1, 1, 1]
    turns.stop()
