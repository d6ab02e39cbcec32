"""Asking a second target as well, when the first is slower than it should be."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from portico.dispatch.exchange import Exchange
from portico.routing.attempts import Failure
from portico.routing.roles import Role
from portico.routing.tiers import Target

REMEMBERED = 64  # first deltas per target that are remembered
ENOUGH = 20  # of them before a target counts as known
SHARE_OF = 200  # requests over which the share of hedged ones is counted


class Scope(Protocol):
    """What an attempt holds, until it is closed; what is closed already stays so."""

    async def aclose(self) -> None:
        """Give it back."""
        ...


class Running(Struct, frozen=True):
    """An attempt under way; closing its scope hangs up and books it."""

    exchange: Exchange
    scope: Scope


class Hedging:
    """When to hedge, and how often at most: at most `share` of the latest requests are."""

    def __init__(self, share: float = 0.05) -> None:
        self._share = share
        self._first_deltas: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=REMEMBERED)
        )
        self._recent: deque[bool] = deque(maxlen=SHARE_OF)

    def learn(self, target: Target, first_delta: float) -> None:
        """Remember how long *target* took to its first delta, in seconds."""
        self._first_deltas[target.name].append(first_delta)

    def patience(self, role: Role, target: Target) -> float | None:
        """Return after how many seconds to ask somebody else as well; None: never."""
        if role.hedge_after != "learned":
            return role.hedge_after
        known = sorted(self._first_deltas[target.name])
        return known[int(0.95 * len(known))] if len(known) >= ENOUGH else None

    def count(self) -> None:
        """Count a request that may come to be hedged."""
        self._recent.append(False)

    def allow(self) -> bool:
        """Say whether the request that was counted last may be hedged, and count it as such."""
        allowed = sum(self._recent) + 1 <= self._share * max(len(self._recent), SHARE_OF)
        self._recent[-1] = allowed
        return allowed


type Enter = Callable[[Target], Awaitable[Running]]
type Start = Callable[[Running], Awaitable[Failure | None]]


@dataclass(slots=True)
class Race:
    """
    The first of those running who says something wins; the others are hung up on at once.

    *enter* takes a target's place, *start* waits for its first delta.
    """

    enter: Enter
    start: Start
    final: Callable[[Failure], bool]  # a failure that is an answer

    async def run(
        self, first: Target, after: float, second: Callable[[], Awaitable[Target | None]]
    ) -> tuple[Running | None, list[tuple[Target, Failure]]]:
        """
        Ask *first*; if it has said nothing for *after* seconds ask whom *second* names as well.

        Return who won, or None with why everybody failed. Losers are closed within a moment.
        """
        running: dict[asyncio.Task[Failure | None], Running] = {}
        failures: list[tuple[Target, Failure]] = []
        try:
            await self._join(running, first)
            done, _ = await asyncio.wait(running, timeout=after)
            if not done and (other := await second()) is not None:
                await self._join(running, other)
            while running:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    one = running.pop(task)
                    failure = task.result()
                    if failure is None or self.final(failure):
                        return one, failures
                    failures.append((one.exchange.target, failure))
                    await one.scope.aclose()
            return None, failures
        finally:
            await self._hang_up(running)

    async def _join(
        self, running: dict[asyncio.Task[Failure | None], Running], target: Target
    ) -> None:
        one = await self.enter(target)
        running[asyncio.ensure_future(self.start(one))] = one

    @staticmethod
    async def _hang_up(running: dict[asyncio.Task[Failure | None], Running]) -> None:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for one in running.values():
            await one.scope.aclose()
