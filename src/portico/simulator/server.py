"""Serves the simulator inside the running loop: for tests, and beside a gateway without keys."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from portico.simulator.app import create_simulator
from portico.simulator.play import SEVER
from portico.simulator.state import Simulator

LAST_WORDS = 1.0
"""Seconds an answer has to notice that its caller is gone."""

BACKLOG = 2048
LINGER_NOT = struct.pack("ii", 1, 0)


class _Connection(HttpToolsProtocol):
    """A uvicorn connection that the application may reset."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {SEVER: self.sever}
        self.scope["extensions"] = extensions

    def sever(self) -> None:
        """Reset the connection: the peer reads ECONNRESET, not an end."""
        bare = self.transport.get_extra_info("socket")
        if bare is not None and bare.fileno() >= 0:  # whoever hung up first left no socket
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.transport.abort()


@asynccontextmanager
async def serve_simulator(
    simulator: Simulator, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """
    Serve *simulator* while the context is open and give its base URL; port 0 picks a free one.

    Touches no signal handler and no logging configuration, so that it can stand beside another
    server in the same process. Leaving closes the listener and resets what is still open.

    Raises:
        OSError: the address is taken or not ours.
    """
    config = Config(
        create_simulator(simulator),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than a gateway lets connections rest: as providers do
    )
    config.load()
    state = ServerState()

    def connection() -> _Connection:
        return _Connection(config=config, server_state=state, app_state={})

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, host, port, backlog=BACKLOG)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await _hang_up(state)


async def _hang_up(state: ServerState) -> None:
    """Drop every connection, and see every answer end."""
    for connection in list(state.connections):
        connection.transport.abort()
    if state.tasks:
        await asyncio.wait(set(state.tasks), timeout=LAST_WORDS)
    for task in set(state.tasks):
        task.cancel()
