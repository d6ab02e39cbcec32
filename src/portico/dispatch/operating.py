"""What only an operator reads and does, beside what callers ask for."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portico.dispatch.gateway import Gateway
from portico.dispatch.orders import Order, Orders
from portico.errors import MalformedRequest, NotFound
from portico.ledger.feed import Feed
from portico.routing.tiers import Target

LONGEST = 200
"""Characters of why somebody ordered something."""


@dataclass(frozen=True, slots=True)
class Operating:
    """
    The operator's side of an open gateway.

    `secret` gives the installation's secret, made if there is none yet (StoreUnavailable where it
    cannot be). `effective` gives the configuration as it is now, without secrets:
    `{file, values, origins, variables}`; it raises ConfigError where that contradicts itself.
    Every order is kept and outlives a restart; whoever gives one gets StoreUnavailable where it
    cannot be kept, and nothing is changed then.
    """

    gateway: Gateway
    feed: Feed
    orders: Orders
    secret: Callable[[], Awaitable[bytes]]
    effective: Callable[[], Awaitable[Mapping[str, Any]]]

    async def park(self, name: str, by: str | None, why: str = "") -> bool:
        """
        Ask the target *name* no more, for *why*; False if it was parked so already.

        Raises:
            NotFound: there is no such target.
        """
        target = self._target(name)
        return await self.orders.park(target.name, Order(time.time(), by, _tidy(why)))

    async def unpark(self, name: str) -> bool:
        """Ask the target *name* again; False if it was not parked."""
        return await self.orders.park(name, None)

    async def switch_off(self, name: str, by: str | None) -> bool:
        """
        Get the simulated target *name* down: it answers with an error of its provider's.

        Raises:
            NotFound: there is no such target.
            MalformedRequest: it is real.
        """
        target = self._target(name)
        if not target.simulated:
            raise MalformedRequest(f"{name} is real: only simulated targets have a switch.")
        return await self.orders.switch(name, Order(time.time(), by))

    async def switch_on(self, name: str) -> bool:
        """Get the simulated target *name* up again, and forget what it is blamed for since."""
        changed = await self.orders.switch(name, None)
        if changed:
            self.gateway.standing.clear(name)
        return changed

    def _target(self, name: str) -> Target:
        target = self.gateway.house.catalog.target(name)
        if target is None:
            raise NotFound(f"There is no target {name[:100]!r}.")
        return target


def _tidy(why: str) -> str:
    return "".join(letter for letter in why if letter.isprintable()).strip()[:LONGEST]
