"""The tunnelled paths in use, and who looks after their exits."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from ipaddress import ip_network

from portico.egress.clients import HTTPRequest
from portico.egress.findings import Guarded
from portico.egress.guard import Guard
from portico.egress.names import Resolve, SystemNames
from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from portico.egress.probe import Expected, Prober, Questions
from portico.egress.status import PathStatus
from portico.routing.attempts import Kind
from portico.routing.routes import Tiredness
from portico.settings import Settings
from portico.settings.entries import EgressPath, Upstream
from portico.upstreams.faults import from_status
from portico.upstreams.standing import Standing
from portico.wiring.building import Builder, way
from portico.wiring.engines import Leading, Load
from portico.wiring.surroundings import boundary, guarded

log = logging.getLogger(__name__)


class Exits:
    """
    One prober for each tunnelled path in use, as the configuration last said; closing ends them.

    Pools are the builder's: what is probed is what carries the requests.
    """

    def __init__(self, builder: Builder, names: Resolve, own: frozenset[str]) -> None:
        self._builder = builder
        self._names = names
        self._own = own  # paths that an engine of ours carries
        self._guard: Guard | None = None
        self._pools: dict[str, Pool] = {}
        self._probers: dict[str, asyncio.Task[None]] = {}

    def watch(self, settings: Settings) -> None:
        """Look after the tunnels of *settings* from now on, and after no others."""
        for prober in self._probers.values():
            prober.cancel()
        self._pools, self._probers = dict(pools(settings, self._builder)), {}
        for name, pool in self._pools.items():
            prober = asyncio.create_task(Prober(pool, questions(name, settings)).run())
            prober.add_done_callback(_ended)
            self._probers[name] = prober
        self._guard = self._guarding(settings)
        if self._guard is not None:
            guarding = asyncio.create_task(self._guard.run(settings.boundary.every))
            guarding.add_done_callback(_ended)
            self._probers[""] = guarding

    def _guarding(self, settings: Settings) -> Guard | None:
        for name, pool in self._pools.items():
            if not settings.egress[name].panic:
                pool.ways.close("")
        if not guarded(settings):
            return None
        panicking = [pool for name, pool in self._pools.items() if settings.egress[name].panic]
        return Guard(boundary(settings, self._own), self._names, tuple(panicking))

    @property
    def paths(self) -> tuple[PathStatus, ...]:
        """How each path does now, by name."""
        return tuple(self._pools[name].status for name in sorted(self._pools))

    def down(self) -> Mapping[str, Tiredness]:
        """Return the paths by which no request may leave now, and what is told of their targets."""
        return {
            name: _told(name, pool) for name, pool in self._pools.items() if not pool.ways.may_try
        }

    @property
    def guarded(self) -> Guarded | None:
        """What was found around this process; None where nobody looks, or has yet."""
        return self._guard.told if self._guard is not None else None

    async def aclose(self) -> None:
        """Look after nobody any more."""
        for prober in self._probers.values():
            prober.cancel()
        if self._probers:
            await asyncio.wait(self._probers.values(), timeout=5)


def _told(name: str, pool: Pool) -> Tiredness:
    wait = pool.ways.back_in
    until = None if wait is None else time.time() + wait
    detail = pool.ways.closed or f"all tunnels of {name} are down"
    return Tiredness(until, Kind.UNREACHABLE.value, shut=True, detail=detail, path=name)


def _ended(prober: asyncio.Task[None]) -> None:
    if not prober.cancelled() and (fault := prober.exception()) is not None:
        log.error("nobody looks after the exits any more: %s", type(fault).__name__, exc_info=fault)


@asynccontextmanager
async def open_exits(
    load: Load, settings: Settings, builder: Builder, standing: Standing
) -> AsyncIterator[Exits]:
    """Look after the tunnels of *settings* until left; *standing* knows which paths are down."""
    own = frozenset(load.files) if isinstance(load, Leading) else frozenset[str]()
    with closing(SystemNames()) as names:
        exits = Exits(builder, names, own)
        standing.down = exits.down
        exits.watch(settings)
        try:
            yield exits
        finally:
            await exits.aclose()


def pools(settings: Settings, builder: Builder) -> Iterator[tuple[str, Pool]]:
    """Give the pool of each tunnelled path in use, by the path's name."""
    for name in sorted(settings.paths_in_use):
        if isinstance(path := way(name, settings), Tunnel):
            pool = builder.pool(path)
            pool.on_down = settings.egress[name].on_down
            yield name, pool


def questions(name: str, settings: Settings) -> Questions:
    """
    Return what the probes of the path *name* ask.

    The provider is that of the first upstream on the path whose address is known, Google first: who
    is served where is its question.
    """
    path = settings.egress[name]
    asked = [
        upstream
        for upstream in settings.upstreams.values()
        if upstream.egress == name and upstream.address and not upstream.simulated
    ]
    asked.sort(key=lambda upstream: upstream.dialect != "gemini")
    first = asked[0] if asked else None
    flavour = "gemini" if first and first.dialect == "gemini" else first.flavour if first else ""
    return Questions(
        provider=first.address if first else "",
        exit=path.exit_url,
        region=_region(first) if first else None,
        barred=lambda status, headers, body: _barred(flavour, status, headers, body),
        expected=dict(_expected(name, path, settings)),
    )


def _region(upstream: Upstream) -> HTTPRequest | None:
    """Return a request that costs nothing and is refused where the provider does not serve."""
    key = upstream.api_key.get_secret_value()
    if not key or upstream.dialect == "litellm":
        return None
    if upstream.dialect == "gemini":
        url, headers = f"{upstream.address}/models?pageSize=1", {"x-goog-api-key": key}
    else:
        url, headers = f"{upstream.address}/models", {"authorization": f"Bearer {key}"}
    extra = {each: value.get_secret_value() for each, value in upstream.headers.items()}
    return HTTPRequest(url, headers | extra, method="GET")


def _barred(flavour: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    if status < 400:
        return False
    told = from_status(flavour, status, headers, body, tunnelled=True, now=time.time())
    return told.kind is Kind.REGION


def _expected(name: str, path: EgressPath, settings: Settings) -> Iterator[tuple[Via, Expected]]:
    tunnel = way(name, settings)
    for place, via in enumerate(tunnel.via if isinstance(tunnel, Tunnel) else (), 1):
        if given := path.expect.get(via.name) or path.expect.get(str(place)):
            networks = tuple(ip_network(text) for text in given.networks)
            yield via, Expected(frozenset(each.upper() for each in given.regions), networks)
