"""Alive, ready, and the numbers."""

import time
from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from portico.api.deps import Here
from portico.routing.routes import Tiredness
from portico.telemetry.metrics import CONTENT_TYPE, Snapshot

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def alive() -> str:
    """Alive: depends on nothing."""
    return "ok"


@router.get("/readyz")
async def ready(here: Here) -> dict[str, Any]:
    """Ready: `degraded` names the upstream whose account is dead, the tunnel or store that is."""
    catalog, stores = here.gateway.house.catalog, dict(here.stores())
    tired = here.gateway.standing.view(catalog.targets.values(), time.time())
    upstreams: dict[str, str] = {}
    for target in catalog.targets.values():
        said = _said(tired.get(target.name), simulated=target.simulated)
        if upstreams.get(target.upstream, "ok") in ("ok", "simulated"):
            upstreams[target.upstream] = said
    fine = {"ok", "simulated"}
    well = fine.issuperset(stores.values()) and fine.issuperset(upstreams.values())
    return {"status": "ok" if well else "degraded", "stores": stores, "upstreams": upstreams}


def _said(rest: Tiredness | None, *, simulated: bool) -> str:
    if rest is None or rest.reason not in ("account", "region", "unreachable"):
        return "simulated" if simulated else "ok"
    return f"{rest.reason}: {rest.detail}" if rest.detail else rest.reason


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(here: Here) -> Response:
    """Prometheus' text format."""
    ledger, catalog = here.gateway.ledger, here.gateway.house.catalog
    await ledger.fold()
    tired = here.gateway.standing.view(catalog.targets.values(), time.time())
    here.metrics.in_flight = here.gateway.in_flight
    now = Snapshot(
        tuple((name, rest.reason) for name, rest in tired.items()),
        ledger.pending,
        ledger.spooled,
        ledger.lost,
    )
    return Response(here.metrics.render(now), media_type=CONTENT_TYPE)
