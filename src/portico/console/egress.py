"""Egress: by which way do packets leave, and where do they come out?"""

from collections.abc import Iterable

from starlette.responses import Response

from portico.console.visit import Visit
from portico.egress.health import State
from portico.routing.tiers import Target

STATES = {
    State.HEALTHY: "good",
    State.SUSPECT: "warn",
    State.HALF_OPEN: "warn",
    State.DOWN: "bad",
    State.GEO_BLOCKED: "bad",
    State.WRONG_EXIT: "bad",
}
"""How a tunnel's state is shown."""

LEVELS = {"ok": "good", "note": "warn", "error": "bad"}
"""How something that was found around the gateway is shown."""


async def show(visit: Visit) -> Response:
    """Show every tunnelled path in use, its tunnels, and what the last looks at both saw."""
    real, pretend = ways(visit.here.gateway.house.catalog.targets.values())
    return visit.page(
        "egress",
        paths=list(visit.here.paths()),
        real=real,
        pretend=pretend,
        tones=STATES,
        guarded=visit.here.guarded(),
        levels=LEVELS,
    )


def ways(targets: Iterable[Target]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return which upstream leaves by which path, and who is simulated and leaves by none."""
    known = list(targets)
    real = sorted({(one.upstream, one.egress) for one in known if not one.simulated})
    return real, sorted({one.upstream for one in known if one.simulated})
