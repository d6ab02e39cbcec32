"""Work that may outlive the connection it was begun for, and who waits for it."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from portico.errors import Overloaded

log = logging.getLogger(__name__)


class Errand[T]:
    """Work under way. Once nobody has waited for it for *patience* seconds, it is cancelled."""

    def __init__(self, task: asyncio.Task[T], patience: float) -> None:
        self.task = task
        self.patience = patience
        self._waiting = 0
        self._alarm: asyncio.TimerHandle | None = None
        task.add_done_callback(self._silence)  # an alarm would hold on to what came of it

    @property
    def over(self) -> bool:
        """True if it is done, or has been given up."""
        return self.task.done() or self.task.cancelling() > 0

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Wait for it, for as long as the context lasts."""
        self._waiting += 1
        self._silence()
        try:
            yield
        finally:
            self._waiting -= 1
            self.left()

    def left(self) -> None:
        """Give it up in its patience, unless somebody waits for it."""
        if not self._waiting and not self.task.done():
            self._alarm = self.task.get_loop().call_later(self.patience, self.task.cancel)

    def _silence(self, _: object = None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def result(self) -> T:
        """
        Return what came of it; whoever is cancelled while waiting does not cancel the work.

        Raises what the work raises, and Overloaded if it was given up.
        """
        with self.awaited():
            await asyncio.wait({self.task})
        if self.task.cancelled():
            raise Overloaded("This gateway is stopping.", retry_after=1.0)
        return self.task.result()


class Errands:
    """Owns all such work: leaving the context ends what is still under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin[T](self, work: Coroutine[Any, Any, T], patience: float) -> Errand[T]:
        """Begin *work*, for somebody who is going to wait for it at once."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return Errand(task, patience)

    def send[T](self, work: Coroutine[Any, Any, T], within: float) -> None:
        """Begin *work* that nobody waits for: it is given up after *within* seconds."""
        self.begin(work, within).left()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("work in the background failed: %s", type(fault).__name__, exc_info=fault)

    async def __aenter__(self) -> "Errands":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)
