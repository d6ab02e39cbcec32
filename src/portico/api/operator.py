"""What the console reads and does: standing, requests, usage, reload."""

import time
from collections.abc import Mapping
from math import isinf
from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Struct
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from portico.api.answers import JSON, Numbered, operated, problems
from portico.api.deps import Here, Operator
from portico.api.explain import Rested, moment, standing
from portico.api.people import noted
from portico.api.sheets import sheet
from portico.chat.messages import Modality
from portico.errors import ConfigRefused, NotFound
from portico.ledger.base import (
    MOST,
    STEPS,
    By,
    Ending,
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    Source,
    UsageQuery,
    UsageRow,
)
from portico.routing.attempts import Kind
from portico.routing.tiers import Target
from portico.upstreams.standing import Record

type Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
MOST_SPANS = 400
"""Spans that one answer may tell of."""

router = APIRouter(prefix="/api", tags=["operator"], route_class=Numbered)


class CSV(PlainTextResponse):
    """A table."""

    media_type = "text/csv"


class UsageFilter(BaseModel, extra="forbid"):
    """What to add up by, and from when to when (epoch seconds)."""

    by: By = By.TARGET
    since: Seconds | None = None
    until: Seconds | None = None


class RequestFilter(BaseModel, extra="forbid"):
    """Which requests to list; a filter that is not given lets everything pass."""

    role: str | None = None
    target: str | None = None
    outcome: Ending | None = None
    caller: str | None = None
    task: str | None = None
    modality: Modality | None = None
    kind: Kind | None = None
    degraded: bool | None = None
    simulated: bool | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    source: Source | None = None
    since: Seconds | None = None
    until: Seconds | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class SeriesFilter(BaseModel, extra="forbid"):
    """Which time to look at: `count` spans of `step` seconds, up to now."""

    step: Annotated[int, Field(ge=1, le=86_400)] = 60
    count: Annotated[int, Field(ge=1, le=MOST_SPANS)] = 60


class TargetStanding(Rested, frozen=True, kw_only=True):
    """A target, how it stands, and how many requests it has under way."""

    target: str
    upstream: str
    tier: int
    simulated: bool
    under_way: int


class Held(Struct, frozen=True, kw_only=True):
    """
    What is held against a target, an upstream or a path (`about`: `target NAME` …).

    `until` is None where only a person or a model list ends it.
    """

    about: str
    reason: str
    detail: str
    failures: int
    since: str
    until: str | None


class Standings(Struct, frozen=True):
    """How every target stands, and why."""

    targets: list[TargetStanding]
    held: list[Held]


class Cleared(Struct, frozen=True):
    """The target or upstream against which nothing is held any more."""

    cleared: str


class RequestPage(Struct, frozen=True):
    """Requests, newest first; `next` is the `before` of the page after, None on the last."""

    requests: list[RequestRow]
    next: str | None


class UsageSums(Struct, frozen=True):
    """What was used, by what."""

    by: By
    usage: list[UsageRow]


class Series(Struct, frozen=True):
    """
    What each target did, span by span from `since` on (epoch seconds).

    `steps` are the upper bounds (seconds) of the classes that `waits` are counted in.
    """

    since: float
    step: int
    count: int
    steps: tuple[float, ...]
    rows: list[SeriesRow]


class Reloaded(Struct, frozen=True):
    """The version of the catalog that is served now."""

    version: str


@router.get("/standing", responses=operated(Standings))
async def get_standing(here: Here, caller: Operator) -> Response:
    """How every target stands, and what is held against targets, upstreams and paths."""
    now = time.time()
    gateway = here.gateway
    targets = gateway.house.catalog.targets.values()
    tired = gateway.standing.view(targets, now)
    under_way = gateway.failover.places.under_way()
    stands = [_stands(one, standing(tired.get(one.name)), under_way) for one in targets]
    held = [_held(about, record) for about, record in gateway.standing.report(now).items()]
    return JSON(Standings(stands, held))


def _stands(target: Target, rested: Rested, under_way: Mapping[str, int]) -> TargetStanding:
    return TargetStanding(
        target=target.name,
        upstream=target.upstream,
        tier=target.tier,
        simulated=target.simulated,
        under_way=under_way.get(target.name, 0),
        state=rested.state,
        reason=rested.reason,
        until=rested.until,
        detail=rested.detail,
    )


def _held(about: str, record: Record) -> Held:
    return Held(
        about=about,
        reason=record.reason,
        detail=record.detail,
        failures=record.failures,
        since=moment(record.since),
        until=None if isinf(record.until) else moment(record.until),
    )


@router.post("/standing/{name:path}/clear", responses=operated(Cleared, 404))
async def clear_standing(name: str, here: Here, caller: Operator) -> Response:
    """Forget what is held against a target or an upstream: a person has acted."""
    if not here.gateway.standing.clear(name):
        raise NotFound(f"Nothing is held against {name[:100]!r}.")
    await noted(here, caller, "standing.cleared", name)
    return JSON(Cleared(name))


@router.get("/requests", responses=operated(RequestPage))
async def list_requests(
    here: Here, caller: Operator, asked: Annotated[RequestFilter, Query()]
) -> Response:
    """The latest requests, newest first, without bodies; `next` is the `before` of more."""
    rows = await here.ledger.requests(RequestQuery(**asked.model_dump()))
    more = rows[-1].id if len(rows) >= asked.limit else None
    return JSON(RequestPage(rows, more))


@router.get("/requests/{request_id}", responses=operated(RequestRow, 404))
async def get_request(request_id: str, here: Here, caller: Operator) -> Response:
    """One request with every attempt that was made for it."""
    found = await here.ledger.request(request_id)
    if found is None:
        raise NotFound(f"There is no request {request_id[:100]!r}, or it is not written yet.")
    return JSON(found)


@router.get("/usage", responses=operated(UsageSums))
async def get_usage(
    here: Here, caller: Operator, asked: Annotated[UsageFilter, Query()]
) -> Response:
    """Requests, tokens and cost, summed up; simulated answers apart and never in a cost."""
    rows = await here.ledger.usage(UsageQuery(**asked.model_dump()))
    return JSON(UsageSums(asked.by, rows))


@router.get("/usage.csv", response_class=CSV, responses=problems(400, 401, 403, 503))
async def get_usage_sheet(
    here: Here, caller: Operator, asked: Annotated[UsageFilter, Query()]
) -> Response:
    """The same as a table for a spreadsheet; no cell of it is a formula."""
    rows = await here.ledger.usage(UsageQuery(**asked.model_dump()))
    names = UsageRow.__struct_fields__
    told = sheet((asked.by, *names[1:]), [[getattr(row, name) for name in names] for row in rows])
    attached = {"content-disposition": f'attachment; filename="usage-by-{asked.by}.csv"'}
    return CSV(told, headers=attached)


@router.get("/usage/series", responses=operated(Series))
async def get_series(
    here: Here, caller: Operator, asked: Annotated[SeriesFilter, Query()]
) -> Response:
    """Answers, waits, tokens and cost of each target over time, as charts need them."""
    since = (time.time() // asked.step + 1 - asked.count) * asked.step
    rows = await here.ledger.series(SeriesQuery(since, asked.step, asked.count))
    return JSON(Series(since, asked.step, asked.count, STEPS, rows))


@router.post("/catalog/reload", responses=operated(Reloaded, 422))
async def reload_catalog(here: Here, caller: Operator) -> Response:
    """Read the configuration again; a bad one is refused with its faults, the old one stays."""
    if problems := await here.reload():
        said = "; ".join(str(problem) for problem in problems)
        raise ConfigRefused(said, param=problems[0].key or None)
    version = here.gateway.house.catalog.version
    await noted(here, caller, "catalog.reloaded", version)
    return JSON(Reloaded(version))
