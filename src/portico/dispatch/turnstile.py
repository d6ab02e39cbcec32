"""Large pieces of work on the event loop, one for each of its turns."""

import asyncio
from collections import deque


class Turnstile:
    """
    Lets one caller pass for each turn of the loop, in the order in which they came.

    A step that takes milliseconds (parsing eleven megabytes, handing them to a socket) passes here
    first: then small requests wait for one such step at most, however many large ones there are.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False  # somebody has passed in this turn

    async def passed(self) -> None:
        """Wait for a turn of the loop that nobody else has taken; at once, if this is one."""
        loop = asyncio.get_running_loop()
        if self._taken:
            waiter = loop.create_future()
            self._waiting.append(waiter)
            await waiter
            return
        self._taken = True
        loop.call_soon(self._next)

    def _next(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # cancelled ones have left
                waiter.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
