"""The operator's side, opened: orders are obeyed, secrets are made, the configuration is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portico.access.secret import make
from portico.dispatch.gateway import Gateway
from portico.dispatch.operating import Operating
from portico.dispatch.orders import Page, open_orders
from portico.ledger.feed import Feed
from portico.settings import Settings, effective
from portico.simulator.faults import Fault
from portico.simulator.state import Simulator

type Load = Callable[[], Settings]

SWITCH = "overloaded"
"""What a simulated target that is switched off answers: every provider has such an error."""


@dataclass(frozen=True, slots=True)
class Obedience:
    """Does what a page of orders says: in the gateway's catalog, and in the simulator."""

    gateway: Gateway
    simulator: Simulator

    def __call__(self, page: Page) -> None:
        """Go by *page* from now on."""
        self.gateway.park({name: order.why for name, order in page.parked.items()})
        targets = self.gateway.house.catalog.targets
        others = [fault for fault in self.simulator.faults if not fault.params.get("switch")]
        models = [targets[name].model for name in page.down if name in targets]
        down = [Fault("*", model, SWITCH, None, 0, {"switch": True}) for model in models]
        self.simulator.faults[:] = [*down, *others]


@asynccontextmanager
async def open_operating(
    gateway: Gateway, simulator: Simulator, feed: Feed, load: Load, home: Path
) -> AsyncIterator[Operating]:
    """Open the operator's side of *gateway*; orders and the secret are kept under *home*."""

    async def secret() -> bytes:
        return await asyncio.to_thread(make, home / "secret")

    async def told() -> Mapping[str, Any]:
        return await asyncio.to_thread(lambda: effective(load()))

    async with open_orders(home / "orders.json", Obedience(gateway, simulator)) as orders:
        yield Operating(gateway, feed, orders, secret, told)
