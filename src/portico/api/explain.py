"""POST /v1/route/explain: a chat body in, the route out; nobody is asked."""

from datetime import UTC, datetime
from typing import Any

from portico.api.problems import envelope
from portico.dispatch.refusals import incapable
from portico.routing.roles import Catalog
from portico.routing.routes import Route, Tiredness
from portico.routing.tiers import Target


def told(route: Route, catalog: Catalog, request_id: str) -> dict[str, Any]:
    """
    Return what the next real request on *route* would do, and why.

    Without candidates it also holds the `error` that request would get.
    """
    said = {
        "role": route.role.name,
        "decided_by": [
            {"signal": signal.name, "role": signal.role, "weight": round(signal.weight, 3)}
            for signal in route.decided_by
        ],
        "unsure": route.unsure,
        "needs": {
            "modalities": sorted(m.value for m in route.needs.modalities),
            "features": sorted(route.needs.features),
            "tokens": route.needs.tokens,
        },
        "candidates": [_candidate(target, route) for target in route.candidates],
        "passed": [{"target": one.target.name, "reason": one.reason} for one in route.passed],
    }
    if not route.candidates:
        said |= envelope(incapable(route, catalog), request_id)
    return said


def _candidate(target: Target, route: Route) -> dict[str, Any]:
    price = target.price
    return {
        "target": target.name,
        "tier": target.tier,
        "upstream": target.upstream,
        "model": target.model,
        "egress": target.egress,
        "simulated": target.simulated,
        "standing": standing(route.standing.get(target.name)),
        "price": None if price is None else {"input": price.input, "output": price.output},
    }


def standing(rest: Tiredness | None) -> dict[str, Any]:
    """Return how a target stands: `ok`, or resting until when and why."""
    if rest is None:
        return {"state": "ok"}
    until = None
    if rest.until is not None:
        until = datetime.fromtimestamp(rest.until, UTC).isoformat(timespec="milliseconds")
    state = "probing" if rest.probing else "resting"
    return {"state": state, "reason": rest.reason, "until": until, "detail": rest.detail}
