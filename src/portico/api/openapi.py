"""The OpenAPI document: FastAPI's own, with the values of msgspec and the raw chat written in."""

from typing import Any

import msgspec
from fastapi import FastAPI

from portico.api.answers import PLACE, gated
from portico.api.artifacts import ArtifactTold, SweptTold
from portico.api.cache import Purged
from portico.api.design_shapes import AuditBody, DiffBody, ElementsBody
from portico.api.egress import Egress
from portico.api.embeddings import Embeddings, EmbeddingsBody
from portico.api.explain import Explained
from portico.api.feedback import FeedbackTaken
from portico.api.health import Readiness
from portico.api.keys import KeyList, KeyMade, KeyTold
from portico.api.models import Model, ModelList
from portico.api.operator import Cleared, Reloaded, RequestPage, Series, Standings, UsageSums
from portico.api.people import Audit, People, PersonTold, Teams, TeamTold
from portico.api.problems import Error
from portico.api.search import SearchBody
from portico.api.shapes import ChatBody, Completion
from portico.api.targets import Ordered
from portico.api.traces import TracePage, TraceTold
from portico.dispatch.measuring import Audited
from portico.dispatch.recalling import Recollection
from portico.ledger.base import RequestRow
from portico.traces.base import Card
from portico.vision.elements import Elements

_VALUES = (
    *(KeyList, KeyMade, KeyTold, Audit, People, PersonTold, Teams, TeamTold),
    *(ChatBody, Completion, Error, Explained, Model, ModelList),
    *(ArtifactTold, SweptTold, ElementsBody, DiffBody, AuditBody, Elements, Audited),
    *(Cleared, Egress, Ordered, Readiness, Reloaded, RequestPage, RequestRow),
    *(Series, Standings, UsageSums),
    *(Embeddings, EmbeddingsBody, SearchBody, Recollection, Purged),
    *(Card, TracePage, TraceTold, FeedbackTaken),
)
_OURS = ("HTTPValidationError", "ValidationError")  # FastAPI's, which nobody is ever sent
_JSON = "application/json"
_EVENTS = "text/event-stream"
_HEADERS = {
    "x-portico-request-id": "The request's id, in the ledger too",
    "x-portico-role": "The role that was decided on",
    "x-portico-target": "Who answered",
    "x-portico-attempts": "How many were asked",
}
_ASKED = {
    "Idempotency-Key": "Not streamed: the same answer to whatever asks the same under this key",
    "x-portico-resumable": "Streamed: `true` gives events ids, for `GET /v1/streams/{request_id}`",
}


def install(app: FastAPI) -> None:
    """Make *app* publish the whole document."""
    own = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _written_in(own())
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way


def _written_in(document: dict[str, Any]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components(_VALUES, ref_template=PLACE + "{name}")
    components = document.setdefault("components", {})
    schemas = {
        name: schema for name, schema in components.get("schemas", {}).items() if name not in _OURS
    }
    components["schemas"] = schemas | parts
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["paths"]["/v1/chat/completions"] = {"post": _chat()}
    for path in document["paths"].values():
        for operation in path.values():
            _mend(operation)
    return document


def _mend(operation: dict[str, Any]) -> None:
    """FastAPI documents its own 422, which is our 400; who may be refused may bring a key."""
    answers = operation["responses"]
    unprocessable = answers.get("422", {}).get("content", {}).get(_JSON, {}).get("schema", {})
    if unprocessable.get("$ref") == f"{PLACE}HTTPValidationError":
        del answers["422"]
    if "401" in answers:
        operation["security"] = [{"key": []}, {}]
    for parameter in operation.get("parameters", ()):
        _without_null(parameter["schema"])


def _without_null(schema: dict[str, Any]) -> None:
    """A query or a header can leave a value out; it cannot say null."""
    options = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        schema |= options[0]
    elif options:
        schema["anyOf"] = options


def _header(name: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": said, "schema": {"type": "string"}}


def _chat() -> dict[str, Any]:
    answers = gated(Completion, 403, 404, 413, 422, 429, 502, 504)
    fine = answers[200]
    fine["description"] = "The answer; as events where `stream` is true"
    fine["content"][_EVENTS] = {"schema": {"type": "string"}}
    fine["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()
    }
    return {
        "tags": ["chat"],
        "summary": "Chat: routed, streamed or whole",
        "operationId": "create_chat_completion",
        "parameters": [_header(*told) for told in _ASKED.items()],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"$ref": PLACE + "ChatBody"}}},
        },
        "responses": {str(status): said for status, said in answers.items()},
    }
