"""Through a tunnel's listener to a named host: HTTP CONNECT and SOCKS5 with remote names."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import cast

from portico.egress.clients import TunnelDown
from portico.egress.paths import Via

_MOST = 16 * 1024  # more than any listener's greeting; a flood is cut here

SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928 §6."""


class Greeting(asyncio.Protocol):
    """Owns a connection until the tunnel has said that the far end is there."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._more: asyncio.Future[None] | None = None
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio's promise."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        """Take what the listener says, up to a bound."""
        self._received += data
        if len(self._received) > _MOST:
            self._closed = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def _until(self, enough: Callable[[bytearray], int]) -> bytes:
        """Return the first bytes for which *enough* gives their count (0: not yet)."""
        while not (count := enough(self._received)):
            if self._closed:
                raise TunnelDown("the tunnel closed during its handshake")
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    async def exactly(self, count: int) -> bytes:
        """Return the next *count* bytes; raises TunnelDown if they do not come."""
        return await self._until(lambda got: count if len(got) >= count else 0)

    async def head(self) -> bytes:
        """Return everything up to an empty line; raises TunnelDown."""

        def through_blank_line(got: bytearray) -> int:
            end = got.find(b"\r\n\r\n")
            return end + 4 if end >= 0 else 0

        return await self._until(through_blank_line)

    @property
    def clean(self) -> bool:
        """True while the far end may be spoken to: still open, and nothing said out of turn."""
        return not self._closed and not self._received

    def say(self, data: bytes) -> None:
        """Send *data* to the listener."""
        assert self.transport is not None
        self.transport.write(data)


async def pass_through(greeting: Greeting, via: Via, host: str, port: int) -> None:
    """
    Ask the listener for *host*:*port*; the caller's clock bounds it.

    *host* is sent as it is (ASCII, at most 253 characters): who is there is the far end's to say.

    Raises:
        TunnelDown: refused, closed, or not speaking its protocol.
    """
    if via.kind == "http":
        await _connect(greeting, via, host, port)
    else:
        await _socks(greeting, via, host, port)
    if not greeting.clean:
        raise TunnelDown(f"the tunnel {via} closed or spoke out of turn")


async def _connect(greeting: Greeting, via: Via, host: str, port: int) -> None:
    name = f"[{host}]" if ":" in host else host
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"host: {name}:{port}"]
    if via.user:
        token = b64encode(f"{via.user}:{via.password}".encode()).decode()
        lines.append(f"proxy-authorization: Basic {token}")
    greeting.say("\r\n".join([*lines, "", ""]).encode("latin-1"))
    status = (await greeting.head()).split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1][:1] != b"2":
        said = status[1].decode("latin-1")[:3] if len(status) > 1 else "nothing of HTTP"
        raise TunnelDown(f"the tunnel {via} refused the connection ({said})")


async def _socks(greeting: Greeting, via: Via, host: str, port: int) -> None:
    method = 2 if via.user else 0
    greeting.say(bytes([5, 1, method]))
    version, chosen = await greeting.exactly(2)
    if version != 5 or chosen != method:
        raise TunnelDown(f"the tunnel {via} accepts no way of signing in that we have")
    if method == 2:
        user, password = via.user.encode(), via.password.encode()
        greeting.say(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if (await greeting.exactly(2))[1] != 0:
            raise TunnelDown(f"the tunnel {via} refused our name and password")
    name = host.encode()
    greeting.say(bytes([5, 1, 0, 3, len(name)]) + name + port.to_bytes(2))
    version, reply, _, kind = await greeting.exactly(4)
    if version != 5 or reply:
        reason = SOCKS_REPLIES.get(reply, f"reply {reply}")
        raise TunnelDown(f"the tunnel {via} could not reach the host: {reason}")
    length = {1: 4, 4: 16}.get(kind) or (await greeting.exactly(1))[0]
    await greeting.exactly(length + 2)
