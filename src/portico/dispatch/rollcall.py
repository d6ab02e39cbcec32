"""Reads the upstreams' model lists: who has vanished from them, and who is there again."""

import asyncio
import logging
import time
from collections.abc import Callable

from portico.dispatch.gateway import House
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.standing import Standing

log = logging.getLogger(__name__)


class RollCall:
    """
    At start and hourly from everybody, so that a vanished id costs nobody a failover.

    While a target rests by its breaker, its upstream's list is read once a recovery interval, so
    that it is back before a caller has to find out; never twice at a time. Slow or broken lists
    are nobody's fault and change nothing.
    """

    def __init__(
        self,
        house: Callable[[], House],
        standing: Standing,
        *,
        every: float = 3600.0,
        within: float = 20.0,
    ) -> None:
        self._house = house
        self._standing = standing
        self._every = every
        self._within = within  # seconds that a list may take
        self._asked: set[str] = set()  # whose list is being read because somebody ails there
        self._away: set[str] = set()  # whose list did not come since somebody ails there

    async def run(self) -> None:
        """Call the roll and look after the ailing until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hourly())
            while True:
                await asyncio.sleep(self._interval())
                house = self._house()
                for name in self.ailing(house):
                    group.create_task(self.probe(name, house))

    async def _hourly(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """Read every upstream's list, all at once, each within its seconds."""
        house = self._house()
        await asyncio.gather(*(self._ask(name, house) for name in house.upstreams))

    async def _ask(self, name: str, house: House) -> None:
        try:
            listed = await self._listed(name, house)
        except UpstreamFailed as exc:
            log.warning("the model list of %s could not be read: %s", name, exc.failure.detail)
            return
        except TimeoutError:
            log.warning("the model list of %s did not come within %g s", name, self._within)
            return
        if listed:
            self._call(name, listed, house)

    def _call(self, name: str, listed: frozenset[str], house: House) -> None:
        for target in house.targets:
            if target.upstream == name:
                self._standing.gone(target, listed, time.time())

    # -- the ailing

    def ailing(self, house: House) -> frozenset[str]:
        """Return the upstreams whose list is worth reading now, and is not being read."""
        found = self._standing.ailing(house.targets, time.time())
        self._away &= found
        return (found - self._asked) & house.upstreams.keys()

    async def probe(self, name: str, house: House) -> None:
        """Read the list of *name*, and tell the standing if it comes."""
        self._asked.add(name)
        try:
            listed = await self._listed(name, house)
        except (UpstreamFailed, TimeoutError):
            self._away.add(name)
            return
        finally:
            self._asked.discard(name)
        if listed:
            returned = name in self._away
            self._away.discard(name)
            for target in house.targets:
                if target.upstream == name:
                    self._standing.heard(target, time.time(), returned=returned)

    async def _listed(self, name: str, house: House) -> frozenset[str] | None:
        async with asyncio.timeout(self._within):
            return await house.upstreams[name].models()

    def _interval(self) -> float:
        targets = self._house().targets
        return min((target.breaker.recovery for target in targets), default=5.0)
