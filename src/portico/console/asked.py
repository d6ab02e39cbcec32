"""Requests: find the one. Request: why it went that way, and what came of it."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from portico.chat.messages import Modality
from portico.console.visit import Visit
from portico.dispatch.replaying import REPLAY, Replaying, replays_of, why_not
from portico.errors import MalformedRequest, NotFound, StoreUnavailable
from portico.ledger.base import (
    AttemptRow,
    Ending,
    RequestQuery,
    RequestRow,
    Source,
    source_of,
)
from portico.routing.attempts import Kind
from portico.routing.roles import Catalog, Role
from portico.routing.routes import Needs, plan
from portico.traces.base import Card, Thumb, TraceQuery
from portico.traces.story import Story

LONGEST = 60_000
"""Characters of a body or an answer that a page shows."""

PAGE = 50
"""Requests on one page."""

PICTURES = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif"}
)
"""Kinds that a browser may show; nothing of them is a program."""

WORDS = ("role", "target", "outcome", "caller", "modality", "kind", "person", "chat", "source")
"""Fields of a form that are taken as they are."""

_FLAGS = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt on the timeline; places are thousandths of the whole."""

    row: AttemptRow
    left: float
    wait: float  # until the first delta, or all of it where none came
    speak: float


async def listed(visit: Visit) -> Response:
    """List requests, a page at a time."""
    given = {name: value for name, value in visit.request.query_params.items() if value}
    rows, last = await _rows(visit, given)
    older = urlencode({**given, "before": last}) if last else None
    catalog = visit.here.gateway.house.catalog
    return visit.page(
        "requests",
        rows=rows,
        given=given,
        filtered=bool(given.keys() & FILTERS),
        older=older,
        roles=list(catalog.roles),
        targets=list(catalog.targets),
        endings=[one.value for one in Ending],
        modalities=[one.value for one in Modality],
        kinds=[one.value for one in Kind],
        thumbs=[one.value for one in Thumb],
        faults=FAULTS,
        names=_names(visit),
        cost=cost,
    )


async def _rows(visit: Visit, given: dict[str, str]) -> tuple[list[RequestRow], str | None]:
    """Return a page, and the id that the page after begins before; None where there is none."""
    query = asked_for(given)
    if given.get("thumb") not in list(Thumb):
        rows = await visit.here.ledger.requests(query)
        return rows, rows[-1].id if len(rows) == PAGE else None
    common = {name: getattr(query, name) for name in IN_BOTH}
    cards = await visit.here.traces.cards(TraceQuery(thumb=given["thumb"], limit=PAGE, **common))
    among = tuple(card.id for card in cards)
    rows = await visit.here.ledger.requests(replace(query, among=among, before=None))
    return rows, among[-1] if len(among) == PAGE else None


_NO_FILTERS = {"before", "limit", "among"}
FILTERS = frozenset({one.name for one in fields(RequestQuery)} - _NO_FILTERS | {"id", "thumb"})
IN_BOTH = ("caller", "person", "chat", "role", "target", "outcome", "modality", "before")
"""Filters of the ledger that the traces, which know the thumbs, have in the same words."""

FAULTS = (
    (Source.UPSTREAM.value, "an upstream's"),
    (Source.CLIENT.value, "the caller's"),
    (Source.GATEWAY.value, "ours"),
)
"""Whose fault, in an operator's words."""


def asked_for(given: dict[str, str]) -> RequestQuery:
    """Return the query that a form's fields are; what makes no sense there is left out."""
    words = {name: given[name] for name in (*WORDS, "before") if name in given}
    flags = {
        name: _FLAGS[given[name]] for name in ("degraded", "simulated") if given.get(name) in _FLAGS
    }
    task = {"none": ""}.get(given.get("task", ""), given.get("task"))
    return RequestQuery(**words, **flags, task=task, limit=PAGE)  # type: ignore[arg-type]


def _names(visit: Visit) -> dict[str, str]:
    """Return the names of keys, by their ids."""
    roster = visit.here.gate.roster
    return {key.id: key.name for key in roster.keys.values()} if roster else {}


async def shown(visit: Visit) -> Response:
    """Show one request."""
    ident = visit.request.path_params["ident"]
    row = await visit.here.ledger.request(ident)
    if row is None:
        raise NotFound(f"There is no request {ident[:100]!r}, or it is not written yet.")
    uses = await visit.here.archive.uses(ident)
    told = await told_of(visit, ident)
    return visit.page(
        "request",
        row=row,
        told=told,
        curl=curl(told, visit.request.headers.get("host", "")),
        bars=timeline(row),
        chain=chain(row, visit.here.gateway.house.catalog),
        uses=uses,
        names=_names(visit),
        showable=PICTURES,
        cost=cost(row.attempts),
        catalog=visit.here.gateway.house.catalog,
        why_not=told.why_not,
        replays=replays_of(ident),
        original=_original(row),
        fault=dict(FAULTS).get(source_of(row) or ""),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What was said, as far as it is kept; `away` where the store of traces is."""

    card: Card | None = None
    story: Story | None = None
    request: str = ""
    answer: str = ""
    cut: bool = False
    away: bool = False
    why_not: str = ""  # be asked again


async def told_of(visit: Visit, ident: str) -> Told:
    """Return what was said in the request with that id."""
    try:
        found = await visit.here.traces.find(ident)
    except StoreUnavailable:
        return Told(away=True, why_not="the store of what was said is away")
    if found is None:
        return Told(why_not=why_not(None))
    story = msgspec.json.decode(found.story, type=Story)
    asked = json.dumps(story.request, ensure_ascii=False, indent=2) if story.request else ""
    choices = story.answer.choices if story.answer else ()
    said = "\n\n".join(one.text or one.refusal for one in choices)
    return Told(
        found.card,
        story,
        asked[:LONGEST],
        said[:LONGEST],
        cut=max(len(asked), len(said)) > LONGEST,
        why_not=why_not(found),
    )


def _original(row: RequestRow) -> str:
    """Return the id of the request that *row* repeats; empty where it is its own."""
    return (row.chat or "").removeprefix(replays_of("")) if row.task == REPLAY else ""


def curl(told: Told, host: str) -> str:
    """Return the request as a command, where it is kept whole; pictures stay named, not sent."""
    if told.story is None or not told.request or told.cut:
        return ""
    body = json.dumps(told.story.request, ensure_ascii=False)
    key = ' -H "authorization: Bearer $PORTICO_KEY"'
    kind = " -H 'content-type: application/json'"
    return f"curl -sS http://{host}/v1/chat/completions{key}{kind} -d {shlex.quote(body)}"


async def replay(visit: Visit) -> Response:
    """Ask a request again, of whom it asked for or of somebody else; show what came of it."""
    here, ident = visit.here, visit.request.path_params["ident"]
    replaying = Replaying(here.gateway, here.traces, here.archive)
    made = await replaying.again(ident, visit.caller, visit.text("model") or None)
    await visit.noted("request.replayed", f"{ident} as {made}")
    await here.gateway.ledger.flush()  # the page leads somewhere
    return visit.to(f"/console/requests/{quote(made, safe='')}")


async def flag(visit: Visit) -> Response:
    """Flag a request, pin it, or take that back."""
    ident, act = visit.request.path_params["ident"], visit.text("act")
    desk = visit.here.traces
    found = await desk.find(ident)
    if found is None:
        raise NotFound("Nothing of this request is kept.")
    match act:
        case "pin":
            await desk.pin(found.card)
        case "unpin":
            await desk.unpin(found.card)
        case "flag":
            await desk.flag(found.card, "flagged")
        case "unflag":
            await desk.unflag(found.card, None)
        case _:
            raise MalformedRequest("`act` is pin, unpin, flag or unflag.", param="act")
    return visit.to(f"/console/requests/{quote(ident, safe='')}")


async def seen(visit: Visit) -> Response:
    """Return a picture as a target saw it."""
    number = visit.request.path_params["number"]
    uses = await visit.here.archive.uses(visit.request.path_params["ident"])
    if number >= len(uses):
        raise NotFound("There is no such picture.")
    use = uses[number]
    data = await visit.here.archive.view(use)
    return picture(data, use.mime)


def picture(data: bytes, kind: str) -> Response:
    """Return a picture in which nothing can run; what is no plain picture is a download."""
    safe = kind in PICTURES
    headers = {
        "content-security-policy": "sandbox; default-src 'none'",
        "content-disposition": "inline" if safe else "attachment",
        "cache-control": "private, max-age=3600",
    }
    return Response(data, media_type=kind if safe else "application/octet-stream", headers=headers)


def timeline(row: RequestRow) -> list[Bar]:
    """Return the attempts of a request as bars."""
    ends = [one.started + one.took for one in row.attempts]
    whole = max(row.took, *ends, 0.001) if ends else max(row.took, 0.001)
    scale = 1000 / whole
    return [_bar(one, scale) for one in row.attempts]


def _bar(one: AttemptRow, scale: float) -> Bar:
    waited = one.took if one.first_delta is None else min(one.first_delta, one.took)
    speaks = max((one.took - waited) * scale, 0.0)
    return Bar(one, one.started * scale, max(waited * scale, 2.0), speaks)


def cost(attempts: Sequence[AttemptRow]) -> str | None:
    """Return the sum of what is known of costs, None where nothing is."""
    known = [Decimal(one.cost_usd) for one in attempts if one.cost_usd is not None]
    return str(sum(known)) if known else None


def chain(row: RequestRow, catalog: Catalog) -> list[dict[str, Any]]:
    """
    Return the chain of the request's role by today's catalog, and what became of each target.

    The ledger does not keep who was passed over; the same rules are asked again, without rests.
    """
    role = catalog.roles.get(row.role or "") or _alone(row, catalog)
    if role is None:
        return []
    known = {one.value for one in Modality}
    carried = frozenset(Modality(name) for name in row.modalities if name in known)
    route = plan(role, Needs(carried or frozenset({Modality.TEXT})), catalog, {})
    passed = {one.target.name: one.reason for one in route.passed}
    asked = {one.target: one for one in row.attempts}
    return [
        {
            "target": name,
            "tier": catalog.targets[name].tier,
            "attempt": asked.get(name),
            "answered": row.target == name and row.outcome == "answered",
            "passed": passed.get(name),
        }
        for name in role.targets
    ]


def _alone(row: RequestRow, catalog: Catalog) -> Role | None:
    name = row.role or ""
    return Role(name, (name,)) if name in catalog.targets else None
