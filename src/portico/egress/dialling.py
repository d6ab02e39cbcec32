"""From an origin to a connection: straight, at a pinned address, or through a tunnel."""

import asyncio
import os
import pathlib
import ssl
from functools import partial

import certifi

from portico.egress.clients import ConnectFailed, TunnelDown
from portico.egress.hosts import Hosts, WrongPath
from portico.egress.http1 import Connection, Lost
from portico.egress.origins import Origin
from portico.egress.paths import Direct, Path, Tunnel, Via
from portico.egress.racing import STAGGER, race
from portico.egress.tunnel import Greeting, pass_through


class Dialler:
    """
    Makes the connections of one path; holds none of them.

    Believes certifi's roots and those in the file *trust* (PEM), for a lab with a CA of its own;
    construction raises OSError if that file cannot be read. Dials only what *hosts* give to the
    path; without any, everything.
    """

    def __init__(
        self, path: Path, trust: pathlib.Path | None = None, hosts: Hosts | None = None
    ) -> None:
        self.path = path
        self.hosts = hosts  # replaced as a whole when the configuration is
        self._roots = trust.read_text() if trust is not None else None
        self._tls: ssl.SSLContext | None = None

    def check(self, origin: Origin) -> None:
        """Raise WrongPath unless *origin* is this path's to ask."""
        if self.hosts is not None:
            self.hosts.check(self.path.name, origin)

    async def dial(
        self, origin: Origin, seconds: float, lost: Lost, *, at: str | None = None
    ) -> Connection:
        """
        Return a new connection to *origin* within *seconds*; *lost* is told of its end.

        *at* is a numeric address that is dialled in place of the origin's host, whose name TLS
        still proves; nothing is resolved then. A tunnel resolves at its far end and takes none:
        its listeners are tried in their order, the next as soon as one fails or is slow.

        Raises:
            ConnectFailed: and its subclasses TunnelDown and WrongPath.
            ValueError: an address for a tunnelled path.
        """
        if isinstance(self.path, Direct):
            return await self._straight(origin, seconds, lost, at)
        if at is not None:
            raise ValueError("a tunnel takes names, no pinned address")
        ways = self.path.via
        dials = [partial(self.through, via, origin, seconds, lost) for via in ways]
        return (await race(dials, min(STAGGER, seconds / len(ways)))).connection

    async def through(self, via: Via, origin: Origin, seconds: float, lost: Lost) -> Connection:
        """
        Return a new connection to *origin* through that one listener within *seconds*.

        Raises:
            TunnelDown: also where the far end is no TLS server with the origin's name.
            WrongPath: the path does not carry the origin, or has no such listener.
        """
        self.check(origin)
        if not isinstance(self.path, Tunnel) or via not in self.path.via:
            raise WrongPath(f"the egress path {self.path.name} has no listener {via}")
        try:
            async with asyncio.timeout(seconds):
                return await self._through(origin, lost, via)
        except TimeoutError:
            raise TunnelDown(f"the tunnel {via} made no connection within {seconds:g} s") from None
        except OSError as exc:
            raise TunnelDown(f"the tunnel {via}: {_said(exc)}") from exc

    async def _straight(
        self, origin: Origin, seconds: float, lost: Lost, at: str | None
    ) -> Connection:
        self.check(origin)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(lost),
                    at or origin.host,
                    origin.port,
                    ssl=await self._secure() if origin.secure else None,
                    server_hostname=origin.host if origin.secure else None,
                )
                return connection
        except TimeoutError:
            raise ConnectFailed(f"no connection within {seconds:g} s") from None
        except OSError as exc:
            raise ConnectFailed(_said(exc)) from exc

    async def _through(self, origin: Origin, lost: Lost, via: Via) -> Connection:
        loop = asyncio.get_running_loop()
        tls = await self._secure() if origin.secure else None  # first: nothing waits between
        transport, greeting = await loop.create_connection(Greeting, via.host, via.port)
        try:
            await pass_through(greeting, via, origin.host, origin.port)
            if transport.is_closing():  # it said yes, and its far end is dead
                raise TunnelDown(f"the tunnel {via} hung up")
            connection = Connection(lost)
            transport.set_protocol(connection)
            if tls is not None:
                secured = await loop.start_tls(
                    transport, connection, tls, server_hostname=origin.host
                )
                assert secured is not None
                transport = secured
            connection.connection_made(transport)
        except BaseException:
            transport.abort()
            raise
        return connection

    async def _secure(self) -> ssl.SSLContext:
        if self._tls is None:  # reading the roots takes 20 ms, which are not the loop's
            self._tls = await asyncio.to_thread(_trusting, self._roots)
        return self._tls


def _trusting(roots: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    if roots is not None:
        context.load_verify_locations(cadata=roots)
    return context


def _said(error: OSError) -> str:
    """What went wrong, without the addresses that the system's own message holds."""
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    if error.errno is not None and error.errno > 0:
        return f"no connection: {os.strerror(error.errno).lower()}"
    return f"no connection: {error.strerror or type(error).__name__}"
