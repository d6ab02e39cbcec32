"""What was said: traces found, read, flagged and pinned. Everybody sees their own, admins all."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from msgspec import Struct
from msgspec.structs import replace as changed
from pydantic import BaseModel, Field
from starlette.responses import Response

from portico.access.base import Caller as Asking
from portico.api.answers import JSON, Numbered, gated
from portico.api.deps import Caller, Here, Serving
from portico.chat.messages import Modality
from portico.errors import NotFound
from portico.ledger.base import Ending
from portico.traces.base import MOST, Card, Fidelity, Life, Thumb, Trace, TraceQuery
from portico.traces.story import Story

type Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
type Flag = Annotated[
    str, Query(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Why: `thumbs-down`, `look-again` …")
]
type Ident = Annotated[str, Path(description="The request's id")]

router = APIRouter(prefix="/api", tags=["operator"], route_class=Numbered)


class TraceFilter(BaseModel, extra="forbid"):
    """Which traces to list; a filter that is not given lets everything pass."""

    caller: str | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    message: str | None = None
    task: str | None = None
    role: str | None = None
    target: str | None = None
    modality: Modality | None = None
    outcome: Ending | None = None
    life: Life | None = None
    thumb: Thumb | None = None
    error: bool | None = None
    degraded: bool | None = None
    since: Seconds | None = None
    until: Seconds | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class TracePage(Struct, frozen=True):
    """Cards, newest first; `next` is the `before` of the page after, None on the last."""

    traces: list[Card]
    next: str | None


class TraceTold(Struct, frozen=True):
    """A trace: its card, and the story as far as it was captured and is still kept."""

    card: Card
    story: Story


@router.get("/traces", responses=gated(TracePage))
async def list_traces(
    here: Here, caller: Caller, asked: Annotated[TraceFilter, Query()]
) -> Response:
    """The latest traces, newest first, without what was said; one's own unless one is an admin."""
    query = TraceQuery(**asked.model_dump())
    if not caller.admin:
        if query.caller not in (None, caller.key):
            return JSON(TracePage([], None))
        query = replace(query, caller=caller.key)
    cards = await here.traces.cards(query)
    more = cards[-1].id if len(cards) >= asked.limit else None
    return JSON(TracePage(cards, more))


@router.get("/requests/{request_id}/trace", responses=gated(TraceTold, 404))
async def get_trace(request_id: Ident, here: Here, caller: Caller) -> Response:
    """What came, what was sent for it and why to whom, and what came back."""
    found = await _found(request_id, here, caller)
    card = found.card
    if card.fidelity is Fidelity.COMPLETE and await _lacks(found, here):
        card = changed(card, fidelity=Fidelity.BLOB_MISSING)
    return JSON({"card": card, "story": found.story})


@router.post("/requests/{request_id}/flag", responses=gated(Card, 404))
async def flag_request(
    request_id: Ident, here: Here, caller: Caller, flag: Flag = "flagged"
) -> Response:
    """Keep a trace for longer, and say why; twice is once."""
    card = (await _found(request_id, here, caller)).card
    return _told(await here.traces.flag(card, flag), request_id)


@router.delete("/requests/{request_id}/flag", responses=gated(Card, 404))
async def unflag_request(
    request_id: Ident, here: Here, caller: Caller, flag: Flag | None = None
) -> Response:
    """Take a flag back, or without `flag` every one."""
    card = (await _found(request_id, here, caller)).card
    return _told(await here.traces.unflag(card, flag), request_id)


@router.post("/requests/{request_id}/pin", responses=gated(Card, 404))
async def pin_request(request_id: Ident, here: Here, caller: Caller) -> Response:
    """Keep a trace for ever, until it is unpinned."""
    card = (await _found(request_id, here, caller)).card
    return _told(await here.traces.pin(card), request_id)


@router.delete("/requests/{request_id}/pin", responses=gated(Card, 404))
async def unpin_request(request_id: Ident, here: Here, caller: Caller) -> Response:
    """Let a trace go when its time comes, counted from its request."""
    card = (await _found(request_id, here, caller)).card
    return _told(await here.traces.unpin(card), request_id)


async def _found(ident: str, here: Serving, caller: Asking) -> Trace:
    found = await here.traces.find(ident)
    if found is None or not _theirs(found.card, caller):
        raise _unknown(ident)  # somebody else's is not told from none
    return found


def _theirs(card: Card, caller: Asking) -> bool:
    return caller.admin or (caller.key is not None and card.caller == caller.key)


def _unknown(ident: str) -> NotFound:
    return NotFound(f"There is no trace of {ident[:100]!r}, or it has expired.")


def _told(card: Card | None, ident: str) -> Response:
    if card is None:
        raise _unknown(ident)
    return JSON(card)


async def _lacks(found: Trace, here: Serving) -> bool:
    """Say whether a picture that the story refers to has gone from the archive since."""
    told: dict[str, Any] = msgspec.json.decode(found.story)
    idents = {one.get("artifact") for one in told.get("pictures", ())} - {None}
    try:
        for ident in sorted(idents):
            await here.archive.readers(ident)  # a front end's are its users'
    except NotFound:
        return True
    return False
