"""POST /v1/route/explain: a chat body in, the route out; nobody is asked."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from portico.api.problems import Envelope, envelope
from portico.dispatch.refusals import incapable
from portico.routing.roles import Catalog
from portico.routing.routes import Needs, Route, Tiredness
from portico.routing.tiers import Target


class Weighed(Struct, frozen=True):
    """A signal, the role it speaks for, and how loudly (0 to 1)."""

    signal: str
    role: str
    weight: float


class Needed(Struct, frozen=True):
    """What whoever answers must be able to do; `tokens` is a lower bound."""

    modalities: list[str]
    features: list[str]
    tokens: int


class Rested(Struct, frozen=True, kw_only=True):
    """How a target stands: `ok`, or resting until when and why; `probing` is asked next."""

    state: Literal["ok", "resting", "probing"]
    reason: str | UnsetType = UNSET
    until: str | UnsetType | None = UNSET
    detail: str | UnsetType = UNSET


class Cost(Struct, frozen=True):
    """USD per million tokens."""

    input: float
    output: float


class Candidate(Struct, frozen=True, kw_only=True):
    """Somebody who would be asked."""

    target: str
    tier: int
    upstream: str
    model: str
    egress: str
    simulated: bool
    standing: Rested
    price: Cost | None


class PassedOver(Struct, frozen=True):
    """Somebody who would not be asked, and why."""

    target: str
    reason: str


class Explained(Struct, frozen=True, kw_only=True):
    """A request's route: who would be asked, in this order, and why."""

    role: str
    decided_by: list[Weighed]
    unsure: bool
    needs: Needed
    candidates: list[Candidate]
    passed: list[PassedOver]
    error: Envelope | UnsetType = UNSET


def explained(route: Route, catalog: Catalog, request_id: str) -> Explained:
    """
    Return what the next real request on *route* would do, and why.

    Without candidates it also holds the `error` that request would get.
    """
    unable = UNSET if route.candidates else envelope(incapable(route, catalog), request_id).error
    return Explained(
        role=route.role.name,
        decided_by=[Weighed(s.name, s.role, round(s.weight, 3)) for s in route.decided_by],
        unsure=route.unsure,
        needs=_needed(route.needs),
        candidates=[_candidate(target, route) for target in route.candidates],
        passed=[PassedOver(one.target.name, one.reason) for one in route.passed],
        error=unable,
    )


def told(route: Route, catalog: Catalog, request_id: str) -> dict[str, Any]:
    """Return the same as plain values, for a command line to print."""
    plain: dict[str, Any] = msgspec.to_builtins(explained(route, catalog, request_id))
    return plain


def _needed(needs: Needs) -> Needed:
    return Needed(sorted(m.value for m in needs.modalities), sorted(needs.features), needs.tokens)


def _candidate(target: Target, route: Route) -> Candidate:
    price = target.price
    return Candidate(
        target=target.name,
        tier=target.tier,
        upstream=target.upstream,
        model=target.model,
        egress=target.egress,
        simulated=target.simulated,
        standing=standing(route.standing.get(target.name)),
        price=None if price is None else Cost(price.input, price.output),
    )


def standing(rest: Tiredness | None) -> Rested:
    """Return how a target stands; one with room left is well, and says how much in its detail."""
    if rest is None:
        return Rested(state="ok")
    well: Literal["ok", "resting"] = "resting" if rest.room is None else "ok"
    return Rested(
        state="probing" if rest.probing else well,
        reason=rest.reason,
        until=None if rest.until is None else moment(rest.until),
        detail=rest.detail,
    )


def moment(seconds: float) -> str:
    """Return *seconds* of the epoch as ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
