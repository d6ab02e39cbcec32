"""One large step a turn of the loop, in order, and nobody is forgotten."""

import asyncio
from contextlib import suppress

import pytest

from portico.dispatch.turnstile import Turnstile

pytestmark = pytest.mark.anyio


class Turns:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.count = 0
        self._tick()

    def _tick(self) -> None:
        self.count += 1
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
