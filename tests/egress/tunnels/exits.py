"""Two real tunnels with an exit each, and a provider that sees which of them a request took."""

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from portico.egress.clients import HTTPRequest
from portico.egress.paths import Tunnel
from portico.egress.pool import Pool
from portico.egress.tunnels.engines import render
from portico.egress.tunnels.inlets import Inlet, Listeners, vias
from tests.egress.exits import BLOCKED, URL, Provider
from tests.egress.servers import Server, serving, until
from tests.egress.tunnels.engines import Engines, believing, both, far_end, free_port
from tests.egress.tunnels.test_engines import TUNNELS, server_side, shut

KINDS = ("vless-tls-vision", "2022-blake3-aes-256-gcm")
"""Of the first exit and of the second; both clients are Xray's."""

ADDRESSES = ("127.0.0.11", "127.0.0.12")


@dataclass
class Exits:
    """A pool over both, the provider, and the programs: our side of each tunnel, and the far."""

    pool: Pool
    provider: Provider
    origin: Server
    near: list[asyncio.subprocess.Process]
    far: list[asyncio.subprocess.Process]

    async def ask(self, url: str = URL) -> str:
        """Return the exit that the provider saw, as an upstream asks for it."""
        while True:
            async with self.pool.send(HTTPRequest(url, body=b"{}", connect=5.0)) as answer:
                body = await answer.read()
                if body != BLOCKED or not answer.barred():
                    return body.decode()

    def states(self) -> list[str]:
        return [way.health.state.value for way in self.pool.ways.all]


async def stop(process: asyncio.subprocess.Process) -> None:
    """Freeze a program; a moment passes until every thread of it stands still."""
    process.send_signal(signal.SIGSTOP)
    threads = Path(f"/proc/{process.pid}/task")
    await until(
        lambda: all(
            (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
            for thread in threads.iterdir()
        )
    )


@asynccontextmanager
async def exits(
    engines: Engines, folder: Path, tls: ssl.SSLContext, trust: Path
) -> AsyncIterator[Exits]:
    """Open both tunnels, each with an engine of its own on either side."""
    provider = Provider()
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(provider, tls))
        site = await stack.enter_async_context(serving(shut, tls))
        inlets, processes = [], []
        for kind, address in zip(KINDS, ADDRESSES, strict=True):
            tunnel = TUNNELS[kind](free_port())
            inlets.append(Inlet(kind, free_port(), tunnel))
            near = engines.command(
                "xray", believing(render((inlets[-1],), Listeners(), "xray"), trust), folder
            )
            server, inbound = server_side(tunnel, site.port)
            place = folder / kind
            place.mkdir()
            far = engines.command(
                server, coming_from(address, server, far_end(server, inbound, origin.port)), place
            )
            ends = ((near, inlets[-1].port), (far, tunnel.port))
            processes.append(await stack.enter_async_context(both(*ends, trust)))
        pool = Pool(Tunnel("google", vias(tuple(inlets), Listeners())), trust)
        stack.push_async_callback(pool.aclose)
        near_side, far_side = zip(*processes, strict=True)
        yield Exits(pool, provider, origin, list(near_side), list(far_side))


def coming_from(address: str, engine: str, configured: str) -> str:
    """Return the configuration of a far end whose connections come from *address*."""
    whole = json.loads(configured)
    field = "sendThrough" if engine == "xray" else "inet4_bind_address"
    whole["outbounds"][0][field] = address
    return json.dumps(whole)
