"""Looks at the listeners of a path, each by itself: is it there, where does it come out?"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

import msgspec

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.health import Sign, State
from portico.egress.origins import split
from portico.egress.paths import Via
from portico.egress.pool import Pool
from portico.egress.status import Exit, Level, Seen
from portico.egress.ways import Way

_MOST_ANSWER = 256 * 1024  # bytes
_REGION = re.compile(r"[A-Za-z]{2}")

type Barred = Callable[[int, Mapping[str, str], bytes], bool]
"""Whether a provider's answer (status, headers, body) says that it does not serve the location."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a listener should come out; what is empty is not looked at. Regions are as `SG`."""

    regions: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def met(self, seen: Exit) -> bool:
        """Say whether *seen* is where it should be."""
        if self.regions and seen.region not in self.regions:
            return False
        address = ip_address(seen.address)
        return not self.networks or any(address in network for network in self.networks)


def _never(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Questions:
    """
    What the probes of a path ask; every host among these belongs to the path.

    `provider` is a base URL; empty: none is known, and the listener alone is looked at. `exit` is
    a URL that says where a request comes from (`identity` reads it); empty: nobody is asked.
    `region` is a cheap request at the provider, None: none, and `barred` reads its answer. `every`
    is in seconds.
    """

    provider: str
    exit: str = ""
    region: HTTPRequest | None = None
    barred: Barred = _never
    expected: Mapping[Via, Expected] = field(default_factory=dict)
    every: Mapping[Level, float] = field(
        default_factory=lambda: {
            Level.LISTENER: 10.0,
            Level.PROVIDER: 10.0,
            Level.EXIT: 60.0,
            Level.REGION: 300.0,
        }
    )
    within: float = 10.0  # seconds that one probe may take

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels at which there is something to ask."""
        asked = {
            Level.PROVIDER: bool(self.provider),
            Level.EXIT: bool(self.exit),
            Level.REGION: self.region is not None,
        }
        return tuple(level for level in Level if asked.get(level, True))


def identity(body: bytes) -> Exit | None:
    """
    Return where a request came from, as its far side tells it; None if it does not.

    Two forms: lines of `ip=…` and `loc=…` (Cloudflare's `/cdn-cgi/trace`), or a JSON object with
    `ip` and `country` (what an echo of one's own would say).
    """
    if body.lstrip().startswith(b"{"):
        try:
            told = msgspec.json.decode(body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        address, region = told.get("ip"), told.get("country")
    else:
        lines = (line.partition("=") for line in body.decode("utf-8", "replace").splitlines())
        named = {name.strip(): value.strip() for name, _, value in lines}
        address, region = named.get("ip"), named.get("loc")
    try:
        found = str(ip_address(address)) if isinstance(address, str) else ""
    except ValueError:
        return None
    known = isinstance(region, str) and _REGION.fullmatch(region)
    return Exit(found, str(region).upper() if known else "") if found else None


def _ends(level: Level, well: bool, held: State) -> bool:
    """No key is shown at a wrong exit; an echo that is away says nothing of the tunnel."""
    if level is Level.EXIT:
        return held is State.WRONG_EXIT
    return not well or (level is Level.PROVIDER and held is State.DOWN)


class Prober:
    """Looks at every listener of a tunnelled path in turn, and tells the pool's health."""

    def __init__(self, pool: Pool, questions: Questions) -> None:
        self._pool = pool
        self._questions = questions

    async def run(self) -> None:
        """Look after all listeners until cancelled."""
        async with asyncio.TaskGroup() as group:
            for way in self._pool.ways.all:
                group.create_task(self._watch(way))

    async def once(self) -> None:
        """Probe every listener at every level that there is something to ask at, all at once."""
        await asyncio.gather(*(self._round(way, anew=True) for way in self._pool.ways.all))

    async def _watch(self, way: Way) -> None:
        while True:
            await self._round(way)
            await asyncio.sleep(min(self._questions.every.values()))

    async def _round(self, way: Way, *, anew: bool = False) -> None:
        """Probe each level whose time has come, from the nearest on; stop where it ends."""
        for level in self._questions.levels:
            well = True
            if anew or self._owed(way, level):
                well = await self.probe(way, level)
            if _ends(level, well, way.health.held):
                return

    def _owed(self, way: Way, level: Level) -> bool:
        now, every = asyncio.get_running_loop().time(), self._questions.every[level]
        if level is Level.PROVIDER and way.health.state is State.HEALTHY:
            return now - way.proven >= every  # a request has said so better
        at, _ = way.seen.get(level, (float("-inf"), None))
        return now - at >= every

    async def probe(self, way: Way, level: Level) -> bool:
        """Probe one listener at one level; what is found is noted. True: all is well there."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(self._questions.within):
                said = await self._asked(level, way)
        except TimeoutError:
            said = f"nothing within {self._questions.within:g} s"
        except EgressError as exc:
            said = str(exc)
        now = loop.time()
        way.saw(Seen(level, not said, 0.0, now - started, said), now)
        return not said

    def _asked(self, level: Level, way: Way) -> Awaitable[str]:
        match level:
            case Level.LISTENER:
                return self._listener(way)
            case Level.PROVIDER:
                return self._provider(way)
            case Level.EXIT:
                return self._exit(way)
            case Level.REGION:
                return self._region(way)

    # -- the levels; each returns what is wrong, or nothing

    async def _listener(self, way: Way) -> str:
        assert way.via is not None, "a direct path has no listener"
        try:
            _, writer = await asyncio.open_connection(way.via.host, way.via.port)
        except OSError as exc:
            said = f"no connection to the listener: {type(exc).__name__}"
            self._pool.ways.note(way, Sign.FAILED, said)
            return said
        writer.transport.abort()
        return ""  # and nothing is noted: that somebody listens is no sign of life

    async def _provider(self, way: Way) -> str:
        origin, _ = split(self._questions.provider)
        if await self._pool.lines.look(way, origin):
            return ""
        return way.health.reason or "no way through"

    async def _exit(self, way: Way) -> str:
        request = HTTPRequest(self._questions.exit, method="GET")
        status, _, body = await self._answer(way, request)
        seen = identity(body) if status == 200 else None
        if seen is None:
            return f"no word of where it comes out (status {status})"
        way.exit, way.verified = seen, asyncio.get_running_loop().time()
        where = f"it comes out at {seen.address} {seen.region}".rstrip()
        expected = self._questions.expected.get(way.via) if way.via is not None else None
        if expected is not None and not expected.met(seen):
            self._pool.ways.note(way, Sign.ASTRAY, where)
            return f"{where}, which is not expected"
        self._pool.ways.note(way, Sign.RIGHT)
        return ""

    async def _region(self, way: Way) -> str:
        assert self._questions.region is not None, "`levels` says what is asked"
        status, headers, body = await self._answer(way, self._questions.region)
        if self._questions.barred(status, headers, body):
            said = "the provider does not serve this location"
            self._pool.ways.note(way, Sign.BARRED, said)
            return said
        if status >= 400:
            return f"the provider answered with status {status}"
        self._pool.ways.note(way, Sign.WELCOME)
        return ""

    async def _answer(self, way: Way, request: HTTPRequest) -> tuple[int, Mapping[str, str], bytes]:
        async with self._pool.send_by(way, request) as answer:
            return answer.status, answer.headers, await answer.read(_MOST_ANSWER)
