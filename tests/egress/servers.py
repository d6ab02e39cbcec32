"""Small raw servers on real sockets: upstreams and tunnels that do exactly what a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from portico.egress.pool import Pool

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    port: int = 0
    accepted: int = 0
    asked: list[bytes] = field(default_factory=list)
    handlers: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/v1", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def left(self) -> None:
        """Wait until every client has gone."""
        while self.handlers:
            await asyncio.wait(self.handlers)


async def settled(pool: Pool, connections: int) -> None:
    """Let our loop hear of the connections that have ended."""
    for _ in range(1000):
        if pool.connections == connections:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{pool.connections} connections are open")


async def until(true: Callable[[], bool]) -> None:
    """Wait for what the background does."""
    for _ in range(3000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


@asynccontextmanager
async def serving(
    handler: Handler,
    tls: ssl.SSLContext | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Server]:
    """Serve *handler*, on a free port unless told; whoever is served at the end is cut off."""
    here = Server()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.accepted += 1
        task = asyncio.ensure_future(one(reader, writer))
        here.handlers.add(task)
        task.add_done_callback(here.handlers.discard)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(on_connection, host, port, ssl=tls)
    here.port = listener.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        listener.close()
        for task in list(here.handlers):
            task.cancel()
        if here.handlers:
            await asyncio.wait(here.handlers)
        for _ in range(5):
            await asyncio.sleep(0)  # aborted transports say goodbye


async def request(reader: asyncio.StreamReader) -> bytes:
    """Return one request, head and body; raises IncompleteReadError when nobody asks any more."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)


@asynccontextmanager
async def answering(
    *answers: bytes, tls: ssl.SSLContext | None = None, then_close: bool = False
) -> AsyncIterator[Server]:
    """Answer each request of a connection with the next of *answers*, the last one for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(answers)
        while True:
            here.asked.append(await request(reader))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
            if then_close:
                writer.close()
                await writer.wait_closed()
                return

    async with serving(handler, tls) as here:
        yield here


@dataclass
class Stall:
    """A server that goes one step further and then says nothing until its client is gone."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    said: bytes = b""
    listens: bool = True

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.listens:
            await request(reader)
            writer.write(self.said)
            await writer.drain()
        self.reached.set()
        while await reader.read(65536):
            pass


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@dataclass
class Proxy:
    """What a tunnel's listener was asked for; every name leads to *port* on this host."""

    port: int
    hosts: list[tuple[str, int]] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    credentials: tuple[str, str] | None = None
    refusal: bytes = b""
    """What is said instead of yes."""
    kind: int = 1
    """SOCKS: the address type of the reply (1, 3, 4)."""

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            far_writer.transport.abort()


class Socks(Proxy):
    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 2 if self.credentials else 0
        if version != 5 or wanted not in methods:
            writer.write(b"\x05\xff")
            await writer.drain()
            return
        writer.write(bytes([5, wanted]))
        if self.credentials and not await self._sign_in(reader, writer):
            return
        head = await reader.readexactly(4)
        assert head == b"\x05\x01\x00\x03", "an address instead of a name"
        name = await reader.readexactly((await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2))
        self.hosts.append((name.decode(), port))
        if self.refusal:
            writer.write(self.refusal)
            await writer.drain()
            return
        address = {1: bytes(4), 3: b"\x04here", 4: bytes(16)}[self.kind]
        writer.write(bytes([5, 0, 0, self.kind]) + address + b"\x00\x00")
        await self.join(reader, writer)

    async def _sign_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        self.signed_in.append((user.decode(), password.decode()))
        right = self.signed_in[-1] == self.credentials
        writer.write(b"\x01\x00" if right else b"\x01\x01")
        await writer.drain()
        return right


class Connect(Proxy):
    heads: list[bytes]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads = [*getattr(self, "heads", []), head]
        name, _, port = head.split(b" ")[1].decode().rpartition(":")
        self.hosts.append((name, int(port)))
        writer.write(self.refusal or b"HTTP/1.1 200 Connection established\r\nvia: us\r\n\r\n")
        await writer.drain()
        if not self.refusal:
            await self.join(reader, writer)
