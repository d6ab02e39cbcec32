"""The ways out of one path: a direct one has one, a tunnelled one has one for each listener."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from portico.egress.health import PREFERENCE, Health, Sign, State, after, let_through
from portico.egress.http1 import Connection
from portico.egress.origins import Origin
from portico.egress.paths import Direct, Path, Via
from portico.egress.status import Exit, Level, Listener, Receipt, Seen

log = logging.getLogger(__name__)

_MOST_IDLE = 128  # kept for one origin
_QUICKEST, _SLOWEST = 1.0, 3.0  # seconds that a look at a tunnel may take, by what it usually does


class Way:
    """One way out: how it does, what is kept open through it, and what probes saw of it."""

    def __init__(self, via: Via | None) -> None:
        self.via = via
        self.health = Health()
        self.proven = float("-inf")  # loop time of its last sign of life
        self.usual: float | None = None  # seconds that a connection takes
        self.exit: Exit | None = None
        self.verified = 0.0  # loop time at which `exit` was seen
        self.seen: dict[Level, tuple[float, Seen]] = {}
        self.answers = self.failures = 0
        self._idle: dict[Origin, deque[Connection]] = {}  # the longest idle first

    @property
    def listener(self) -> str:
        """The listener's address, without its secrets; empty: there is none."""
        return str(self.via) if self.via is not None else ""

    @property
    def tunnel(self) -> str:
        """What its tunnel is called; empty: there is none."""
        return self.via.tunnel if self.via is not None else ""

    @property
    def kept(self) -> int:
        """How many connections rest."""
        return sum(map(len, self._idle.values()))

    def took(self, seconds: float) -> None:
        """Learn what a connection through here takes."""
        self.usual = seconds if self.usual is None else 0.8 * self.usual + 0.2 * seconds

    @property
    def patience(self) -> float:
        """Seconds after which a look at it has failed: a far exit is no dead one."""
        return min(max(3 * (self.usual or 0.0), _QUICKEST), _SLOWEST)

    # -- connections that rest

    def take(self, origin: Origin, oldest: float) -> Connection | None:
        """Return the connection that has rested least; those since before *oldest* are hung up."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.idle_since > oldest and not connection.stale:
                return connection
            connection.hang_up()
        return None

    def keep(self, origin: Origin, connection: Connection, now: float) -> None:
        """Let *connection* rest from *now* on; hung up if nothing through here is worth it."""
        if self.health.bad:
            connection.hang_up()
            return
        connection.rest(now)
        idle = self._idle.setdefault(origin, deque())
        idle.append(connection)
        if len(idle) > _MOST_IDLE:
            idle.popleft().hang_up()

    def sweep(self, oldest: float) -> None:
        """Hang up whoever rests since before *oldest*, also at origins nobody asks any more."""
        for origin, idle in list(self._idle.items()):
            while idle and idle[0].idle_since <= oldest:
                idle.popleft().hang_up()
            if not idle:
                del self._idle[origin]

    def forget(self, origin: Origin, connection: Connection) -> None:
        """Drop a connection that has ended."""
        idle = self._idle.get(origin)
        if idle is not None and connection in idle:
            idle.remove(connection)

    # -- what is seen and told

    def saw(self, seen: Seen, now: float) -> None:
        """Keep the last probe of each level."""
        self.seen[seen.level] = now, seen

    def status(self, now: float) -> Listener:
        """Return how it does at *now* (loop time)."""
        health = self.health
        return Listener(
            self.tunnel,
            self.listener,
            health.state.value,
            max(now - health.since, 0.0),
            health.reason,
            max(health.until - now, 0.0) if health.rest else None,
            self.usual,
            self.kept,
            self.exit,
            now - self.verified if self.exit is not None else None,
            tuple(
                Seen(seen.level, seen.ok, now - at, seen.took, seen.detail)
                for at, seen in self.seen.values()
            ),
            self.answers,
            self.failures,
        )


class Ways:
    """
    All ways of one path, in the operator's order, and the order of trying.

    *on_down* is told of a way that has just gone down, after what it kept open was hung up.
    """

    def __init__(self, path: Path, on_down: Callable[[Way], None]) -> None:
        self.path = path
        self.closed = ""  # why nothing may leave by any of them; empty: it may
        via: tuple[Via | None, ...] = (None,) if isinstance(path, Direct) else path.via
        self.all = tuple(Way(each) for each in via)
        self._on_down = on_down
        self._order = self.all
        self._turn: float | None = None  # when a request next tries a geo-blocked exit

    def close(self, why: str) -> None:
        """Let nothing leave, because of *why*; empty: open again. What is under way goes on."""
        self.closed = why
        if why:
            for way in self.all:
                way.sweep(float("inf"))

    def order(self, but: Way | None = None) -> tuple[Way, ...]:
        """Return whom to try, in this order, without *but*; may be nobody."""
        if self.closed:
            return ()
        order = self._order
        if self._turn is not None and self._turn <= (now := _now()):
            order = self._retrying(now)
        return order if but is None else tuple(way for way in order if way is not but)

    def elsewhere(self, way: Way) -> bool:
        """Say whether a request has somewhere else to go than by *way*."""
        return any(other.health.usable for other in self.all if other is not way)

    def note(self, way: Way, sign: Sign, reason: str = "") -> None:
        """Take into account what was met by *way*; a direct one has no health."""
        now = _now()
        if sign in (Sign.CARRIED, Sign.SERVED):
            way.proven = now
        if way.via is None:
            return
        way.failures += sign is Sign.FAILED
        before, way.health = way.health, after(way.health, sign, now, reason)
        if way.health is before:
            return
        self.rank()
        if way.health.held is not before.held:
            _say(self.path.name, way)
        if way.health.bad and not before.bad:
            way.sweep(float("inf"))
            if way.health.state is State.DOWN:
                self._on_down(way)

    def due(self) -> list[Way]:
        """Return whose turn it is to be looked at, and take it; a geo-block takes a request."""
        now = _now()
        found = [w for w in self.all if w.health.due(now) and w.health.held in _LOOKED_AT]
        for way in found:
            way.health = let_through(way.health, now)
        return found

    def receipt(self, way: Way) -> Receipt:
        """Return what an answer that came by *way* can show for it."""
        if way.via is None:
            return Receipt(self.path.name)
        age = _now() - way.verified if way.exit is not None else None
        return Receipt(self.path.name, way.tunnel, way.exit, age)

    @property
    def up(self) -> bool:
        """True while a request may be expected to get through."""
        return not self.closed and any(way.health.usable for way in self.all)

    @property
    def may_try(self) -> bool:
        """True while a request may leave: also where one may find out that a way is back."""
        if self.closed:
            return False
        now = _now()
        return any(way.health.usable or way.health.due(now) for way in self.all)

    @property
    def back_in(self) -> float | None:
        """Seconds until somebody may find out that a way is back; None: only a probe does."""
        now = _now()
        ends = [way.health.until - now for way in self.all if way.health.held in _RETRIED]
        return None if self.closed or not ends else max(min(ends), 0.0)

    def rank(self) -> None:
        """Put the ways in order, after somebody has changed the health of one."""
        held = {way: way.health.held for way in self.all}
        order = sorted(
            (way for way in self.all if held[way] in PREFERENCE),
            key=lambda way: PREFERENCE.index(held[way]),
        )
        blocked = [way for way in self.all if held[way] is State.GEO_BLOCKED]
        # An exit that is refused for its place helps nobody while there is another; what another
        # that is down does to a request is at least the truth.
        self._order = tuple(order or blocked)
        self._turn = min((way.health.until for way in blocked), default=None)

    def _retrying(self, now: float) -> tuple[Way, ...]:
        """Let one request try the geo-blocked exit whose time has come, before all others."""
        blocked = (way for way in self.all if way.health.held is State.GEO_BLOCKED)
        way = min(blocked, key=lambda way: way.health.until)
        way.health = let_through(way.health, now)
        self.rank()
        return (way, *(other for other in self._order if other is not way))


def _say(path: str, way: Way) -> None:
    """A tunnel that turns bad is news, and so is one that is back."""
    health = way.health
    level = logging.WARNING if health.bad else logging.INFO
    why = f": {health.reason}" if health.reason else ""
    log.log(level, "egress %s: %s is %s%s", path, way.tunnel, health.state, why)


_LOOKED_AT = (State.SUSPECT, State.DOWN)
_RETRIED = (*_LOOKED_AT, State.GEO_BLOCKED)


def _now() -> float:
    return asyncio.get_running_loop().time()
