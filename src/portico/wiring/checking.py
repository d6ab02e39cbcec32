"""Looks once at every tunnel, and at everything around this process."""

from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path

from portico.egress.checking import look, passable
from portico.egress.findings import Check, Finding, unknown
from portico.egress.names import SystemNames
from portico.egress.probe import Prober
from portico.wiring.building import Builder, hosts
from portico.wiring.engines import Load, leading, own_engines
from portico.wiring.exits import pools, questions
from portico.wiring.surroundings import boundary


async def check_egress(load: Load, home: Path, environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """
    Look at every tunnel in use and at everything around this process, once.

    Engines of our own are started for it, and are gone afterwards.

    Raises:
        ConfigError: the configuration, or a file of tunnels, contradicts itself.
    """
    async with AsyncExitStack() as stack:
        own = own_engines(load())
        settings = (await stack.enter_async_context(leading(load, home, environ)))()
        builder = Builder("")
        builder.hosts = hosts(settings)
        stack.push_async_callback(builder.aclose)
        opened = dict(pools(settings, builder))
        for name, pool in opened.items():
            await Prober(pool, questions(name, settings)).once()
        names = stack.enter_context(closing(SystemNames()))
        around = await look(boundary(settings, own), names)
        tunnels = passable(pool.status for pool in opened.values())
        return (*(tunnels or [_none()]), *map(_own, sorted(own)), *around)


def _none() -> Finding:
    mend = "give an upstream with a key a path of `kind: tunnel`"
    return unknown(Check.SERVICE, "none", "no tunnel is in use", mend)


def _own(name: str) -> Finding:
    told = "its engine is ours, and carries what the gateway's own table lets it ask"
    return unknown(Check.REFUSALS, name, told, "nothing, on one machine; else run a sidecar")
