"""POST /v1/embeddings: OpenAI's, over embedding targets."""

import base64
import time
from array import array
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response

from portico.api.answers import JSON, PLACE, Numbered, gated, id_of
from portico.api.body import read_body
from portico.api.deps import Caller, Here
from portico.api.problems import portico_headers, problem
from portico.api.refusals import refusal
from portico.api.replies import while_connected
from portico.chat.embedding import MOST_INPUTS, Embedded, EmbedRequest
from portico.dispatch.embedding import Embedding, journey_of
from portico.dispatch.journey import Journey
from portico.errors import GatewayError, MalformedRequest

LEFT = 499
"""The status of an answer that nobody is there to read."""

router = APIRouter(tags=["embeddings"], route_class=Numbered)

MOST_IDS = 200_000
"""Token ids of one text, which no model's window holds."""

type Id = Annotated[int, Meta(ge=0)]
type Size = Annotated[int, Meta(ge=1, le=65_536)]

_TEXT = {"type": "string", "minLength": 1}
_IDS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_INPUT = {
    "anyOf": [
        _TEXT,
        {"type": "array", "minItems": 1, "maxItems": MOST_INPUTS, "items": _TEXT},
        {**_IDS, "maxItems": MOST_IDS},
        {"type": "array", "minItems": 1, "maxItems": MOST_INPUTS, "items": _IDS},
    ]
}
"""What msgspec cannot tell apart by type, and `_inputs` does."""


class EmbeddingsBody(Struct, frozen=True):
    """OpenAI's request for embeddings; what is not named here is left out."""

    model: Annotated[str, Meta(min_length=1, description="An embedding target: see /v1/models")]
    input: Annotated[
        Any,
        Meta(
            description="A text, several, or the token ids of one or several",
            extra_json_schema=_INPUT,
        ),
    ]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Size | None = None


class _Body(Struct, frozen=True):
    """The same, as it is decoded."""

    model: Annotated[str, Meta(min_length=1)]
    input: str | Annotated[list[str | Id | list[Id]], Meta(min_length=1, max_length=MOST_IDS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Size | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One vector: numbers, or in base64 little-endian floats of 32 bits."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Spent(Struct, frozen=True):
    """Tokens, as the provider counted them."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Struct, frozen=True, kw_only=True):
    """OpenAI's answer; `model` is the target that made the vectors."""

    object: Literal["list"] = "list"
    data: list[Entry]
    model: str
    usage: Spent | UnsetType = UNSET


@router.post(
    "/v1/embeddings",
    responses=gated(Embeddings, 403, 404, 413, 422, 429, 502, 504),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": PLACE + "EmbeddingsBody"}}},
        }
    },
)
async def create_embeddings(request: Request, here: Here, caller: Caller) -> Response:
    """Vectors of texts, all from one model; another model's never stand in."""
    started, began = time.time(), time.monotonic()
    headers = dict(request.scope["headers"])
    body = await read_body(request.receive, headers.get(b"content-length"), here.max_body)
    if body is None:
        raise MalformedRequest("The body did not come.")
    asked, packed = parsed(body)
    trace = request.headers.get("traceparent")
    stand_in = journey_of(asked.model)
    journey = Journey(id_of(request.scope), stand_in, started, began, caller, trace)
    async with while_connected(request.receive):
        try:
            found = await Embedding(here.gateway).embed(journey, asked)
        except GatewayError as exc:
            return problem(exc, journey.id, *portico_headers(journey)[1:])
        response = JSON(told(found, journey, packed=packed))
        response.raw_headers += portico_headers(journey)[1:]
        return response
    return Response(status_code=LEFT)


def parsed(body: bytes) -> tuple[EmbedRequest, bool]:
    """
    Return what *body* asks for, and whether the vectors are to be packed.

    Raises:
        MalformedRequest: `param` names the place.
    """
    try:
        asked = msgspec.json.decode(body, type=_Body)
    except msgspec.ValidationError as exc:
        raise refusal(exc) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest("The body is not JSON.") from None
    packed = asked.encoding_format == "base64"
    return EmbedRequest(asked.model, _inputs(asked.input), asked.dimensions), packed


def _inputs(given: str | list[str | Id | list[Id]]) -> list[str] | list[list[int]]:
    if isinstance(given, str):
        given = [given]
    if all(isinstance(one, int) for one in given):
        given = [[one for one in given if isinstance(one, int)]]
    if len(given) > MOST_INPUTS:
        raise MalformedRequest(f"`input` holds over {MOST_INPUTS} texts.", param="input")
    for at, one in enumerate(given):
        if isinstance(one, int) or type(one) is not type(given[0]):
            raise MalformedRequest("`input` mixes texts and token ids.", param=f"input[{at}]")
        if not one:
            raise MalformedRequest(f"`input[{at}]` is empty.", param=f"input[{at}]")
    return given  # type: ignore[return-value]  # all of one kind, as was just seen


def told(found: Embedded, journey: Journey, *, packed: bool) -> Embeddings:
    """Return OpenAI's answer."""
    assert journey.answering is not None, "somebody made these vectors"
    data = [
        Entry(index=at, embedding=_packed(vector) if packed else vector)
        for at, vector in enumerate(found.vectors)
    ]
    count = found.usage.input if found.usage else None
    usage = UNSET if count is None else Spent(count, count)
    return Embeddings(data=data, model=journey.answering.name, usage=usage)


def _packed(vector: list[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
