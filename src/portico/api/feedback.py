"""POST /v1/feedback: what somebody thought of an answer, from a front end or any client."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter
from msgspec import Struct
from pydantic import BaseModel, Field
from starlette.responses import Response

from portico.api.answers import JSON, Numbered, gated
from portico.api.deps import Caller, Here
from portico.errors import MalformedRequest, NotFound
from portico.traces.base import Thumb
from portico.traces.thumbs import Fate, Rating

THUMBS: dict[int, Thumb | None] = {1: Thumb.UP, -1: Thumb.DOWN, 0: None}

type Name = Annotated[str, Field(min_length=1, max_length=200)]

router = APIRouter(prefix="/v1", tags=["feedback"], route_class=Numbered)


def _given(*names: str) -> dict[str, object]:
    return {"required": list(names), "properties": {name: {"type": "string"} for name in names}}


_EITHER = {"anyOf": [_given("request_id"), _given("chat_id", "message_id")]}


class FeedbackBody(BaseModel, extra="forbid", json_schema_extra=_EITHER):
    """
    A thumb: 1 is up, -1 is down, 0 takes it back.

    The answer is that of `request_id`, or of the `message_id` of a `chat_id` that a trusted front
    end sent along. `at` (epoch seconds) is when it was given, by default now: an older one never
    replaces a later one. `reason` is a word; sentences belong into the front end.
    """

    rating: Literal[-1, 0, 1]
    request_id: Name | None = None
    chat_id: Name | None = None
    message_id: Name | None = None
    reason: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_ -]{0,63}$")] | None = None
    at: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None = None


class FeedbackTaken(Struct, frozen=True):
    """
    What became of it: `joined`, `older` (a later one is there), or `waiting` for the store.

    `request_id` is the request that it was joined to.
    """

    fate: Fate
    request_id: str | None
    rating: Literal[-1, 0, 1]


@router.post("/feedback", responses=gated(FeedbackTaken, 404))
async def give_feedback(here: Here, caller: Caller, body: FeedbackBody) -> Response:
    """Say what was thought of an answer; the same twice is once. One's own, unless an admin."""
    if body.request_id is None and (body.chat_id is None or body.message_id is None):
        raise MalformedRequest(
            "Which answer? Give `request_id`, or `chat_id` and `message_id`.", param="request_id"
        )
    rating = Rating(
        thumb=THUMBS[body.rating],
        at=time.time() if body.at is None else body.at,
        request=body.request_id,
        chat=body.chat_id,
        message=body.message_id,
        why=body.reason,
        caller=None if caller.admin else caller.key,
    )
    if not caller.admin and caller.key is None:
        raise _unknown()  # what has no key has no requests of its own
    fate, card = await here.thumbs.take(rating)
    if fate is Fate.UNKNOWN:
        raise _unknown()
    taken = FeedbackTaken(fate, card.id if card else None, body.rating)
    answer = JSON(taken)
    answer.status_code = 202 if fate is Fate.WAITING else 200
    return answer


def _unknown() -> NotFound:
    return NotFound("No trace of such a request of yours is kept.")
