"""Connections of one egress path: dialled, kept, reused, closed."""

import asyncio
import pathlib
from collections import deque
from collections.abc import Mapping
from functools import lru_cache, partial
from types import TracebackType

from portico.egress.clients import ConnectFailed, HTTPRequest, HungUp
from portico.egress.dialling import Dialler
from portico.egress.http1 import Connection
from portico.egress.origins import Origin, head_of, split
from portico.egress.paths import Path

_MOST_IDLE = 128  # per origin


class Pool:
    """
    An `egress.clients.Client` over one path; whoever opens it closes it.

    *trust* is as `egress.dialling.Dialler` says. A connection rests for at most *keep* seconds:
    less than what providers keep theirs open.
    """

    def __init__(
        self, path: Path, trust: pathlib.Path | None = None, *, keep: float = 50.0
    ) -> None:
        self.path = path
        self._keep = keep
        self._dialler = Dialler(path, trust)
        self._idle: dict[Origin, deque[Connection]] = {}  # the longest idle first
        self._live: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied = asyncio.Event()
        self._split = lru_cache(256)(split)  # a path's few URLs, over and over

    def send(self, request: HTTPRequest) -> "Sending":
        """See `egress.clients.Client.send`."""
        return Sending(self, request)

    @property
    def connections(self) -> int:
        """How many connections are open, in use and resting."""
        return len(self._live)

    async def aclose(self) -> None:
        """Hang up everything, also what is in use or being dialled; nothing is sent after this."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._live:
            for connection in list(self._live):
                connection.hang_up()
            await self._emptied.wait()

    def address(self, request: HTTPRequest) -> tuple[Origin, bytes]:
        """Return where *request* goes and its head; raises ConnectFailed."""
        origin, target = self._split(request.url)
        return origin, head_of(request, origin, target)

    async def take(self, origin: Origin, seconds: float, *, fresh: bool = False) -> Connection:
        """Return a connection to *origin*, kept unless it must be *fresh*; raises ConnectFailed."""
        if not fresh and (kept := self._kept(origin)) is not None:
            return kept
        if self._closed:
            raise ConnectFailed("the egress path has been closed")
        connection = await self._dialler.dial(origin, seconds, partial(self._forget, origin))
        if self._closed or connection.closed:
            connection.hang_up()
            raise ConnectFailed("the connection was closed at once")
        self._live.add(connection)
        self._emptied.clear()
        return connection

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer is whole; hang up any other."""
        if self._closed or not connection.reusable:
            connection.hang_up()
            return
        loop = asyncio.get_running_loop()
        connection.rest(loop.time())
        idle = self._idle.setdefault(origin, deque())
        idle.append(connection)
        if len(idle) > _MOST_IDLE:
            idle.popleft().hang_up()
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._keep, self._sweep)

    def _kept(self, origin: Origin) -> Connection | None:
        """Return the connection that has rested least; those who rested too long are hung up."""
        idle = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - self._keep
        while idle:
            connection = idle.pop()
            if connection.idle_since > oldest and not connection.stale:
                return connection
            connection.hang_up()
        return None

    def _sweep(self) -> None:
        """Hang up whoever rested too long, also at origins that nobody asks any more."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._keep
        for origin, idle in list(self._idle.items()):
            while idle and idle[0].idle_since <= oldest:
                idle.popleft().hang_up()
            if not idle:
                del self._idle[origin]
        self._sweeper = loop.call_later(self._keep, self._sweep) if self._idle else None

    def _forget(self, origin: Origin, connection: Connection) -> None:
        self._live.discard(connection)
        if not self._live:
            self._emptied.set()
        idle = self._idle.get(origin)
        if idle is not None and connection in idle:
            idle.remove(connection)


class Sending:
    """One request under way: an async context manager that gives its answer."""

    __slots__ = ("_connection", "_origin", "_pool", "_request", "headers", "status")

    headers: Mapping[str, str]
    status: int

    def __init__(self, pool: Pool, request: HTTPRequest) -> None:
        self._pool = pool
        self._request = request
        self._connection: Connection | None = None

    async def __aenter__(self) -> "Sending":
        self._origin, head = self._pool.address(self._request)
        for fresh in (False, True):
            seconds = self._request.connect
            connection = await self._pool.take(self._origin, seconds, fresh=fresh)
            try:
                connection.ask(head, self._request.body)
                await connection.answered()
                break
            except HungUp:  # a kept connection that its peer was just closing
                connection.hang_up()
                if not connection.idle_since:
                    raise
            except BaseException:
                connection.hang_up()
                raise
        self._connection = connection
        self.status, self.headers = connection.status, connection.headers
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._open, None
        self._pool.give_back(self._origin, connection)

    @property
    def _open(self) -> Connection:
        """The connection, while it is ours: the next answer on it is somebody else's."""
        if self._connection is None:
            raise RuntimeError("the answer is read only inside its context")
        return self._connection

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
