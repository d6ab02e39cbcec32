"""Several processes that serve one address: started together, and told why they are to stop."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from portico.api.deps import Lobby
from portico.entrance import SEATS, set_seats
from portico.wiring import hub_beside

ENDING = "PORTICO_ENDING"
"""How a worker learns of the file that is there once all of them are to stop."""

LOOK = 0.05
"""Seconds between two looks at what is still under way."""


class Workers(Multiprocess):
    """Uvicorn's supervisor, which says whether one worker is to stop (for another) or all are."""

    def terminate_all(self) -> None:
        """Tell all to stop; from now on nobody else serves the address."""
        Path(os.environ[ENDING]).touch()
        super().terminate_all()


def serve_together(app: str, workers: int, given: dict[str, Any]) -> None:
    """Serve *app*, a factory's name, by that many processes with a hub beside them, until told."""
    given |= {"loop": "portico.entrance:SharingLoop"}
    config = Config(app, factory=True, workers=workers, **given)
    environ: MutableMapping[str, str] = os.environ
    with hub_beside(environ) as hub:
        environ[ENDING] = str(hub.with_name("ending"))
        environ[SEATS] = str(hub.with_name("seats"))
        set_seats(hub.with_name("seats"))
        Workers(config, sockets=[config.bind_socket()]).run()


@asynccontextmanager
async def leaving(lobby: Lobby, drain: float) -> AsyncIterator[None]:
    """
    In a worker: when all are told to stop, let what is under way end first, for *drain* seconds.

    Meanwhile new chats get 503, and `/readyz` says so: nobody else would answer them. A worker that
    alone is told to stop leaves the address to the others at once, and only then lets answers end.
    A second signal is obeyed at once.
    """
    ending = os.environ.get(ENDING)
    stop = signal.getsignal(signal.SIGTERM)
    if ending is None or not callable(stop):
        yield
        return
    loop, waiting = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def last() -> None:
        until = time.monotonic() + drain
        while lobby.under_way and time.monotonic() < until:  # noqa: ASYNC110 - answers tell nobody
            await asyncio.sleep(LOOK)
        stop(signal.SIGTERM, None)

    def told(number: int, frame: FrameType | None) -> None:
        if lobby.draining or not os.path.exists(ending):
            stop(number, frame)
            return
        lobby.draining = True
        loop.call_soon_threadsafe(lambda: waiting.add(loop.create_task(last())))

    signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        for task in waiting:
            task.cancel()
