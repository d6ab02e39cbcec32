"""How many requests a target and a caller may have under way, and a bounded queue for the rest."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portico.errors import Overloaded, QuotaExceeded
from portico.routing.tiers import Target


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Somebody in the queue: who they are, and when it is worth their while to look again."""

    caller: str | None
    wants: Callable[[], bool]
    called: asyncio.Future[None]


class Places:
    """
    Counts what is under way. Where all is full, requests wait in one bounded queue.

    A place that comes free goes to the waiting caller who has least under way, and among equals
    to who waits longest: a caller with a hundred requests does not starve one with a single one.
    """

    def __init__(self, max_waiting: int = 256, per_caller: int | None = None) -> None:
        self._taken: Counter[str] = Counter()
        self._callers: Counter[str | None] = Counter()
        self._queue: list[_Waiter] = []
        self._max_waiting = max_waiting
        self._per_caller = per_caller

    # -- targets

    def free(self, target: Target) -> bool:
        """True if *target* takes one more."""
        return self._taken[target.name] < target.max_concurrency

    def take(self, target: Target) -> None:
        """Take a place; whoever takes one gives it back."""
        self._taken[target.name] += 1

    def give_back(self, target: Target) -> None:
        """Free a place, and call whoever is next."""
        self._taken[target.name] -= 1
        self._call()

    async def wait(self, targets: Iterable[Target], caller: str | None, seconds: float) -> None:
        """
        Wait until one of *targets* has a place.

        Raises:
            Overloaded: too many wait already, or none came free within *seconds*.
        """
        wanted = tuple(targets)
        try:
            await self._wait(caller, lambda: any(map(self.free, wanted)), seconds)
        except TimeoutError:
            raise Overloaded(f"No place came free within {seconds:g} s.", retry_after=1) from None

    # -- callers

    async def enter(self, caller: str | None, seconds: float = 30.0) -> None:
        """
        Count one more request of *caller*, once they may have it; whoever enters leaves.

        Raises:
            Overloaded: too many wait already.
            QuotaExceeded: they had as many as they may for all of *seconds*.
        """
        most = self._per_caller
        try:
            while most is not None and self._callers[caller] >= most:
                await self._wait(caller, lambda: self._callers[caller] < most, seconds)
        except TimeoutError:
            said = f"You have {most} requests under way, as many as you may."
            raise QuotaExceeded(said, retry_after=1) from None
        self._callers[caller] += 1

    def leave(self, caller: str | None) -> None:
        """Count one less."""
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]
        if self._per_caller is not None:
            self._call()

    # -- the queue

    async def _wait(self, caller: str | None, wants: Callable[[], bool], seconds: float) -> None:
        if len(self._queue) >= self._max_waiting:
            raise Overloaded("Every place and the queue for one are taken.", retry_after=1)
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(caller, wants, called)
        self._queue.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await called
        except BaseException:
            if (
                called.done() and not called.cancelled()
            ):  # it was called and leaves without taking: the next may come
                self._queue.remove(waiter)
                self._call()
            raise
        finally:
            if waiter in self._queue:
                self._queue.remove(waiter)

    def _call(self) -> None:
        ready = [waiter for waiter in self._queue if not waiter.called.done() and waiter.wants()]
        if ready:
            next_ = min(ready, key=lambda waiter: self._callers[waiter.caller])
            next_.called.set_result(None)

    def under_way(self) -> dict[str, int]:
        """Return how many requests each target has under way."""
        return {name: count for name, count in self._taken.items() if count}
