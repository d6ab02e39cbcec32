"""One port at two addresses: what may be asked, and what is inside."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from portico.artifacts.addresses import Rules
from portico.artifacts.fetch import Bounds, Fetcher
from portico.artifacts.pictures import PictureRefused
from portico.egress.dialling import Dialler
from portico.egress.paths import Direct
from tests.artifacts.tricks import WHERE
from tests.egress.servers import Server, request, serving

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
OUTSIDE = "127.0.0.2"  # stands for the public internet: loopback too, but an address of its own


@dataclass
class Names:
    """A name server in the wrong hands: what it has no answer for, leads to us."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    """For each host what it says the first time, the second, ...; the last for ever."""
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
        self.asked.append(host)
        if host in self.answers:
            said = self.answers[host]
            return [ip_address(each) for each in (said.pop(0) if len(said) > 1 else said[0])]
        with suppress(OSError):  # what the system takes for a number without asking anybody
            found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
            return [ip_address(sockaddr[0]) for *_, sockaddr in found]
        return [ip_address(each) for each in WHERE.get(host, ["127.0.0.1", "::1"])]


def answer(
    body: bytes = PNG, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {length or len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def to(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"location: {location}", status=status)


@dataclass
class House:
    """
    One port at two addresses: OUTSIDE is a server that we may ask, inside is nobody's business.

    The canary inside counts who comes. Only the address tells them apart: the port is allowed.
    """

    outside: Server
    canaries: dict[str, Server]
    pages: dict[str, bytes]
    names: Names = field(default_factory=Names)
    trust: Path | None = None

    @property
    def port(self) -> int:
        return self.outside.port

    def url(self, path: str = "/", host: str = OUTSIDE, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def rules(self) -> Rules:
        also = frozenset({(ip_address(OUTSIDE), self.port)})
        return Rules(ports=frozenset({self.port}), also=also)

    def fetcher(self, bounds: Bounds | None = None) -> Fetcher:
        dialler = Dialler(Direct(), self.trust)
        return Fetcher(dialler, self.rules, bounds or Bounds(), self.names)

    async def fetch(self, url: str, bounds: Bounds | None = None) -> bytes:
        async with aclosing(self.fetcher(bounds)) as fetcher:
            return await fetcher.fetch(url)

    async def refused(self, url: str, bounds: Bounds | None = None) -> str:
        with pytest.raises(PictureRefused) as refused:
            await self.fetch(url, bounds)
        await self.outside.left()  # nobody stays on
        return str(refused.value)

    async def nobody_came_in(self) -> bool:
        """Knock last: whoever came before us is counted by then."""
        for address, listener in self.canaries.items():
            reader, writer = await asyncio.open_connection(address, self.port)
            await reader.read()
            writer.transport.abort()
            if listener.accepted > 1:
                return False
        return True


async def canary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer())
    writer.write_eof()


@asynccontextmanager
async def house(tls: ssl.SSLContext | None = None) -> AsyncIterator[House]:
    pages: dict[str, bytes] = {}

    async def outside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        server.asked.append(asked)
        page = asked.split(b" ")[1].decode()
        writer.write(pages.get(page) or answer(b"no", status="404 Not Found"))
        await reader.read()

    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(canary))
        canaries = {"127.0.0.1": first}
        with suppress(OSError):  # a machine without IPv6
            six = serving(canary, host="::1", port=first.port)
            canaries["::1"] = await stack.enter_async_context(six)
        server = await stack.enter_async_context(
            serving(outside, tls, host=OUTSIDE, port=first.port)
        )
        yield House(server, canaries, pages)
