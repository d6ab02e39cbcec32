"""A whole gateway, opened in order and closed in reverse."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from portico.access.members import Members
from portico.api.deps import Serving
from portico.dispatch.descriptions import Descriptions
from portico.dispatch.design import Design
from portico.dispatch.errands import Errands
from portico.dispatch.failover import Failover
from portico.dispatch.gateway import Gateway
from portico.dispatch.handing_down import HandingDown
from portico.dispatch.hedging import Hedging
from portico.dispatch.places import Places
from portico.dispatch.rollcall import RollCall
from portico.dispatch.turnstile import Turnstile
from portico.egress.hosts import Hosts
from portico.errors import ConfigError, Problem
from portico.ledger.feed import Feed
from portico.ledger.spool import Spool
from portico.ledger.watching import Provider, watching
from portico.ledger.writer import Ledger, Pace
from portico.settings import Settings
from portico.telemetry.metrics import Metrics
from portico.telemetry.observer import Observer
from portico.telemetry.spans import open_spans
from portico.upstreams.standing import Record, Standing
from portico.wiring.answering import Among, open_again
from portico.wiring.applause import open_polling
from portico.wiring.building import Builder, prepare
from portico.wiring.engines import leading
from portico.wiring.erasing import swept_daily
from portico.wiring.exits import Exits, open_exits
from portico.wiring.keys import Counting, open_access
from portico.wiring.ledger import ledger_store
from portico.wiring.memory import open_recalling
from portico.wiring.operating import open_operating
from portico.wiring.pictures import open_pictures
from portico.wiring.playing import Playing, open_playing
from portico.wiring.readiness import Readiness
from portico.wiring.sharing import Own, open_standing
from portico.wiring.similar import likely_of
from portico.wiring.tracing import open_tracing
from portico.wiring.working import works_of

log = logging.getLogger(__name__)

type Load = Callable[[], Settings]


@dataclass(frozen=True, slots=True)
class Reload:
    """Replaces the gateway's house by that of the configuration as it is now."""

    gateway: Gateway
    builder: Builder
    playing: Playing
    load: Load
    belong: Callable[[Hosts], None]
    exits: Exits

    async def __call__(self) -> tuple[Problem, ...]:
        """Return what is wrong with the configuration; the old house stays then."""
        try:
            settings = await asyncio.to_thread(self.load)
        except ConfigError as exc:
            log.error("the configuration was refused, the old one stays: %s", exc)
            return exc.problems
        await prepare(settings)
        self.builder.simulator = await self.playing.address(settings)
        before = self.builder.marks
        self.gateway.move(self.builder.house(settings))
        self.belong(self.builder.hosts)
        self.exits.watch(settings)
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
        StoreUnavailable: the folder of artifacts cannot be written to, or a bucket has no keys.
    """
    async with AsyncExitStack() as stack:
        load = await stack.enter_async_context(leading(load, home, environ))
        settings = load()
        playing, feed = await stack.enter_async_context(open_playing(settings)), Feed()
        await prepare(settings)
        builder = Builder(await playing.address(settings))
        stack.push_async_callback(builder.aclose)
        metrics, standing = Metrics(), Standing(_say)
        store = await stack.enter_async_context(ledger_store(settings))
        spans = stack.enter_context(open_spans(environ))
        watch = watching(Observer(metrics, spans), _provider(settings))
        ledger = await stack.enter_async_context(
            Ledger(
                store, Spool(home / "spool"), watch, Pace(retry=settings.stores.retry), feed.give
            )
        )
        server = settings.server
        places, turnstile = Places(server.max_waiting, server.max_per_caller), Turnstile()
        pictures = await stack.enter_async_context(open_pictures(settings, home, builder))
        hedging = Hedging(server.hedge_share)
        failover = Failover(standing, places, hedging, server.answer_within, pictures.eyes)
        errands = await stack.enter_async_context(Errands())
        handing_down = HandingDown(pictures.eyes, Descriptions(errands, pictures.blobs), errands)
        thumbs, taping = await stack.enter_async_context(
            open_tracing(settings, home, lambda: builder.secrets, pictures)
        )
        gateway = Gateway(builder.house(settings), failover, ledger, handing_down, taping)
        recalling = await stack.enter_async_context(
            open_recalling(settings, gateway, pictures, errands)
        )
        sharing = await stack.enter_async_context(
            open_standing(settings, Own(gateway, home, lambda: builder.marks), environ)
        )
        await stack.enter_async_context(_calling(gateway, standing, swept_daily(settings, home)))
        access = await stack.enter_async_context(
            open_access(settings, home, Counting(gateway.limits, store), exposed=exposed)
        )
        exits = await stack.enter_async_context(open_exits(load, settings, builder, standing))
        again = await stack.enter_async_context(
            open_again(
                settings,
                gateway,
                Among(errands, sharing, home),
                likely_of(settings, home, recalling.remembering.meaning, errands),
                access,
            )
        )
        yield Serving(
            gateway=gateway,
            gate=access.gate,
            ring=access.ring,
            members=Members(access.ring.store),
            operating=await stack.enter_async_context(
                open_operating(gateway, playing.simulator, feed, load, home)
            ),
            once=again.once,
            streams=again.streams,
            ledger=store,
            metrics=metrics,
            traces=thumbs.desk,
            thumbs=thumbs,
            works=await stack.enter_async_context(works_of(load, home, environ)),
            polling=await stack.enter_async_context(open_polling(settings, builder, thumbs)),
            archive=pictures.archive,
            sweep=pictures.sweep,
            turnstile=turnstile,
            paths=lambda: exits.paths,
            guarded=lambda: exits.guarded,
            design=Design(gateway, pictures.intake),
            recalling=recalling,
            cache=again.cache,
            stores=Readiness(
                gate=access.gate,
                archive=pictures.archive,
                store=store,
                ledger=ledger,
                memory=recalling.remembering.guard,
                recorder=thumbs.desk.recorder,
                home=home,
                sharing=sharing,
            ),
            reload=Reload(gateway, builder, playing, load, pictures.belong, exits),
            max_body=int(settings.server.max_body),
            keep_alive=settings.server.keep_alive,
        )


@asynccontextmanager
async def _calling(
    gateway: Gateway, standing: Standing, sweeping: AbstractAsyncContextManager[None]
) -> AsyncIterator[None]:
    """Call the roll of upstreams' models until the context ends, and let *sweeping* go on."""
    task = asyncio.create_task(RollCall(lambda: gateway.house, standing).run())
    try:
        async with sweeping:
            yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)


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
