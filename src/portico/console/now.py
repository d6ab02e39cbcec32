"""Now: is it working?"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec
from starlette.responses import Response

from portico.console.budgets import MOST, Budget, budgets
from portico.console.charts import SPANS, drawn, query
from portico.console.egress import STATES, ways
from portico.console.live import brief
from portico.console.visit import Visit
from portico.console.words import reason
from portico.errors import StoreUnavailable
from portico.ledger.base import By, RequestQuery, RequestRow, UsageQuery, UsageRow
from portico.routing.routes import Tiredness
from portico.routing.tiers import Target

LATEST = 12
"""Requests that the page begins with; more come by themselves."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A target as it stands: `state` is ok, tight, probing, resting, parked or down."""

    target: Target
    state: str
    why: str = ""
    detail: str = ""
    until: float | None = None
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it works, in one word and the sentences that say why not."""

    word: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spend:
    """What this UTC day took so far."""

    requests: int
    simulated: int
    tokens: int
    usd: str | None
    unpriced: int


def stands(visit: Visit, now: float) -> list[Stand]:
    """Return every target as it stands."""
    gateway, orders = visit.here.gateway, visit.here.operating.orders
    targets = gateway.house.catalog.targets.values()
    tired = gateway.standing.view(targets, now)
    under_way = gateway.failover.places.under_way()
    found = []
    for target in targets:
        parked, down = orders.parked.get(target.name), orders.down.get(target.name)
        if parked is not None:
            one = Stand(target, "parked", parked.why or "An operator has parked it.")
        elif down is not None and target.simulated:
            one = Stand(target, "down", "Switched off here, to see what happens.")
        else:
            one = _stand(target, tired.get(target.name))
        found.append(_busy(one, under_way.get(target.name, 0)))
    return found


def _busy(one: Stand, under_way: int) -> Stand:
    """Return *one* with what it has under way."""
    return Stand(one.target, one.state, one.why, one.detail, one.until, under_way)


def _stand(target: Target, rest: Tiredness | None) -> Stand:
    if rest is None:
        return Stand(target, "ok")
    state = "probing" if rest.probing else "resting" if rest.room is None else "tight"
    return Stand(target, state, reason(rest.reason), rest.detail, rest.until)


def verdict(found: Sequence[Stand], stores: Mapping[str, str]) -> Verdict:
    """Say whether it works: every role may still answer, and every store is there."""
    away = [f"The store of {name} is away: {why}" for name, why in stores.items() if why]
    ill = [one for one in found if one.state in ("resting", "down")]
    if found and all(one.state in ("resting", "down", "parked") for one in found):
        return Verdict("Down", ("No target can be asked.", *away))
    named = [
        f"{one.target.name} {'is off' if one.state == 'down' else 'rests'}: {one.why}"
        for one in ill
    ]
    return Verdict("Degraded" if away or ill else "Working", (*away, *named))


def tiers(found: Iterable[Stand]) -> list[tuple[int, list[Stand]]]:
    """Return targets by their tier."""
    ordered = sorted(found, key=lambda one: one.target.tier)
    return [(tier, list(ones)) for tier, ones in groupby(ordered, lambda one: one.target.tier)]


async def show(visit: Visit) -> Response:
    """Show it."""
    now = time.time()
    found, stores = stands(visit, now), dict(visit.here.stores())
    latest, spend = await _told(visit, now)
    return visit.page(
        "now",
        verdict=verdict(found, stores),
        tiers=tiers(found),
        able=sum(one.state in ("ok", "tight", "probing") for one in found),
        all_targets=len(found),
        stores=stores,
        latest=[brief(row) for row in latest],
        spend=spend,
        budgets=_budgets(visit, now)[:MOST],
        paths=list(visit.here.paths()),
        ways=ways(visit.here.gateway.house.catalog.targets.values()),
        tones=STATES,
        guarded=visit.here.guarded(),
        spans=list(SPANS),
        in_flight=visit.here.gateway.in_flight,
        host=visit.request.headers.get("host", "127.0.0.1:8000"),
        said=visit.request.query_params.get("said", ""),
    )


def _budgets(visit: Visit, now: float) -> list[Budget]:
    roster = visit.here.gate.roster
    if roster is None:
        return []
    live = [key for key in roster.keys.values() if key.state(now) == "live"]
    limits = visit.here.gateway.limits
    unique = {key.id: key for key in live}.values()  # a rotated key stands there twice
    return budgets(
        unique, roster.people.values(), roster.teams.values(), lambda name: limits.used(name, now)
    )


async def _told(visit: Visit, now: float) -> tuple[list[RequestRow], Spend | None]:
    """Return what the ledger says; a ledger that is away does not hide the rest."""
    ledger, today = visit.here.ledger, now // 86_400 * 86_400
    try:
        latest = await ledger.requests(RequestQuery(limit=LATEST))
        used = await ledger.usage(UsageQuery(By.DAY, since=today))
    except StoreUnavailable:
        return [], None
    return latest, _spend(used)


def _spend(used: Sequence[UsageRow]) -> Spend:
    if not used:
        return Spend(0, 0, 0, None, 0)
    day = used[-1]
    return Spend(day.requests, day.simulated, day.input + day.output, day.cost_usd, day.unpriced)


async def charts(visit: Visit) -> Response:
    """Return what the charts draw."""
    span = SPANS.get(visit.request.query_params.get("span", ""), SPANS["1 h"])
    asked = query(span, time.time())
    found = drawn(asked, await visit.here.ledger.series(asked))
    body = msgspec.json.encode(found)
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
