"""Large pieces of work on the event loop, one for each of its turns."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import thread_time

HEAVY = 512 * 1024
"""Bytes of a request from which on its steps take turns."""

_BUSY = 0.0005  # seconds of the loop's own work: in such a turn others are being answered
_GIVEN = 4  # turns that whoever is next leaves to them; then it passes all the same


class Turnstile:
    """
    Lets one caller pass for each turn of the loop, in the order in which they came.

    A step that takes milliseconds (parsing eleven megabytes, putting them together) passes here
    first: then small requests wait for one such step at most, however many large ones there are.
    While small requests are being worked on, a few turns of the loop are theirs alone: they would
    otherwise wait for a large step each time that they wait for anything. *worked* tells how many
    seconds the loop has worked in all.
    """

    def __init__(self, worked: Callable[[], float] = thread_time) -> None:
        self._clock = worked
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False  # somebody has passed in this turn
        self._worked = 0.0  # the loop's processor time when the last turn was looked at
        self._given = 0

    async def passed(self) -> None:
        """Wait for a turn of the loop that nobody else has taken; at once, if this is one."""
        loop = asyncio.get_running_loop()
        if self._taken:
            waiter = loop.create_future()
            self._waiting.append(waiter)
            await waiter
            return
        self._taken = True
        self._worked = self._clock()
        loop.call_soon(self._next)

    def _next(self) -> None:
        worked = self._clock()
        busy, self._worked = worked - self._worked > _BUSY, worked
        if busy and self._given < _GIVEN and self._waiting:
            self._given += 1
            asyncio.get_running_loop().call_soon(self._next)
            return
        self._given = 0
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # cancelled ones have left
                waiter.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
