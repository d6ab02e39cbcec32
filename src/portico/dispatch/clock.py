"""The clock of one attempt: it bounds many waits in a row at the price of a single timer."""

import asyncio
from math import inf
from types import TracebackType
from typing import Self


class Clock:
    """
    `with clock.within(seconds):` is `async with asyncio.timeout(seconds):`, one wait at a time.

    A timer for every piece of a stream would cost more than relaying it. So the timer is left
    alone when a wait is over: where it rings too early, it is set anew for what is waited for
    then. Whoever makes a clock stops it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = inf
        self._deadline = inf
        self._rings = inf  # loop time, inf without a timer
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._late = False

    def within(self, seconds: float) -> Self:
        """Bound the wait inside the next block; raises TimeoutError there when it is over."""
        self._seconds = seconds
        return self

    def __enter__(self) -> None:
        self._waiting = asyncio.current_task()
        assert self._waiting is not None
        self._cancelling = self._waiting.cancelling()
        self._deadline = self._loop.time() + self._seconds
        if self._deadline < self._rings:
            self._set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        waiting, self._waiting = self._waiting, None
        if self._late:
            self._late = False
            assert waiting is not None
            if waiting.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def stop(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = None, inf

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._ring)
        self._rings = self._deadline

    def _ring(self) -> None:
        self._timer, self._rings = None, inf
        if self._waiting is None:
            return
        if self._loop.time() < self._deadline:
            self._set()
        else:
            self._late = True
            self._waiting.cancel()
