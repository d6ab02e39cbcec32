"""Do the tunnels that are used carry anything? The gateway starts without them: they may follow."""

from collections.abc import Iterator

from portico.bootstrap.base import Line, Order, State
from portico.egress.paths import Tunnel
from portico.egress.pool import Pool
from portico.egress.probe import Prober, Questions
from portico.settings import Settings, load_settings
from portico.wiring import hosts, way


async def tunnels(order: Order) -> list[Line]:
    """Ask each listener of each tunnelled path in use to lead to the provider behind it."""
    settings = load_settings(order.config, order.environ)
    used = sorted(settings.paths_in_use)
    lines = [line for name in used for line in await _path(settings, name)]
    return lines or [Line(State.SKIPPED, "no upstream with a key goes by a tunnel")]


async def _path(settings: Settings, name: str) -> list[Line]:
    if settings.egress[name].tunnels:
        told = f"{name}: the gateway starts an engine of its own for it"
        return [Line(State.SKIPPED, told)]
    path = way(name, settings)
    provider = next(
        (up.address for up in settings.upstreams.values() if up.egress == name and up.address), ""
    )
    if not isinstance(path, Tunnel) or not provider:
        return [Line(State.SKIPPED, f"{name}: nothing to ask it for")]
    pool = Pool(path, hosts=hosts(settings))
    try:
        await Prober(pool, Questions(provider)).once()
        return list(_seen(name, pool))
    finally:
        await pool.aclose()


def _seen(name: str, pool: Pool) -> Iterator[Line]:
    for one in pool.ways.all:
        wrong = [f"{level}: {seen.detail}" for level, (_, seen) in one.seen.items() if not seen.ok]
        if wrong:
            mend = "docs/operations/tunnel.md; until then its requests go to other targets"
            told = f"{name} by {one.via}: {'; '.join(wrong)}"
            yield Line(State.FAILED, told, mend=mend, grave=False)
        else:
            yield Line(State.ALREADY, f"{name} by {one.via}: it leads to its provider")
