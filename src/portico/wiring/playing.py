"""The simulator beside a gateway, served once an upstream without a key needs it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from portico.settings import Settings
from portico.simulator.state import Simulator

type Serve = Callable[[Simulator], AbstractAsyncContextManager[str]]


class Playing:
    """Serves one simulator from when it is first needed until *stack* is closed."""

    def __init__(self, simulator: Simulator, stack: AsyncExitStack) -> None:
        self.simulator = simulator
        self._stack = stack
        self._opening = asyncio.Lock()
        self._url = ""

    async def address(self, settings: Settings) -> str:
        """Return where it is served, "" while no upstream of *settings* has needed it."""
        async with self._opening:
            if not self._url and any(one.simulated for one in settings.upstreams.values()):
                serve = await asyncio.to_thread(_server)
                self._url = await self._stack.enter_async_context(serve(self.simulator))
        return self._url


@asynccontextmanager
async def open_playing(settings: Settings) -> AsyncIterator[Playing]:
    """Give a simulator of the models of *settings*, and close it if it was ever served."""
    async with AsyncExitStack() as stack:
        yield Playing(_simulator(settings), stack)


def _server() -> Serve:
    from portico.simulator.server import serve_simulator  # speaks every dialect: where it is used

    return serve_simulator


def _simulator(settings: Settings) -> Simulator:
    simulator = Simulator()
    simulator.models |= {target.model for target in settings.targets.values()}
    simulator.sizes |= {
        target.model: target.dimensions for target in settings.targets.values() if target.dimensions
    }
    return simulator
