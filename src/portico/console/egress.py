"""Egress: by which way do packets leave, and where do they come out?"""

from starlette.responses import Response

from portico.console.visit import Visit
from portico.egress.health import State

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
    targets = visit.here.gateway.house.catalog.targets.values()
    real = sorted({(one.upstream, one.egress) for one in targets if not one.simulated})
    pretend = sorted({one.upstream for one in targets if one.simulated})
    return visit.page(
        "egress",
        paths=list(visit.here.paths()),
        real=real,
        pretend=pretend,
        tones=STATES,
        guarded=visit.here.guarded(),
        levels=LEVELS,
    )
