"""Where a scene is played: a gateway of its own, over a simulator of its own."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI

from portico.api.front import Front
from portico.app import create_app
from portico.drill.base import Cast, Order, Scene
from portico.drill.caller import Caller
from portico.drill.casting import casts, choose
from portico.settings import Settings, catalog
from portico.settings.rehearsal import moved, rehearsal
from portico.simulator.routes import route
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.wiring import keyring, open_serving
from portico.wiring.offline import played_at

LOOK = 0.01
FULL = 8
"""Connections that fill a listener's queue of one on any system."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene's gateway, ready to be asked by `caller`, and the simulator behind it."""

    cast: Cast
    order: Order | None
    simulator: Simulator
    caller: Caller


@asynccontextmanager
async def open_stage(
    settings: Settings, scene: Scene, client: httpx.AsyncClient
) -> AsyncIterator[Stage | None]:
    """
    Open a gateway with the routes of *settings* on loopback; None if nobody can play *scene*.

    Nothing of the installation is touched: stores are in a folder that goes with the stage, and
    every upstream is the simulator.
    """
    simulator = Simulator()
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portico-drill-")))
        address = await stack.enter_async_context(serve_simulator(simulator))
        places = played_at(settings, address)
        rehearsed = rehearsal(settings, places, home)
        stages = {name: _stage(place) for name, place in places.items()}
        chosen = choose(scene, list(casts(catalog(rehearsed), stages)))
        if chosen is None:
            yield None
            return
        cast, order = chosen
        if scene.hangs:
            nowhere = stack.enter_context(unaccepting())
            rehearsed = moved(rehearsed, cast.primary.target.name, f"{nowhere}/v1")
        simulator.models = {target.model for target in rehearsed.targets.values()}
        simulator.gone = set()  # a retired id is another drill's
        key = await keyring(home).issue("drill")
        url = await stack.enter_async_context(served(rehearsed, home))
        yield Stage(cast, order, simulator, Caller(client, url, key.text))


def _stage(place: str) -> str:
    """Return the simulated upstream that is at an address."""
    found = route(f"{urlsplit(place).path}/models")
    assert found is not None
    return found.upstream


@asynccontextmanager
async def served(settings: Settings, home: Path) -> AsyncIterator[str]:
    """Serve *settings*, a rehearsal's, on loopback, with what is kept under *home*; give where."""
    async with (
        open_serving(lambda: settings, home, exposed=False, environ={}) as serving,
        _listening(create_app(lambda: nullcontext(serving))) as url,
    ):
        yield url


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's: one of its gateways has no business with them."""
        yield


@asynccontextmanager
async def _listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve *app* on a free port of the loopback, as `portico up` does."""
    config = uvicorn.Config(
        app,
        port=0,
        http=Front,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(LOOK)
        [listener] = server.servers[0].sockets
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@contextmanager
def unaccepting() -> Iterator[str]:
    """
    Give an address where connecting does not end: a listener whose queue is full.

    Linux and the BSDs leave a connection unanswered that finds no place in the queue.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        address = listener.getsockname()
        filling = [socket.socket() for _ in range(FULL)]
        try:
            for one in filling:
                one.setblocking(False)
                one.connect_ex(address)
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            for one in filling:
                one.close()
