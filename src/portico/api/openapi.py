"""The OpenAPI document: FastAPI's own, with the raw chat endpoint written in from its types."""

from typing import Any

import msgspec
from fastapi import FastAPI

from portico.chat.request import ChatBody

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code", "source", "request_id", "attempts"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "source": {"enum": ["client", "gateway", "upstream"]},
                "request_id": {"type": "string"},
                "attempts": {"type": "array", "items": {"type": "object"}},
                "resting": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}
STATUSES = {
    400: "Not a chat body, or the upstream rejected it; `param` names the field",
    401: "No key, or an unknown one",
    404: "No such model",
    405: "Not with this method",
    413: "The body, or the prompt, is too large",
    422: "Nobody in the chain takes it",
    429: "Every candidate is limited, or the caller's own limit is reached",
    502: "Everybody asked failed",
    503: "Every place is taken, or a store is away",
    504: "Everybody asked stayed silent",
}
_PLACE = "#/components/schemas/"


def install(app: FastAPI) -> None:
    """Make *app* publish the whole document."""
    own = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _written_in(own())
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way


def _written_in(document: dict[str, Any]) -> dict[str, Any]:
    (body,), parts = msgspec.json.schema_components([ChatBody], ref_template=_PLACE + "{name}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= parts | {"Error": _ERROR}
    error = {"application/json": {"schema": {"$ref": _PLACE + "Error"}}}
    errors = {str(code): {"description": said, "content": error} for code, said in STATUSES.items()}
    chat = {
        "tags": ["chat"],
        "summary": "Chat: routed, streamed or whole",
        "operationId": "create_chat_completion",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _answer(), **errors},
    }
    document["paths"]["/v1/chat/completions"] = {"post": chat}
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None) if "chat" not in operation["tags"] else None
            operation["responses"]["default"] = {"description": "What went wrong", "content": error}
    return document


def _answer() -> dict[str, Any]:
    completion = {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "chat.completion"},
            "created": {"type": "integer"},
            "model": {"type": "string", "description": "The target that answered"},
            "choices": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": "object"},
        },
    }
    return {
        "description": "The answer; as events where `stream` is true",
        "content": {
            "application/json": {"schema": completion},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
