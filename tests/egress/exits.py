"""A provider that sees where requests come from, and listeners that come out where a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from portico.egress.clients import HTTPRequest
from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from portico.egress.ways import Way
from tests.egress.servers import Connect, Server, request, serving

URL = "https://upstream.test/v1beta/models"
BLOCKED = b'{"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "User location is '
BLOCKED += b'not supported for the API use."}}'


@dataclass
class Provider:
    """Answers with the address that it sees; refuses those that are `abroad`."""

    abroad: set[str] = field(default_factory=set)
    regions: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: bytes = b"200 OK"
    said: bytes = b""
    """What it answers in place of the address."""
    hang_up: bool = False
    """Takes a request and closes."""
    cut: bool = False
    """Gives half a body, and no more."""
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, requests are taken and get no head."""

    def __post_init__(self) -> None:
        self.speaks.set()

    @property
    def charged(self) -> int:
        """How many requests it has worked for."""
        return sum(address not in self.abroad for address in self.asked)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address: str = writer.get_extra_info("peername")[0]
        while True:
            head = await request(reader)
            self.asked.append(address)
            if self.hang_up:
                return
            await self.speaks.wait()
            status, body = self.status, self.said or address.encode()
            if b"/trace " in head:
                body = f"fl=1\nip={address}\nloc={self.regions.get(address, 'XX')}\n".encode()
            elif address in self.abroad:
                status, body = b"400 Bad Request", BLOCKED
            told = body[:1] if self.cut else body
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), told))
            await writer.drain()


class Outlet(Connect):
    """A listener whose far end is at *address*; it can be frozen, as a stopped process is."""

    def __init__(self, port: int, address: str) -> None:
        super().__init__(port)
        self.address = address
        self.thawed = asyncio.Event()
        self.thawed.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.thawed.wait()
        await super().__call__(reader, writer)

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far[1]))
                group.create_task(self._pump(far[0], writer))
        finally:
            far[1].transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self.thawed.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@dataclass
class Lab:
    """A path with several exits: 127.0.0.11, 127.0.0.12 and so on, in this order."""

    pool: Pool
    provider: Provider
    origin: Server
    outlets: list[Outlet]
    listeners: list[Server]
    open: list[AsyncExitStack]

    async def ask(self, connect: float = 3.0, url: str = URL) -> str:
        """Return the address that the provider saw."""
        async with self.pool.send(HTTPRequest(url, body=b"{}", connect=connect)) as answer:
            return (await answer.read()).decode()

    def way(self, number: int) -> Way:
        return self.pool.ways.all[number]

    def states(self) -> list[str]:
        return [way.health.state.value for way in self.pool.ways.all]

    async def kill(self, number: int) -> None:
        """End a listener as a process ends: nobody listens, and its connections are cut."""
        await self.open[number].aclose()

    def freeze(self, number: int) -> None:
        self.outlets[number].thawed.clear()

    async def revive(self, number: int) -> None:
        """Listen again, at the same port."""
        serve = serving(self.outlets[number], port=self.listeners[number].port)
        self.listeners[number] = await self.open[number].enter_async_context(serve)


@asynccontextmanager
async def lab(tls: ssl.SSLContext, trust: Path, exits: int = 2) -> AsyncIterator[Lab]:
    """Open a provider, *exits* listeners that lead there, and a pool over them."""
    provider = Provider()
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(provider, tls))
        outlets = [Outlet(origin.port, f"127.0.0.{11 + number}") for number in range(exits)]
        stacks, listeners = [], []
        for outlet in outlets:
            stacks.append(await stack.enter_async_context(AsyncExitStack()))
            listeners.append(await stacks[-1].enter_async_context(serving(outlet)))
        vias = tuple(Via("http", "127.0.0.1", listener.port) for listener in listeners)
        pool = Pool(Tunnel("google", vias), trust)
        try:
            yield Lab(pool, provider, origin, outlets, listeners, stacks)
        finally:
            await pool.aclose()
            for outlet in outlets:
                outlet.thawed.set()
