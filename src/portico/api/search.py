"""POST /v1/design/search: past screens and answers, by words, by a picture, or by both."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response

from portico.api.answers import JSON, PLACE, Numbered, gated, id_of
from portico.api.deps import Caller, Here
from portico.api.design_shapes import Place
from portico.api.forms import FORM, picture_of, take
from portico.api.replies import while_connected
from portico.dispatch.recalling import Question, Recalling, Recollection
from portico.errors import MalformedRequest

LEFT = 499
"""The status of an answer that nobody is there to read."""

router = APIRouter(prefix="/v1/design", tags=["design"], route_class=Numbered)


class SearchBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Words, a picture, or both; `limit` is how many screens are wanted at most."""

    text: Annotated[str, Meta(pattern=r"\S", max_length=2000)] | UnsetType = UNSET
    image: Place | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=50)] = 10


async def recalling(request: Request) -> Recalling:
    """Return the memory that is open."""
    found: Recalling = request.app.state.lobby.serving.recalling
    return found


Recall = Annotated[Recalling, Depends(recalling)]
_EITHER = {"anyOf": [{"required": ["text"]}, {"required": ["image"]}]}
_JSON = {"application/json": {"schema": {"$ref": PLACE + "SearchBody", **_EITHER}}}
_FORM = {
    "schema": {
        "type": "object",
        "properties": {"image": {"type": "string", "format": "binary"}},
        "description": "Other fields as in JSON",
    }
}


@router.post(
    "/search",
    responses=gated(Recollection, 404, 413),
    openapi_extra={"requestBody": {"required": True, "content": {**_JSON, FORM: _FORM}}},
)
async def search_designs(request: Request, here: Here, caller: Caller, recall: Recall) -> Response:
    """Screens that chats and analyses have shown, as far as the caller may see them."""
    taken = await take(request, SearchBody, here.max_body, recall.intake)
    asked = taken.body
    text = asked.text.strip() if asked.text else ""
    if asked.image is UNSET and not text:
        raise MalformedRequest("`text` and `image` are both missing.", param="text")
    async with while_connected(request.receive):
        picture = None
        if asked.image is not UNSET:
            picture = await picture_of(taken, "image", recall.intake, caller.owner)
        question = Question(id_of(request.scope), caller, text, picture, asked.limit)
        try:
            found = await recall.find(question)
        except MalformedRequest as exc:
            exc.param = exc.param or "image"
            raise
        response = JSON(found)
        if any(warning.code == "words_only" for warning in found.warnings):
            response.headers["x-portico-degraded"] = "words-only"
        return response
    return Response(status_code=LEFT)
