"""GET /v1/models and POST /v1/route/explain: what the catalog says, and what it would do."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from portico.access.allowed import check
from portico.api import models
from portico.api.answers import JSON, PLACE, Numbered, gated, id_of
from portico.api.body import read_body
from portico.api.chat import task_of
from portico.api.deps import Caller, Here
from portico.api.explain import Explained, explained
from portico.api.models import Model, ModelList
from portico.api.wire import parse
from portico.errors import MalformedRequest

router = APIRouter(tags=["models"], route_class=Numbered)
_CHAT_BODY = {"content": {"application/json": {"schema": {"$ref": PLACE + "ChatBody"}}}}


@router.get("/v1/models", responses=gated(ModelList))
async def list_models(here: Here, caller: Caller) -> Response:
    """Roles and targets, in OpenAI's list. From memory: no upstream is waited for."""
    return JSON(models.listing(here.gateway.catalog_of(caller), caller))


@router.get("/v1/models/{name:path}", responses=gated(Model, 403, 404))
async def get_model(name: str, here: Here, caller: Caller) -> Response:
    """One role or target."""
    part, whole = here.gateway.catalog_of(caller), here.gateway.house.catalog
    check(caller, name, whole, part)
    return JSON(models.one(part, name, caller))


@router.post(
    "/v1/route/explain",
    responses=gated(Explained, 403, 404, 413),
    openapi_extra={"requestBody": {"required": True, **_CHAT_BODY}},
)
async def explain_route(request: Request, here: Here, caller: Caller) -> Response:
    """A chat body in, its route out: who would be asked, in which order, why. Asks nobody."""
    headers = dict(request.scope["headers"])
    body = await read_body(request.receive, headers.get(b"content-length"), here.max_body)
    if body is None:
        raise MalformedRequest("The body did not come.")
    route = here.gateway.planned(parse(body, task_of(headers)), caller)
    return JSON(explained(route, here.gateway.catalog_of(caller), id_of(request.scope)))
