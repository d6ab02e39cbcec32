"""Reads the upstreams' model lists, so that a vanished id costs nobody a failover."""

import asyncio
import logging
import time
from collections.abc import Callable

from portico.dispatch.gateway import House
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.standing import Standing

log = logging.getLogger(__name__)


class RollCall:
    """At start and hourly; slow or broken lists are nobody's fault and change nothing."""

    def __init__(
        self, house: Callable[[], House], standing: Standing, *, every: float = 3600.0
    ) -> None:
        self._house = house
        self._standing = standing
        self._every = every

    async def run(self) -> None:
        """Call the roll until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """Read every upstream's list, all at once, each within 20 seconds."""
        house = self._house()
        await asyncio.gather(*(self._ask(name, house) for name in house.upstreams))

    async def _ask(self, name: str, house: House) -> None:
        try:
            async with asyncio.timeout(20):
                listed = await house.upstreams[name].models()
        except TimeoutError:
            log.warning("the model list of %s did not come within 20 s", name)
            return
        except UpstreamFailed as exc:
            log.warning("the model list of %s could not be read: %s", name, exc.failure.detail)
            return
        if listed:
            for target in house.catalog.targets.values():
                if target.upstream == name:
                    self._standing.gone(target, listed, time.time())
