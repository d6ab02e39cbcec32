"""
The composition root: the only module that names concrete backends.

Everything with a lifetime is opened here, in one place, and closed in reverse.
"""

import asyncio
import json
import logging
import mimetypes
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from portico.access.gate import Gate, Rule
from portico.access.keyring import Keyring
from portico.access.sqlite import SQLiteKeys
from portico.access.watch import open_gate
from portico.api.deps import Serving
from portico.api.explain import told
from portico.api.wire import parse
from portico.artifacts.pictures import Limits
from portico.artifacts.taking import Intake
from portico.dispatch.descriptions import Descriptions
from portico.dispatch.errands import Errands
from portico.dispatch.eyes import Eyes
from portico.dispatch.failover import Failover
from portico.dispatch.gateway import Gateway, House
from portico.dispatch.handing_down import HandingDown
from portico.dispatch.hedging import Hedging
from portico.dispatch.idempotency import Once, Shelf
from portico.dispatch.places import Places
from portico.dispatch.rollcall import RollCall
from portico.dispatch.streams import Bounds, Streams
from portico.egress.paths import Direct, Tunnel, parse_via
from portico.egress.paths import Path as Way
from portico.egress.pool import Pool
from portico.errors import ConfigError, Problem
from portico.ledger.base import LedgerStore
from portico.ledger.spool import Spool
from portico.ledger.sqlite import open_sqlite
from portico.ledger.watching import Provider, watching
from portico.ledger.writer import Ledger
from portico.routing.choices import decide
from portico.routing.roles import Catalog
from portico.settings import Settings, catalog
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.telemetry.metrics import Metrics
from portico.telemetry.observer import Observer
from portico.telemetry.spans import open_spans
from portico.upstreams.base import Account, Upstream
from portico.upstreams.gemini import Gemini
from portico.upstreams.openai import OpenAI
from portico.upstreams.reasonings import Reasonings
from portico.upstreams.signatures import Signatures
from portico.upstreams.simulated import KEY, address
from portico.upstreams.standing import Record, Standing
from portico.upstreams.standing_file import standing_kept

log = logging.getLogger(__name__)

type Load = Callable[[], Settings]


class Builder:
    """Makes a house of settings; what outlives a reload (pools, keepers) is kept between them."""

    def __init__(self, simulator: str) -> None:
        self._simulator = simulator
        self._pools: dict[Way, Pool] = {}
        self._signatures = Signatures()
        self._reasonings = Reasonings()
        self.marks: Mapping[str, str] = {}

    def house(self, settings: Settings) -> House:
        """Return the catalog of *settings*, with an upstream for each of its accounts."""
        upstreams = {name: self._upstream(name, settings) for name in settings.upstreams}
        self.marks = _marks(settings)
        return House(_priced(catalog(settings), settings), upstreams)

    def _upstream(self, name: str, settings: Settings) -> Upstream:
        given = settings.upstreams[name]
        if given.simulated:
            base = address(self._simulator, given.dialect, given.flavour)
            account = Account(name, base, self._pool(Direct()), KEY, given.flavour)
            return self._speaking("gemini" if given.dialect == "gemini" else "openai", account)
        way = _way(given.egress, settings)
        account = Account(
            name,
            given.address,
            self._pool(way),
            given.api_key.get_secret_value(),
            given.flavour,
            isinstance(way, Tunnel),
            {key: value.get_secret_value() for key, value in given.headers.items()},
        )
        if given.dialect == "litellm":
            from portico.upstreams.litellm import LiteLLM  # costs seconds: only where configured

            return LiteLLM(account, given.provider or "")
        return self._speaking(given.dialect, account)

    def _speaking(self, dialect: str, account: Account) -> Upstream:
        if dialect == "gemini":
            return Gemini(account, self._signatures)
        return OpenAI(account, self._reasonings)

    def _pool(self, way: Way) -> Pool:
        if way not in self._pools:
            self._pools[way] = Pool(way)
        return self._pools[way]

    async def aclose(self) -> None:
        """Hang up every connection."""
        for pool in self._pools.values():
            await pool.aclose()


async def _prepare(settings: Settings) -> None:
    """Import LiteLLM, where it is configured, without holding anybody up: it takes seconds."""
    if _foreign(settings):
        from portico.upstreams.litellm import library

        await asyncio.to_thread(library)


def _foreign(settings: Settings) -> dict[str, str]:
    """Return the upstreams that only LiteLLM can speak to, and its names of their providers."""
    return {
        name: given.provider or ""
        for name, given in settings.upstreams.items()
        if given.dialect == "litellm" and not given.simulated
    }


def _priced(known: Catalog, settings: Settings) -> Catalog:
    """Fill prices that the configuration leaves out from LiteLLM's map, for its providers only."""
    foreign = _foreign(settings)
    if not foreign:
        return known
    from portico.upstreams.litellm import prices

    targets = {
        name: target
        if target.price or target.upstream not in foreign
        else replace(target, price=prices(foreign[target.upstream], target.model))
        for name, target in known.targets.items()
    }
    return replace(known, targets=targets)


def _way(name: str, settings: Settings) -> Way:
    path = settings.egress[name]
    if path.kind == "direct":
        return Direct(name)
    return Tunnel(name, tuple(parse_via(via.get_secret_value()) for via in path.via))


def _marks(settings: Settings) -> dict[str, str]:
    """Return, for each upstream, what changes with its key and does not show it."""
    return {
        name: blake2b(given.api_key.get_secret_value().encode(), digest_size=8).hexdigest()
        for name, given in settings.upstreams.items()
    }


@dataclass(frozen=True, slots=True)
class Reload:
    """Replaces the gateway's house by that of the configuration as it is now."""

    gateway: Gateway
    builder: Builder
    load: Load

    async def __call__(self) -> tuple[Problem, ...]:
        """Return what is wrong with the configuration; the old house stays then."""
        try:
            settings = await asyncio.to_thread(self.load)
        except ConfigError as exc:
            log.error("the configuration was refused, the old one stays: %s", exc)
            return exc.problems
        await _prepare(settings)
        before = self.builder.marks
        self.gateway.house = self.builder.house(settings)
        for name in before.keys() & self.builder.marks.keys():
            if before[name] != self.builder.marks[name]:
                self.gateway.standing.rekeyed(name)
        log.info("the catalog was replaced: %s", self.gateway.house.catalog.version)
        return ()


@asynccontextmanager
async def open_serving(
    load: Load, home: Path, *, exposed: bool, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Serving]:
    """
    Open everything that a configuration needs, and close it in reverse.

    *exposed* is true where others than this machine can reach the server.

    Raises:
        ConfigError: the configuration contradicts itself.
        StoreUnavailable: the ledger's store does not open.
    """
    settings = load()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(serve_simulator(_simulator(settings)))
        await _prepare(settings)
        builder = Builder(simulator)
        stack.push_async_callback(builder.aclose)
        metrics, standing = Metrics(), Standing(_say)
        store = await stack.enter_async_context(_ledger_store(settings))
        spans = stack.enter_context(open_spans(environ))
        watch = watching(Observer(metrics, spans), _provider(settings))
        ledger = await stack.enter_async_context(Ledger(store, Spool(home / "spool"), watch))
        server = settings.server
        places = Places(server.max_waiting, server.max_per_caller)
        intake = _intake(settings)
        stack.callback(intake.close)
        eyes = Eyes(intake, int(settings.pictures.memory))
        hedging = Hedging(server.hedge_share)
        failover = Failover(standing, places, hedging, server.answer_within, eyes)
        errands = await stack.enter_async_context(Errands())
        handing_down = HandingDown(eyes, Descriptions(errands), errands)
        gateway = Gateway(builder.house(settings), failover, ledger, handing_down)
        file = standing_kept(standing, home / "standing.json", lambda: builder.marks)
        await stack.enter_async_context(file)
        roll = asyncio.create_task(RollCall(lambda: gateway.house, standing).run())
        stack.push_async_callback(_end, roll)
        gate = await stack.enter_async_context(_gate(settings, home, exposed=exposed))
        yield Serving(
            gateway=gateway,
            gate=gate,
            once=Once(Shelf(server.replay_window, int(server.replay_memory)), errands),
            streams=Streams(_bounds(settings), errands),
            ledger=store,
            metrics=metrics,
            stores=lambda: {
                "access": "away" if gate.store_away else "ok",
                "ledger": "away" if ledger.store_away else "ok",
            },
            reload=Reload(gateway, builder, load),
            max_body=int(settings.server.max_body),
            keep_alive=settings.server.keep_alive,
        )


def _intake(settings: Settings) -> Intake:
    given = settings.pictures
    limits = Limits(bytes=int(given.largest), pixels=given.megapixels * 1_000_000)
    return Intake(None, None, hands=given.workers, room=16_000_000, limits=limits)


def _bounds(settings: Settings) -> Bounds:
    server = settings.server
    return Bounds(
        window=server.resume_window,
        patience=server.resume_patience,
        stream=int(server.resume_per_stream),
        total=int(server.resume_memory),
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=5)


def _simulator(settings: Settings) -> Simulator:
    simulator = Simulator()
    simulator.models |= {target.model for target in settings.targets.values()}
    return simulator


def _gate(settings: Settings, home: Path, *, exposed: bool) -> AbstractAsyncContextManager[Gate]:
    return open_gate(Rule(settings.access.required, exposed), keyring(home).roster)


def keyring(home: Path) -> Keyring:
    """Return the keys that are kept under *home*; the first one makes its files."""
    return Keyring(SQLiteKeys(home / "access.db"), home / "secret")


@asynccontextmanager
async def _ledger_store(settings: Settings) -> AsyncIterator[LedgerStore]:
    place = place_of(settings.stores.ledger.get_secret_value())
    async with open_sqlite(place) as store:
        yield store


def place_of(url: str) -> Path:
    """Return the path of an embedded store's URL (`sqlite:///relative` or `sqlite:////absolute`)."""
    return Path(url.partition(":///")[2])


def _provider(settings: Settings) -> Callable[[str], Provider]:
    known = {
        name: Provider(name, upstream.address or None)
        for name, upstream in settings.upstreams.items()
    }
    return lambda name: known.get(name) or Provider(name)


def _say(about: str, record: Record) -> None:
    """A rest is news; one that waits for a person is loud."""
    level = logging.ERROR if record.reason in ("account", "region") else logging.WARNING
    log.log(level, "%s rests: %s (%s)", about, record.reason, record.detail)


def explain_offline(load: Load, prompt: str, images: list[Path], model: str) -> dict[str, Any]:
    """
    Return the route of *prompt* with *images*, as `/v1/route/explain` tells it; asks nobody.

    Raises:
        ConfigError: the configuration contradicts itself.
        GatewayError: no such model, or a file that is no picture.
    """
    parts: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
    for image in images:
        kind = mimetypes.guess_type(image.name)[0] or "image/png"
        data = b64encode(image.read_bytes()).decode()
        link = {"url": f"data:{kind};base64,{data}"}
        parts.append({"type": "image_url", "image_url": link})
    content = parts if images else prompt
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    known = catalog(load())
    return told(decide(parse(json.dumps(body).encode()), known, {}), known, "")


def played_at(settings: Settings, simulator: str) -> dict[str, str]:
    """Return the base URL at which *simulator* plays each upstream of *settings*."""
    return {
        name: address(simulator, given.dialect, given.flavour)
        for name, given in settings.upstreams.items()
    }


async def simulate(host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the simulator until interrupted; *say* is told where."""
    async with serve_simulator(Simulator(), host, port) as url:
        say(url)
        await asyncio.Event().wait()
