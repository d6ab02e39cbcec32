"""Alive, ready, and the numbers."""

import time
from typing import Literal

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import PlainTextResponse, Response

from portico.api.answers import JSON, Numbered, documented, problems
from portico.api.deps import Here
from portico.api.egress import counted, looked
from portico.egress.status import PathStatus
from portico.routing.routes import Tiredness
from portico.telemetry.metrics import CONTENT_TYPE, Snapshot, Traced

router = APIRouter(tags=["health"], route_class=Numbered)

_FINE = frozenset({"ok", "simulated"})
_TELLING = frozenset({"account", "region", "unreachable"})
"""Why an upstream, and not only one model of it, is of no use."""


WORDS = {
    "account": "its key is refused or its balance is spent: a person has to act",
    "region": "it does not serve the place that we come from: look at the exits",
    "unreachable": "it cannot be reached",
    "down": "none of its tunnels is up",
    "closed": "nothing may leave by it: panic, or its guard",
}
"""What is wrong with an upstream or a path; what a provider said is for operators only."""


class Readiness(Struct, frozen=True):
    """
    `degraded` if a store, an upstream or an egress path below is neither `ok` nor `simulated`.

    `egress` has the tunnelled paths in use: `down` while none of a path's tunnels is used, `closed`
    while nothing may leave by it.

    `draining`, with 503, while the gateway goes down. `reasons` says in words what is wrong with
    each store, upstream and path that is not well.
    """

    status: Literal["ok", "degraded", "draining"]
    stores: dict[str, str]
    upstreams: dict[str, str]
    egress: dict[str, str]
    reasons: dict[str, str]


@router.get("/healthz", response_class=PlainTextResponse, responses=problems(400))
async def alive() -> str:
    """Alive: depends on nothing."""
    return "ok"


@router.get("/readyz", responses=documented(Readiness))
async def ready(request: Request, here: Here) -> Response:
    """
    Ready: names the upstream whose account is dead, and the path or store that is away.

    Anybody may ask, so it says no more than that: what a provider wrote is in `/api/standing`.
    """
    house, whys = here.gateway.house, here.stores()
    stores = {name: "away" if why else "ok" for name, why in whys.items()}
    tired = here.gateway.standing.view(house.catalog.targets.values(), time.time())
    upstreams: dict[str, str] = {}
    for target in house.catalog.targets.values():
        said = _said(tired.get(target.name), simulated=target.simulated)
        if upstreams.get(target.upstream, "ok") in _FINE:
            upstreams[target.upstream] = said
    egress = {path.name: _path(path) for path in here.paths()}
    reasons = {f"stores.{name}": why for name, why in whys.items() if why}
    for section, told in (("upstreams", upstreams), ("egress", egress)):
        ill = {name: said for name, said in told.items() if said not in _FINE}
        reasons |= {f"{section}.{name}": WORDS[said] for name, said in ill.items()}
    if request.app.state.lobby.draining:
        return JSON(Readiness("draining", stores, upstreams, egress, reasons), 503)
    status: Literal["ok", "degraded"] = "degraded" if reasons else "ok"
    return JSON(Readiness(status, stores, upstreams, egress, reasons))


def _path(path: PathStatus) -> str:
    if path.closed:
        return "closed"
    return "ok" if path.up else "down"


def _said(rest: Tiredness | None, *, simulated: bool) -> str:
    if rest is None or rest.reason not in _TELLING:
        return "simulated" if simulated else "ok"
    return rest.reason


@router.get("/metrics", response_class=PlainTextResponse, responses=problems(400))
async def metrics(here: Here) -> Response:
    """Prometheus' text format."""
    ledger, catalog = here.gateway.ledger, here.gateway.house.catalog
    traced = here.traces.recorder
    await ledger.fold()
    tired = here.gateway.standing.view(catalog.targets.values(), time.time())
    here.metrics.in_flight = here.gateway.in_flight
    now = Snapshot(
        tuple((name, rest.reason) for name, rest in tired.items() if rest.room is None),
        ledger.pending,
        ledger.spooled,
        ledger.lost,
        Traced(traced.pending, traced.spooled, traced.bared, traced.dropped),
        tuple(counted(here.paths())),
        looked(here.guarded()),
    )
    return Response(here.metrics.render(now), media_type=CONTENT_TYPE)
