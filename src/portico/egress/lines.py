"""Connections of one egress path: dialled, kept, looked after, closed."""

import asyncio
from functools import partial

from portico.egress.clients import ConnectFailed, TunnelDown
from portico.egress.dialling import Dialler
from portico.egress.health import FAILURES, Sign, State
from portico.egress.http1 import Connection
from portico.egress.origins import Origin
from portico.egress.racing import STAGGER, race
from portico.egress.ways import Way, Ways

_QUICK = 0.25  # seconds that the quickest tunnel gets before another is dialled as well
_LIVELY = 0.5  # seconds for which a sign of life holds


class Lines:
    """Owns every connection of a path; whoever opens it closes it. They rest *keep* seconds."""

    def __init__(self, dialler: Dialler, ways: Ways, keep: float) -> None:
        self.ways = ways
        self._dialler = dialler
        self._keep = keep
        self._live: set[Connection] = set()
        self._looks: dict[Way, asyncio.Task[bool]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._live)

    async def aclose(self) -> None:
        """Hang up everything, also what is in use or being dialled; nothing is dialled after."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        looks = list(self._looks.values())
        for look in looks:
            look.cancel()
        if looks:
            await asyncio.wait(looks)
        if self._live:
            for connection in list(self._live):
                connection.hang_up()
            await self._emptied.wait()

    async def take(
        self, origin: Origin, seconds: float, ways: tuple[Way, ...], *, fresh: bool = False
    ) -> tuple[Way, Connection]:
        """
        Return a connection to *origin* by the first of *ways* that gives one.

        Kept by the first way, unless it must be *fresh*; raises ConnectFailed.
        """
        if not ways:
            raise TunnelDown(self.ways.closed or "no exit of the path may be used")
        if not fresh:
            oldest = asyncio.get_running_loop().time() - self._keep
            if (kept := ways[0].take(origin, oldest)) is not None:
                return ways[0], kept
        for way in self.ways.due():
            self._looking(way, origin)
        dials = [partial(self._dial, way, origin, seconds) for way in ways]
        raced = await race(dials, _stagger(ways, seconds))
        for number in raced.overtaken:
            self.ways.note(ways[number], Sign.OVERTAKEN)
        return ways[raced.number], raced.connection

    async def _dial(self, way: Way, origin: Origin, seconds: float) -> Connection:
        """Return a new connection, counted among the live; what comes of it is noted."""
        if self._closed:
            raise ConnectFailed("the egress path has been closed")
        loop = asyncio.get_running_loop()
        started = loop.time()
        lost = partial(self._forget, way, origin)
        try:
            if way.via is None:
                connection = await self._dialler.dial(origin, seconds, lost)
            else:
                connection = await self._dialler.through(way.via, origin, seconds, lost)
        except TunnelDown as exc:
            self.ways.note(way, Sign.FAILED, str(exc))
            raise
        if self._closed or connection.closed:
            connection.hang_up()
            raise ConnectFailed("the connection was closed at once")
        self._live.add(connection)
        self._emptied.clear()
        way.took(loop.time() - started)
        if origin.secure:  # else nobody but the listener has said anything
            self.ways.note(way, Sign.CARRIED)
        return connection

    def give_back(self, way: Way, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer is whole; hang up any other."""
        if self._closed or not connection.reusable:
            connection.hang_up()
            return
        self._rest(way, origin, connection)

    def _rest(self, way: Way, origin: Origin, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        way.keep(origin, connection, loop.time())
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._keep, self._sweep)

    def _sweep(self) -> None:
        """Hang up whoever rested too long."""
        loop = asyncio.get_running_loop()
        for way in self.ways.all:
            way.sweep(loop.time() - self._keep)
        kept = any(way.kept for way in self.ways.all)
        self._sweeper = loop.call_later(self._keep, self._sweep) if kept else None

    def _forget(self, way: Way, origin: Origin, connection: Connection) -> None:
        self._live.discard(connection)
        if not self._live:
            self._emptied.set()
        way.forget(origin, connection)

    # -- tunnels that may be dead

    async def look(self, way: Way, origin: Origin) -> bool:
        """Say whether *way* leads to *origin*, which is noted; one look at a time."""
        looking = self._looking(way, origin)
        await asyncio.wait({looking})  # whoever is cancelled here leaves it to the others
        return not looking.cancelled() and looking.result()

    def _looking(self, way: Way, origin: Origin) -> asyncio.Task[bool]:
        look = self._looks.get(way)
        if look is None:
            look = asyncio.get_running_loop().create_task(self._look(way, origin))
            self._looks[way] = look
            look.add_done_callback(lambda _: self._looks.pop(way))
        return look

    async def _look(self, way: Way, origin: Origin) -> bool:
        """A suspect is looked at as often as it takes to be healthy or down."""
        for _ in range(FAILURES):
            try:
                connection = await self._dial(way, origin, way.patience)
            except TunnelDown:
                if way.health.state is not State.SUSPECT:
                    return False
            except ConnectFailed:  # ours to say no: closed, or the host belongs elsewhere by now
                return False
            else:
                self.ways.note(way, Sign.CARRIED)
                self._rest(way, origin, connection)
                return True
        return False

    def doubt(self, way: Way, origin: Origin) -> bool:
        """
        Look at *way*, on which somebody waits, unless it has just shown that it lives.

        False: it has.
        """
        now = asyncio.get_running_loop().time()
        if now - way.proven < _LIVELY:
            return False
        if not self._closed:
            self._looking(way, origin)
        return True

    def lost(self, way: Way, origin: Origin) -> bool:
        """Note a connection that was lost before a head; True: there is somewhere else to go."""
        if way.via is None or self._closed:
            return False
        self.ways.note(way, Sign.FAILED, "a connection was lost before an answer's head")
        if way.health.usable:
            self._looking(way, origin)
        return self.ways.elsewhere(way)


def _stagger(ways: tuple[Way, ...], seconds: float) -> float:
    usual = ways[0].usual
    stagger = STAGGER if usual is None else min(max(2 * usual, _QUICK), STAGGER)
    return min(stagger, seconds / len(ways))
