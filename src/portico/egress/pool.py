"""An egress path as an HTTP client: its own hosts only, each request by the way that serves."""

import asyncio
import pathlib
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType

from portico.egress.clients import ConnectionLost, HTTPRequest, HungUp
from portico.egress.dialling import Dialler
from portico.egress.health import Sign
from portico.egress.hosts import Hosts
from portico.egress.http1 import Connection
from portico.egress.lines import Lines
from portico.egress.origins import Origin, begun, ended, split
from portico.egress.paths import Direct, Path
from portico.egress.status import PathStatus, Receipt
from portico.egress.ways import Way, Ways

_DOUBT, _DOUBT_AGAIN = 0.5, 3.0  # seconds without a head, after which the tunnel is looked at


class Pool:
    """
    An `egress.clients.Client` over one path; whoever opens it closes it.

    *trust* and *hosts* are as `egress.dialling.Dialler` says. A connection rests for at most
    *keep* seconds: less than what providers keep theirs open.
    """

    def __init__(
        self,
        path: Path,
        trust: pathlib.Path | None = None,
        *,
        keep: float = 50.0,
        hosts: Hosts | None = None,
    ) -> None:
        self.path = path
        self.on_down = "reroute"  # or fail: what becomes of requests while no way is up
        self.ways = Ways(path, self._on_down)
        self._dialler = Dialler(path, trust, hosts)
        self.lines = Lines(self._dialler, self.ways, keep)
        self._waiting: set[Sending] = set()  # for the head of an answer, through a tunnel
        self._heads = lru_cache(256)(self._checked)  # a path's few heads, over and over

    def send(self, request: HTTPRequest) -> "Sending":
        """See `egress.clients.Client.send`."""
        return Sending(self, request)

    def send_by(self, way: Way, request: HTTPRequest) -> "Sending":
        """Send by that one way and by no other, however it does; for probes."""
        return Sending(self, request, way)

    def belong(self, hosts: Hosts) -> None:
        """Carry what *hosts* say from now on; what is under way goes on."""
        self._dialler.hosts = hosts
        self._heads.cache_clear()

    @property
    def connections(self) -> int:
        """How many connections are open, in use and resting."""
        return len(self.lines)

    @property
    def status(self) -> PathStatus:
        """How the path and its listeners do now."""
        if isinstance(self.path, Direct):
            return PathStatus(self.path.name, "direct", True, self.connections)
        now = asyncio.get_running_loop().time()
        listeners = tuple(way.status(now) for way in self.ways.all)
        return PathStatus(
            self.path.name,
            "tunnel",
            self.ways.up,
            self.connections,
            listeners,
            self.ways.closed,
            self.on_down,
        )

    async def aclose(self) -> None:
        """Hang up everything, also what is in use or being dialled; nothing is sent after this."""
        await self.lines.aclose()

    def address(self, request: HTTPRequest) -> tuple[Origin, bytes]:
        """Return where *request* goes and its head; raises ConnectFailed, WrongPath."""
        origin, head = self._heads(request.method, request.url, tuple(request.headers.items()))
        return origin, ended(request, head)

    def _checked(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...]
    ) -> tuple[Origin, bytes]:
        origin, target = split(url)
        self._dialler.check(origin)
        return origin, begun(method, origin, target, headers)

    def _on_down(self, way: Way) -> None:
        """Whoever waits on a dead tunnel for a head goes by another, if there is one."""
        if self.ways.elsewhere(way):
            for sending in self._waiting:
                sending.give_up(way)

    def watch(self, sending: "Sending") -> None:
        """Count *sending* among those who wait for a head through a tunnel."""
        self._waiting.add(sending)

    def unwatch(self, sending: "Sending") -> None:
        """Do not."""
        self._waiting.discard(sending)


class Sending:
    """One request under way: an async context manager that gives its answer."""

    __slots__ = (
        "_connection",
        "_origin",
        "_pool",
        "_request",
        "_timer",
        "_wanted",
        "_way",
        "headers",
        "status",
    )

    headers: Mapping[str, str]
    status: int

    def __init__(self, pool: Pool, request: HTTPRequest, wanted: Way | None = None) -> None:
        self._pool = pool
        self._request = request
        self._wanted = wanted
        self._connection: Connection | None = None
        self._way = pool.ways.all[0]
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Sending":
        self._origin, head = self._pool.address(self._request)
        fresh, but = False, None
        while True:
            ways = (self._wanted,) if self._wanted is not None else self._pool.ways.order(but)
            seconds = self._request.connect
            way, connection = await self._pool.lines.take(self._origin, seconds, ways, fresh=fresh)
            try:
                connection.ask(head, self._request.body)
                await self._answered(way, connection)
                break
            except ConnectionLost as lost:
                connection.hang_up()
                if isinstance(lost, HungUp) and connection.idle_since and not fresh:
                    fresh = True  # a kept connection that its peer was just closing
                elif (
                    but is None
                    and self._wanted is None
                    and self._pool.lines.lost(way, self._origin)
                ):
                    but = way  # nothing has come: once more, by another way
                else:
                    raise
            except BaseException:
                connection.hang_up()
                raise
        self._connection, self._way = connection, way
        self.status, self.headers = connection.status, connection.headers
        return self

    async def _answered(self, way: Way, connection: Connection) -> None:
        """Wait for the head; through a tunnel, see now and then whether that is still there."""
        if way.via is None:
            await connection.answered()
            return
        self._connection, self._way = connection, way
        self._doubt_in(_DOUBT)
        self._pool.watch(self)
        try:
            await connection.answered()
        finally:
            self._pool.unwatch(self)
            self._connection = None
            if self._timer is not None:
                self._timer.cancel()
        way.answers += 1
        self._pool.ways.note(way, Sign.SERVED if connection.status < 400 else Sign.CARRIED)

    def _doubt_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._doubt)

    def _doubt(self) -> None:
        looked = self._pool.lines.doubt(self._way, self._origin)
        self._doubt_in(_DOUBT_AGAIN if looked else _DOUBT)

    def give_up(self, way: Way) -> None:
        """Wait no longer for a head that was to come by *way*."""
        if self._way is way and self._connection is not None:
            self._connection.hang_up()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._open, None
        self._pool.lines.give_back(self._way, self._origin, connection)

    @property
    def _open(self) -> Connection:
        """The connection, while it is ours: the next answer on it is somebody else's."""
        if self._connection is None:
            raise RuntimeError("the answer is read only inside its context")
        return self._connection

    @property
    def receipt(self) -> Receipt:
        """By which way it came."""
        return self._pool.ways.receipt(self._way)

    def barred(self) -> bool:
        """See `egress.clients.HTTPAnswer.barred`."""
        self._pool.ways.note(self._way, Sign.BARRED, "the provider does not serve this location")
        return self._way.via is not None and self._pool.ways.elsewhere(self._way)

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """Return the whole body; raises TooLarge, ConnectionLost, NotHTTP."""
        return await self._open.read(limit)

    def chunks(self) -> "Sending":
        """Give whatever has arrived, never empty; raises ConnectionLost, NotHTTP."""
        return self

    def __aiter__(self) -> "Sending":
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self._open.next_chunk():
            return chunk
        raise StopAsyncIteration
