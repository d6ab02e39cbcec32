"""How many requests a target and a caller may have under way, and a bounded queue for the rest."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portico.errors import Overloaded, QuotaExceeded
from portico.routing.tiers import Target
from portico.shared.base import Ask, Short
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing

AGAIN = 0.02
"""Seconds after which a place that other processes had all of is asked for again."""


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
    With `sharing`, a place has to be free among all processes, too; whoever claims one takes it, or
    gives it back.
    """

    def __init__(self, max_waiting: int = 256, per_caller: int | None = None) -> None:
        self._taken: Counter[str] = Counter()
        self._callers: Counter[str | None] = Counter()
        self._queue: list[_Waiter] = []
        self._max_waiting = max_waiting
        self._per_caller = per_caller
        self.sharing: Sharing | None = None
        self._short: set[str] = set()  # what other processes have all of, as far as we know
        self._entered: defaultdict[str | None, list[Drawing]] = defaultdict(list)

    # -- targets

    def free(self, target: Target) -> bool:
        """True if *target* takes one more, as far as this process knows."""
        if self._taken.get(target.name, 0) >= target.max_concurrency:
            return False
        return not self._short or _about(target) not in self._short

    async def claim(self, target: Target, *, waits: bool = False) -> Drawing | bool:
        """
        Claim a free place among all processes; False: they have them all.

        True: nobody else counts. Whoever *waits* for one has the next, before those who come later.
        """
        if self.sharing is None:
            return True
        return await self._claim(Ask(_about(target), target.max_concurrency, queue=waits))

    async def _claim(self, ask: Ask) -> Drawing | bool:
        assert self.sharing is not None
        drawn = await self.sharing.draw((ask,))
        if isinstance(drawn, Short):
            if ask.name not in self._short:
                self._short.add(ask.name)
                asyncio.get_running_loop().call_later(AGAIN, self._hopes, ask.name)
            return False
        if ask.queue:
            self._call()  # there may be one more
        return True if drawn is None else drawn

    def _hopes(self, name: str) -> None:
        self._short.discard(name)
        self._call()

    def waive(self, claimed: Drawing | bool) -> None:
        """Give up what was claimed."""
        if isinstance(claimed, Drawing) and self.sharing is not None:
            self.sharing.give_back(claimed)

    def take(self, target: Target) -> None:
        """Take a place; whoever takes one gives it back."""
        self._taken[target.name] += 1

    def give_back(self, target: Target, claimed: Drawing | bool = True) -> None:
        """Free a place, and what was claimed for it; call whoever is next."""
        self._taken[target.name] -= 1
        self.waive(claimed)
        if self._short:
            self._short.discard(_about(target))
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
        if self._per_caller is not None:
            await self._stand_in_line(caller, self._per_caller, seconds)
        self._callers[caller] = self._callers.get(caller, 0) + 1

    async def _stand_in_line(self, caller: str | None, most: int, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        try:
            while not await self._let_in(caller, most):
                await self._wait(caller, lambda: self._room(caller, most), until - clock())
        except TimeoutError:
            said = f"You have {most} requests under way, as many as you may."
            raise QuotaExceeded(said, retry_after=1) from None

    def _room(self, caller: str | None, most: int) -> bool:
        return self._callers[caller] < most and _of(caller) not in self._short

    async def _let_in(self, caller: str | None, most: int) -> bool:
        if not self._room(caller, most):
            return False
        if self.sharing is None:
            return True
        claimed = await self._claim(Ask(_of(caller), most, queue=True))
        if isinstance(claimed, Drawing):
            self._entered[caller].append(claimed)
        return bool(claimed)

    def leave(self, caller: str | None) -> None:
        """Count one less."""
        if entered := self._entered.get(caller):
            self.waive(entered.pop())
            self._short.discard(_of(caller))
            if not entered:
                del self._entered[caller]
        left = self._callers[caller] - 1
        if left:
            self._callers[caller] = left
        else:
            self._callers.pop(caller)
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
        if not self._queue:
            return
        ready = [waiter for waiter in self._queue if not waiter.called.done() and waiter.wants()]
        if ready:
            next_ = min(ready, key=lambda waiter: self._callers[waiter.caller])
            next_.called.set_result(None)

    def under_way(self) -> dict[str, int]:
        """Return how many requests each target has under way."""
        return {name: count for name, count in self._taken.items() if count}


def _about(target: Target) -> str:
    return f"target {target.name}"


def _of(caller: str | None) -> str:
    return f"caller {caller}"
