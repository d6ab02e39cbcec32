"""From an origin to a connection: straight, at a pinned address, or through a tunnel."""

import asyncio
import os
import pathlib
import ssl

import certifi

from portico.egress.clients import ConnectFailed, TunnelDown
from portico.egress.http1 import Connection, Lost
from portico.egress.origins import Origin
from portico.egress.paths import Direct, Path, Via
from portico.egress.tunnel import Greeting, pass_through


class Dialler:
    """
    Makes the connections of one path; holds none of them.

    Believes certifi's roots and those in the file *trust* (PEM), for a lab with a CA of its own;
    construction raises OSError if that file cannot be read.
    """

    def __init__(self, path: Path, trust: pathlib.Path | None = None) -> None:
        self.path = path
        self._roots = trust.read_text() if trust is not None else None
        self._tls: ssl.SSLContext | None = None

    async def dial(
        self, origin: Origin, seconds: float, lost: Lost, *, at: str | None = None
    ) -> Connection:
        """
        Return a new connection to *origin* within *seconds*; *lost* is told of its end.

        *at* is a numeric address that is dialled in place of the origin's host, whose name TLS
        still proves; nothing is resolved then. A tunnel resolves at its far end and takes none.

        Raises:
            ConnectFailed: and its subclass TunnelDown.
            ValueError: an address for a tunnelled path.
        """
        try:
            async with asyncio.timeout(seconds):
                if isinstance(self.path, Direct):
                    return await self._straight(origin, lost, at or origin.host)
                if at is not None:
                    raise ValueError("a tunnel takes names, no pinned address")
                return await self._tunnelled(origin, lost, self.path.via, seconds)
        except TimeoutError:
            refused = ConnectFailed if isinstance(self.path, Direct) else TunnelDown
            raise refused(f"no connection within {seconds:g} s") from None
        except OSError as exc:
            raise ConnectFailed(_said(exc)) from exc

    async def _straight(self, origin: Origin, lost: Lost, host: str) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(lost),
            host,
            origin.port,
            ssl=await self._secure() if origin.secure else None,
            server_hostname=origin.host if origin.secure else None,
        )
        return connection

    async def _tunnelled(
        self, origin: Origin, lost: Lost, via: tuple[Via, ...], seconds: float
    ) -> Connection:
        """Try the tunnels in their order; nothing has been sent, so the next one is safe."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        last = TunnelDown("no tunnel")
        for left, tunnel in zip(range(len(via), 0, -1), via, strict=True):
            try:
                async with asyncio.timeout((deadline - loop.time()) / left):
                    return await self._through(origin, lost, tunnel)
            except TunnelDown as exc:
                last = exc
            except TimeoutError:
                last = TunnelDown(f"the tunnel {tunnel} did not answer in time")
            except OSError as exc:
                last = TunnelDown(f"the tunnel {tunnel}: {_said(exc)}")
        raise last

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
