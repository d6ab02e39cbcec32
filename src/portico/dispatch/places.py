"""How many requests a target may have under way, and a bounded queue for the rest."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from portico.errors import Overloaded
from portico.routing.tiers import Target


class Places:
    """Counts what is under way per target; first come, first served where all are full."""

    def __init__(self, max_waiting: int = 256) -> None:
        self._taken: Counter[str] = Counter()
        self._waiting: list[tuple[frozenset[str], asyncio.Future[None]]] = []
        self._max_waiting = max_waiting

    def free(self, target: Target) -> bool:
        """True if *target* takes one more."""
        return self._taken[target.name] < target.max_concurrency

    def take(self, target: Target) -> None:
        """Take a place; whoever takes one gives it back."""
        self._taken[target.name] += 1

    def give_back(self, target: Target) -> None:
        """Free a place and wake whoever waits for it longest."""
        self._taken[target.name] -= 1
        for names, waiter in self._waiting:
            if target.name in names and not waiter.done():
                waiter.set_result(None)
                return

    async def wait(self, targets: Iterable[Target], seconds: float) -> None:
        """
        Wait until one of *targets* has a place.

        Raises:
            Overloaded: too many wait already, or none came free within *seconds*.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded("every place and the queue for one are taken", retry_after=1.0)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (frozenset(target.name for target in targets), waiter)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            raise Overloaded(f"no place came free within {seconds:g} s", retry_after=1.0) from None
        finally:
            self._waiting.remove(entry)

    def under_way(self) -> dict[str, int]:
        """Return how many requests each target has under way."""
        return {name: count for name, count in self._taken.items() if count}
