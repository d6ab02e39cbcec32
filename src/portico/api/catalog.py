"""GET /v1/models and POST /v1/route/explain: what the catalog says, and what it would do."""

from typing import Any

from fastapi import APIRouter, Request

from portico.api import models
from portico.api.chat import new_id, read_body, task_of
from portico.api.deps import Caller, Here
from portico.api.explain import told
from portico.api.wire import parse
from portico.errors import MalformedRequest

router = APIRouter()


@router.get("/v1/models", tags=["models"])
async def list_models(here: Here, caller: Caller) -> dict[str, Any]:
    """Roles and targets, in OpenAI's list. From memory: no upstream is waited for."""
    return models.listing(here.gateway.house.catalog)


@router.get("/v1/models/{name:path}", tags=["models"])
async def get_model(name: str, here: Here, caller: Caller) -> dict[str, Any]:
    """One role or target."""
    return models.one(here.gateway.house.catalog, name)


@router.post("/v1/route/explain", tags=["models"])
async def explain_route(request: Request, here: Here, caller: Caller) -> dict[str, Any]:
    """A chat body in, its route out: who would be asked, in which order, why. Asks nobody."""
    length = request.headers.get("content-length", "").encode()
    body = await read_body(request.receive, length, here.max_body)
    if body is None:
        raise MalformedRequest("The body did not come.")
    asked = parse(body, task_of(dict(request.scope["headers"])))
    return told(here.gateway.route(asked), here.gateway.house.catalog, new_id())
