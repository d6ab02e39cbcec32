"""What the console reads and does: standing, requests, usage, reload."""

import time
from datetime import UTC, datetime
from math import isinf
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from portico.api.deps import Caller, Here
from portico.api.explain import standing
from portico.errors import ConfigRefused, NotFound
from portico.ledger.base import By, RequestQuery, UsageQuery

type Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
router = APIRouter(prefix="/api", tags=["operator"])


class UsageFilter(BaseModel, extra="forbid"):
    """What to add up by, and from when to when (epoch seconds)."""

    by: By = By.TARGET
    since: Seconds | None = None
    until: Seconds | None = None


class RequestFilter(BaseModel, extra="forbid"):
    """Which requests to list; a filter that is not given lets everything pass."""

    role: str | None = None
    target: str | None = None
    outcome: str | None = None
    caller: str | None = None
    since: Seconds | None = None
    until: Seconds | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/standing")
async def get_standing(here: Here, caller: Caller) -> dict[str, Any]:
    """How every target stands, and what is held against targets, upstreams and paths."""
    now = time.time()
    targets = here.gateway.house.catalog.targets.values()
    tired = here.gateway.standing.view(targets, now)
    under_way = here.gateway.failover.places.under_way()
    return {
        "targets": [
            {
                "target": target.name,
                "upstream": target.upstream,
                "tier": target.tier,
                "simulated": target.simulated,
                "under_way": under_way.get(target.name, 0),
                **standing(tired.get(target.name)),
            }
            for target in targets
        ],
        "held": [
            {
                "about": name,
                "reason": record.reason,
                "detail": record.detail,
                "failures": record.failures,
                "since": _when(record.since),
                "until": None if isinf(record.until) else _when(record.until),
            }
            for name, record in here.gateway.standing.report(now).items()
        ],
    }


@router.post("/standing/{name:path}/clear")
async def clear_standing(name: str, here: Here, caller: Caller) -> dict[str, Any]:
    """Forget what is held against a target or an upstream: a person has acted."""
    if not here.gateway.standing.clear(name):
        raise NotFound(f"Nothing is held against {name[:100]!r}.")
    return {"cleared": name}


@router.get("/requests")
async def list_requests(
    here: Here, caller: Caller, asked: Annotated[RequestFilter, Query()]
) -> dict[str, Any]:
    """The latest requests, newest first, without bodies; `next` is the `before` of more."""
    rows = await here.ledger.requests(RequestQuery(**asked.model_dump()))
    more = rows[-1].id if len(rows) >= asked.limit else None
    return {"requests": msgspec.to_builtins(rows), "next": more}


@router.get("/requests/{request_id}")
async def get_request(request_id: str, here: Here, caller: Caller) -> Any:
    """One request with every attempt that was made for it."""
    found = await here.ledger.request(request_id)
    if found is None:
        raise NotFound(f"There is no request {request_id[:100]!r}, or it is not written yet.")
    return msgspec.to_builtins(found)


@router.get("/usage")
async def get_usage(
    here: Here, caller: Caller, asked: Annotated[UsageFilter, Query()]
) -> dict[str, Any]:
    """Requests, tokens and cost, summed up; simulated answers apart and never in a cost."""
    rows = await here.ledger.usage(UsageQuery(**asked.model_dump()))
    return {"by": asked.by.value, "usage": msgspec.to_builtins(rows)}


@router.post("/catalog/reload")
async def reload_catalog(here: Here, caller: Caller) -> dict[str, Any]:
    """Read the configuration again; a bad one is refused with its faults, the old one stays."""
    if problems := await here.reload():
        raise ConfigRefused("; ".join(str(problem) for problem in problems))
    return {"version": here.gateway.house.catalog.version}


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
