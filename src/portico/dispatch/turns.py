"""Whose turn it is, given how those before did."""

import asyncio
import time

from portico.chat.request import ChatRequest
from portico.dispatch.places import Places
from portico.routing.attempts import Failure, Kind
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.routing.verdicts import Step, judge
from portico.shared.purse import Drawing
from portico.upstreams.base import Ask
from portico.upstreams.standing import Standing


class Turns:
    """The candidates of one route, each asked once, or once more where a repair is asked for."""

    def __init__(
        self, route: Route, caller: str | None, standing: Standing, places: Places
    ) -> None:
        self.skipped: list[Target] = []  # those who rest and whose interval somebody else has
        self._route = route
        self._caller = caller
        self._standing = standing
        self._places = places
        self._left = list(route.candidates)
        self._full: list[Target] = []
        self._again: Target | None = None
        self._mend: frozenset[str] = frozenset()
        self._window = 0  # only larger windows than this are left
        self._stopped = False
        self._deadline: float | None = None  # of the loop's clock, for whoever waits for a place
        self._claims: dict[str, Drawing | bool] = {}

    async def next(self) -> Target | None:
        """Return whom to ask now, or None; waits only where everybody who could is full."""
        if self._again is not None:
            again, self._again = self._again, None  # once: whoever breaks off after it does not
            await self._claim(again)  # it just had a place, and has no other to go to
            return again
        self._mend = frozenset()
        while self._left and not self._stopped:
            target = self._left.pop(0)
            if target.context_window <= self._window:
                continue
            if not self._places.free(target) or not await self._claim(target):
                self._full.append(target)
            elif self._admits(target):
                return target
            else:
                self._waive(target)
                self.skipped.append(target)
        return await self._queue()

    async def _queue(self) -> Target | None:
        """Wait for a place among those who were full when it was their turn."""
        if not self._full or self._stopped:
            return None
        loop = asyncio.get_running_loop()
        if self._deadline is None:  # others may have taken what we were called for
            patience = max(target.patience.first_delta for target in self._full)
            self._deadline = loop.time() + patience
        while not (free := [target for target in self._full if self._places.free(target)]):
            await self._places.wait(self._full, self._caller, self._deadline - loop.time())
        self._left, self._full = free, []
        return await self.next()

    async def _claim(self, target: Target) -> bool:
        if self._places.sharing is None:
            return True
        claimed = await self._places.claim(target, waits=self._deadline is not None)
        if isinstance(claimed, Drawing):
            self._claims[target.name] = claimed
        return bool(claimed)

    def claimed(self, target: Target) -> Drawing | bool:
        """Hand over the place that was claimed for *target*, if other processes have to know."""
        return self._claims.pop(target.name, True)

    def _waive(self, target: Target) -> None:
        self._places.waive(self.claimed(target))

    def close(self) -> None:
        """Give up what was claimed and never taken."""
        while self._claims:
            self._places.waive(self._claims.popitem()[1])

    async def beside(self) -> Target | None:
        """
        Return whom to ask at the same time as whoever is asked now, or None.

        Only somebody well and with a place, and whose quota is not scarce: asking twice costs.
        """
        for target in self._left:
            resting = target.name in self._route.standing
            free = not resting and not target.scarce and self._places.free(target)
            if free and await self._claim(target):
                if self._admits(target):
                    self._left.remove(target)
                    return target
                self._waive(target)
        return None

    def _admits(self, target: Target) -> bool:
        return self._standing.admit(target, time.time(), self.tokens)

    @property
    def tokens(self) -> int:
        """A careful lower bound of the prompt's tokens, as the route was planned with."""
        return self._route.needs.tokens

    @property
    def more(self) -> int:
        """How many are left to ask."""
        return len(self._left)

    def ask(self, request: ChatRequest, target: Target) -> Ask:
        """Return the attempt's question, with the repairs asked for so far."""
        return Ask(request, target, self._mend)

    def refuses(self, failure: Failure) -> bool:
        """True where a provider's policy refusal is the answer: by policy, or as the last word."""
        last = self._route.role.refused == "stop" or not self._left
        return failure.kind is Kind.REFUSED and last

    def note(self, target: Target, failure: Failure) -> None:
        """Take *failure* into account for whoever is next."""
        step = judge(failure).step
        self._again = None
        if step is Step.REPAIR and failure.mend and failure.mend not in self._mend:
            self._again, self._mend = target, self._mend | {failure.mend}
        elif failure.scope == "path" and target.on_down == "fail":
            self._stopped = True
        elif step is Step.LARGER:
            self._window = max(self._window, target.context_window)
        elif step is Step.STOP and failure.kind is not Kind.REFUSED:
            self._stopped = True
