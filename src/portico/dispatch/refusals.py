"""From what was tried to the error that the caller sees. Pure, but for the standing it reads."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from portico.dispatch.journey import Journey
from portico.errors import (
    Asked,
    EgressUnavailable,
    GatewayError,
    NoCapableTarget,
    Resting,
    TargetParked,
    Unanswered,
)
from portico.errors import ContextTooLong as TooLong
from portico.routing.attempts import Attempt, Failed, Kind
from portico.routing.roles import Catalog
from portico.routing.routes import PARKED, Needs, Route, Tiredness
from portico.routing.tiers import Target
from portico.upstreams.standing import Standing

LIMITS = frozenset({"rate_limited", "quota_spent", "quota"})


REROUTED = "egress-rerouted"
"""What is said of an answer that came by another path, because the tunnels of its own are down."""


def incapable(route: Route, catalog: Catalog) -> GatewayError:
    """Return the error for a route without candidates: what is missing, and who would do."""
    if route.down:
        rests = [rest for rest in route.standing.values() if rest.path == route.down]
        return _closed(route.down, min((r.until for r in rests if r.until), default=None))
    parked = [one.target for one in route.passed if one.reason == PARKED]
    if able := [target.name for target in parked if _can(target, route.needs)]:
        return TargetParked(f"An operator has parked who could answer: {', '.join(able)}.")
    if route.passed and all(passed.too_small for passed in route.passed):
        largest = max(passed.target.context_window for passed in route.passed)
        return TooLong(
            f"The request needs at least {route.needs.tokens} tokens; the largest window of "
            f"{route.role.name!r} is {largest}.",
            param="messages",
        )
    wanted = ", ".join(sorted(_named(route.needs)))
    able = [target.name for target in catalog.targets.values() if _can(target, route.needs)]
    would = f" These would: {', '.join(able)}." if able else ""
    return NoCapableTarget(
        f"No target of {route.role.name!r} takes {wanted}.{would}", param="model"
    )


def _closed(path: str, until: float | None = None) -> EgressUnavailable:
    """*until* is in epoch seconds; a path that only a probe finds well is looked at often."""
    wait = _PROBED if until is None else max(until - time.time(), 1.0)
    told = f"The tunnels of the egress path {path!r} are down, and its requests go no other way."
    return EgressUnavailable(told, retry_after=wait)


_PROBED = 10.0  # seconds between two looks at a tunnel


def _named(needs: Needs) -> list[str]:
    return [*(m.value for m in needs.modalities if m != "text"), *needs.features] or ["this"]


def _can(target: Target, needs: Needs) -> bool:
    return needs.modalities <= target.accepts and needs.features <= target.features


def unanswered(
    journey: Journey, route: Route, skipped: Sequence[Target], standing: Standing
) -> GatewayError:
    """Return the error for a route whose candidates all failed, rest, or said stop."""
    now = time.time()
    failed = [a for a in journey.attempts if isinstance(a.outcome, Failed)]
    if failed and isinstance(last := failed[-1].outcome, Failed):
        target = failed[-1].target
        if last.failure.scope == "path" and target.on_down == "fail":
            closed = _closed(target.egress)
            closed.attempts = journey.asked
            return closed
    tired = standing.view(skipped or route.candidates, now)
    rests = [_resting(target, tired.get(target.name)) for target in skipped]
    status, code = _status(failed, [tired[t.name].reason for t in skipped if t.name in tired])
    error = Unanswered(_message(code, journey.asked, tuple(rests)), status=status, code=code)
    if status < 500:
        error.type = _TYPES.get(status, "invalid_request_error")
    error.attempts = journey.asked
    error.resting = tuple(rests)
    if status in (429, 502, 503, 504):
        error.retry_after = _recovery(route, standing, now)
    return error


def _status(failed: Sequence[Attempt], resting: Sequence[str]) -> tuple[int, str]:
    """The last candidate's status; 429 only where every one of them is limited."""
    kinds = [a.outcome.failure.kind for a in failed if isinstance(a.outcome, Failed)]
    if kinds and kinds[-1] is Kind.REJECTED:
        return 400, "upstream_rejected"
    if Kind.TOO_LONG in kinds and not resting and set(kinds) <= _SIZES:
        return 413, "context_length_exceeded"
    every = [*(kind.value for kind in kinds), *resting]
    if every and all(kind in LIMITS for kind in every):
        return 429, "upstream_rate_limited"
    if kinds and all(kind is Kind.INCAPABLE for kind in kinds):
        return 422, "no_capable_target"
    others = [kind for kind in every if kind not in LIMITS]
    return _STATUS.get(others[-1], 502) if others else 502, "unanswered"


_SIZES = frozenset({Kind.TOO_LONG, Kind.RATE_LIMITED, Kind.QUOTA_SPENT})
_STATUS = {Kind.SILENT.value: 504}


_TYPES = {429: "rate_limit_error"}
_LEADS = {
    "upstream_rejected": "The upstream rejected the request.",
    "upstream_rate_limited": "The upstream's limit is reached.",
    "context_length_exceeded": "The request is too long for the model.",
    "no_capable_target": "The model does not take this request.",
}

_UNSENT = "The request cannot be put to the model."


def _message(code: str, asked: Sequence[Asked], resting: Sequence[Resting]) -> str:
    """The first attempt's cause leads; it is never masked by the last's."""
    told = [f"{one.target}: {one.message}" for one in asked]
    if not told:
        names = ", ".join(f"{one.target} ({one.reason})" for one in resting)
        return f"Nobody could be asked, since all rest: {names}. Try again later."
    if len(told) == 1:
        unsent = code == "upstream_rejected" and asked[0].status is None
        lead = _UNSENT if unsent else _LEADS.get(code, "The model did not answer.")
        return f"{lead} {told[0]}"
    return f"No model answered. First {told[0]}; then {'; '.join(told[1:])}"


def _resting(target: Target, rest: Tiredness | None) -> Resting:
    if rest is None:
        return Resting(target.name, None, "busy")
    until = None
    if rest.until is not None:
        until = datetime.fromtimestamp(rest.until, UTC).isoformat(timespec="seconds")
    return Resting(target.name, until, rest.reason)


def _recovery(route: Route, standing: Standing, now: float) -> float | None:
    """Seconds until the earliest of the candidates is back, as far as anybody knows."""
    tired = standing.view(route.candidates, now)
    rests = [rest for rest in tired.values() if rest.rests(route.needs.tokens)]
    ends = [rest.until - now for rest in rests if rest.until is not None]
    return max(min(ends), 0.0) if ends else None
