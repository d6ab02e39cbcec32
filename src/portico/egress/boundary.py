"""
Whether this process has a way out of its own: routes, connections, names.

What is asked for is nobody's secret: neutral addresses, and names made up for the occasion.
"""

import asyncio
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import cast

from portico.egress.addresses import Address
from portico.egress.findings import Check, Finding, fine, leak
from portico.egress.names import Resolve

type Endpoint = tuple[Address, int]

RESOLVERS = Path("/etc/resolv.conf")
"""Where the system keeps whom it asks for names."""

_CLOSE = "take route and addresses from this network: docs/operations/tunnel.md, the boundary"
_NAMELESS = "give this process no name server (`dns: [127.0.0.1]` in a container)"
_ANSWERED = frozenset({0, 3})  # NOERROR, NXDOMAIN: somebody out there was asked


def shown(endpoint: Endpoint) -> str:
    """Return an endpoint as people write it."""
    address, port = endpoint
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


async def closed(outside: Iterable[Endpoint], within: float) -> list[Finding]:
    """Say of each endpoint whether it is out of reach, as it should be; all at once."""
    return list(await asyncio.gather(*(_closed(each, within) for each in outside)))


async def _closed(endpoint: Endpoint, within: float) -> Finding:
    where = shown(endpoint)
    if not routed(endpoint):
        return fine(Check.CLOSED, where, "there is no route to it")
    if await reached(endpoint, within):
        return leak(Check.CLOSED, where, "can be reached directly", _CLOSE)
    return fine(Check.CLOSED, where, "there is a route, and nobody answers: see control")


def routed(endpoint: Endpoint) -> bool:
    """Say whether the system knows a way to *endpoint*; nothing is sent."""
    address, port = endpoint
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((str(address), port))  # of a datagram's socket: a look at the table
    except OSError:
        return False
    return True


async def reached(endpoint: Endpoint, within: float) -> bool:
    """Say whether somebody at *endpoint* takes or refuses a connection."""
    address, port = endpoint
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(str(address), port)
    except ConnectionRefusedError:
        return True  # somebody is there
    except OSError:  # a timeout is one
        return False
    writer.transport.abort()
    return True


async def nameless(resolve: Resolve, within: float, resolvers: Path = RESOLVERS) -> list[Finding]:
    """Say whether anybody answers for a name that does not exist."""
    name = f"{secrets.token_hex(8)}.example.com"
    found: list[Finding] = []
    with suppress(OSError):  # a timeout is one
        async with asyncio.timeout(within):
            if await resolve(name, 443):
                found.append(leak(Check.NAMES, "the system", "it resolves names", _NAMELESS))
    known = servers(resolvers)
    told = await asyncio.gather(*(_answers(server, name, within) for server in known))
    found += [
        leak(Check.NAMES, server, "a name server answers", _NAMELESS)
        for server, answers in zip(known, told, strict=True)
        if answers
    ]
    return found or [fine(Check.NAMES, "the system", "nobody answers for names")]


def servers(resolvers: Path) -> list[str]:
    """Return the name servers that *resolvers* (a resolv.conf) names."""
    try:
        lines = resolvers.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]


async def _answers(server: str, name: str, within: float) -> bool:
    loop = asyncio.get_running_loop()
    answered = loop.create_future()
    try:
        async with asyncio.timeout(within):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Asking(query(name), answered), remote_addr=(server, 53)
            )
            try:
                said: bytes = await answered
            finally:
                transport.close()
    except (OSError, ValueError):  # a timeout is an OSError; a server's name may be none
        return False
    return len(said) >= 4 and said[3] & 0x0F in _ANSWERED


def query(name: str) -> bytes:
    """Return a DNS question for the address of *name* (RFC 1035 §4)."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    head = secrets.token_bytes(2) + b"\x01\0\0\x01\0\0\0\0\0\0"
    return head + labels + b"\0\0\x01\0\x01"


class _Asking(asyncio.DatagramProtocol):
    """Asks once; *answered* gets the answer, or why there is none."""

    def __init__(self, question: bytes, answered: "asyncio.Future[bytes]") -> None:
        self._question = question
        self._answered = answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclass
        cast(asyncio.DatagramTransport, transport).sendto(self._question)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answered.done() and data[:2] == self._question[:2]:
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)
