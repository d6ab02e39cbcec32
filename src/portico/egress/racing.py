"""Dial several listeners, the next one as soon as the one before fails or takes too long."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from portico.egress.clients import ConnectFailed
from portico.egress.http1 import Connection

STAGGER = 1.0
"""Seconds that a listener gets before the next is dialled as well (RFC 8305's idea)."""

type Dial = Callable[[], Awaitable[Connection]]


@dataclass(frozen=True, slots=True)
class Raced:
    """Who was there first, by number, and who was still on the way."""

    number: int
    connection: Connection
    overtaken: tuple[int, ...] = ()


async def race(dials: Sequence[Dial], stagger: float = STAGGER) -> Raced:
    """
    Return the first connection; all others are given up, and hung up if they come.

    Each dial bounds itself. Nothing is sent on any connection here.

    Raises:
        ConnectFailed: of the last dial that failed; none came through.
    """
    if len(dials) == 1:  # the usual case pays for no task
        return Raced(0, await dials[0]())
    running: dict[asyncio.Task[Connection], int] = {}
    left = deque(enumerate(dials))
    last: ConnectFailed = ConnectFailed("nobody to dial")
    try:
        while left or running:
            if left:
                number, dial = left.popleft()
                running[asyncio.ensure_future(dial())] = number
            done = await _first_of(running, stagger if left else None)
            for task in done:
                number = running[task]
                error = task.exception()
                if error is None:
                    del running[task]
                    overtaken = tuple(n for other, n in running.items() if not other.done())
                    return Raced(number, task.result(), overtaken)
                del running[task]
                if not isinstance(error, ConnectFailed):
                    raise error
                last = error
        raise last
    finally:
        await _give_up(running)


async def _first_of(
    running: dict[asyncio.Task[Connection], int], seconds: float | None
) -> list[asyncio.Task[Connection]]:
    """Return whoever is done within *seconds*, the preferred first."""
    done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return sorted(done, key=running.__getitem__)


async def _give_up(running: dict[asyncio.Task[Connection], int]) -> None:
    for task in running:
        task.add_done_callback(_hang_up)
        task.cancel()
    if running:
        await asyncio.wait(running)  # a cancelled dial ends at once


def _hang_up(task: asyncio.Task[Connection]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().hang_up()
