"""Connections of one egress path: dialled, kept, reused, closed."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import certifi

from portico.egress.clients import ConnectFailed, HTTPRequest, TunnelDown
from portico.egress.http1 import Connection
from portico.egress.paths import Direct, Path, Via
from portico.egress.tunnel import Greeting, pass_through

_KEEP = 50.0  # seconds a connection may wait; below what providers keep theirs open
_MOST_IDLE = 128  # per host


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes."""

    secure: bool
    host: str
    port: int


class Pool:
    """An `egress.clients.Client` over one path; whoever opens it closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: dict[Origin, list[Connection]] = {}
        self._live: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None
        self._heads: dict[str, tuple[Origin, str]] = {}

    def send(self, request: HTTPRequest) -> "Sending":
        """See `egress.clients.Client.send`."""
        return Sending(self, request)

    async def aclose(self) -> None:
        """Hang up everything, also what is in use."""
        for connection in list(self._live):
            connection.hang_up()
        self._idle.clear()
        await asyncio.sleep(0)  # lets the transports say goodbye

    async def take(self, request: HTTPRequest) -> tuple[Origin, Connection]:
        """Return a connection for *request*, kept or new; raises ConnectFailed."""
        origin, _ = self.origin(request.url)
        now = asyncio.get_running_loop().time()
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.closed and now - connection.idle_since < _KEEP:
                return origin, connection
            connection.hang_up()
        return origin, await self._dial(origin, request.connect)

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer is whole; hang up any other."""
        idle = self._idle.setdefault(origin, [])
        if connection.reusable and len(idle) < _MOST_IDLE:
            connection.rest(asyncio.get_running_loop().time())
            idle.append(connection)
        else:
            connection.hang_up()

    def origin(self, url: str) -> tuple[Origin, str]:
        """Return where *url* points and the request target; raises ConnectFailed."""
        known = self._heads.get(url)
        if known is None:
            known = _split(url)
            if len(self._heads) < 256:
                self._heads[url] = known
        return known

    async def _dial(self, origin: Origin, seconds: float) -> Connection:
        try:
            async with asyncio.timeout(seconds):
                if isinstance(self.path, Direct):
                    return await self._straight(origin)
                return await self._tunnelled(origin, self.path.via, seconds)
        except TimeoutError:
            refused = ConnectFailed if isinstance(self.path, Direct) else TunnelDown
            raise refused(f"no connection within {seconds:g} s") from None
        except ssl.SSLError as exc:
            raise ConnectFailed(f"TLS failed: {exc.reason or type(exc).__name__}") from exc
        except OSError as exc:
            raise ConnectFailed(f"no connection: {exc.strerror or type(exc).__name__}") from exc

    async def _straight(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            self._connection,
            origin.host,
            origin.port,
            ssl=self._secure() if origin.secure else None,
        )
        return connection

    async def _tunnelled(self, origin: Origin, via: tuple[Via, ...], seconds: float) -> Connection:
        """Try the tunnels in their order; nothing has been sent, so the next one is safe."""
        last: Exception = TunnelDown("no tunnel")
        for tunnel in via:
            try:
                async with asyncio.timeout(seconds / len(via)):
                    return await self._through(origin, tunnel)
            except (TunnelDown, OSError) as exc:  # TimeoutError is an OSError
                last = exc
        if isinstance(last, TunnelDown):
            raise last
        raise TunnelDown(f"the tunnel {via[-1]} did not answer: {type(last).__name__}")

    async def _through(self, origin: Origin, via: Via) -> Connection:
        loop = asyncio.get_running_loop()
        transport, greeting = await loop.create_connection(Greeting, via.host, via.port)
        try:
            await pass_through(greeting, via, origin.host, origin.port)
            connection = self._connection()
            transport.set_protocol(connection)
            if origin.secure:
                secured = await loop.start_tls(
                    transport, connection, self._secure(), server_hostname=origin.host
                )
                assert secured is not None
                transport = secured
            connection.connection_made(transport)
        except BaseException:
            transport.abort()
            raise
        return connection

    def _connection(self) -> Connection:
        connection = Connection(self._forget)
        self._live.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._live.discard(connection)
        for idle in self._idle.values():
            if connection in idle:
                idle.remove(connection)

    def _secure(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=certifi.where())
        return self._tls


class Sending:
    """One request under way: an async context manager that gives its answer."""

    __slots__ = ("_connection", "_origin", "_pool", "_request")

    def __init__(self, pool: Pool, request: HTTPRequest) -> None:
        self._pool = pool
        self._request = request
        self._connection: Connection | None = None

    async def __aenter__(self) -> "Sending":
        self._origin, self._connection = await self._pool.take(self._request)
        try:
            self._connection.ask(_head(self._pool, self._request), self._request.body)
            await self._connection.answered()
        except BaseException:
            self._connection.hang_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._connection is not None
        self._pool.give_back(self._origin, self._connection)

    @property
    def status(self) -> int:
        """The status code."""
        assert self._connection is not None
        return self._connection.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case; of a repeated one the last counts."""
        assert self._connection is not None
        return self._connection.headers

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """Return the whole body; raises TooLarge, ConnectionLost, NotHTTP."""
        assert self._connection is not None
        return await self._connection.read(limit)

    def chunks(self) -> "Sending":
        """Give whatever has arrived, never empty; raises ConnectionLost, NotHTTP."""
        return self

    def __aiter__(self) -> "Sending":
        return self

    async def __anext__(self) -> bytes:
        assert self._connection is not None
        if chunk := await self._connection.next_chunk():
            return chunk
        raise StopAsyncIteration


def _split(url: str) -> tuple[Origin, str]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        port = parts.port or (443 if secure else 80)
    except ValueError:
        raise ConnectFailed("the address has an impossible port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectFailed("the address is not an http(s) URL")
    target = parts.path or "/"
    return Origin(
        secure, parts.hostname, port
    ), f"{target}?{parts.query}" if parts.query else target


def _head(pool: Pool, request: HTTPRequest) -> bytes:
    origin, target = pool.origin(request.url)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != (443 if origin.secure else 80):
        host = f"{host}:{origin.port}"
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if request.body or request.method != "GET":
        lines.append(f"content-length: {len(request.body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ConnectFailed("a header holds a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
