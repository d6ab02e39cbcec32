"""The OpenAPI document: FastAPI's own, with the values of msgspec and the raw chat written in."""

from typing import Any, Literal

import msgspec
from fastapi import FastAPI
from msgspec import UNSET, Struct, UnsetType

from portico.api.answers import PLACE, documented
from portico.api.explain import Explained
from portico.api.health import Readiness
from portico.api.models import Model, ModelList
from portico.api.operator import Cleared, Reloaded, RequestPage, Standings, UsageSums
from portico.api.problems import Error
from portico.chat.request import ChatBody
from portico.ledger.base import RequestRow


class PromptDetails(Struct, frozen=True):
    """Input tokens that the provider had kept from an earlier request."""

    cached_tokens: int


class CompletionDetails(Struct, frozen=True):
    """Output tokens that were thought and not said."""

    reasoning_tokens: int


class Tokens(Struct, frozen=True):
    """OpenAI's usage object, as the provider counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class CalledFunction(Struct, frozen=True):
    """A function's name, and its arguments as JSON text."""

    name: str
    arguments: str


class Called(Struct, frozen=True):
    """A tool call that the model asks for."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class Spoken(Struct, frozen=True):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[Called] | UnsetType = UNSET


class Chosen(Struct, frozen=True):
    """One of the `n` answers."""

    index: int
    message: Spoken
    finish_reason: str | None
    logprobs: dict[str, Any] | None


class Completion(Struct, frozen=True):
    """OpenAI's `chat.completion`; `model` is the target that answered."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Chosen]
    usage: Tokens | UnsetType = UNSET
    system_fingerprint: str | UnsetType = UNSET


_VALUES = (
    *(ChatBody, Completion, Error, Explained, Model, ModelList),
    *(Cleared, Readiness, Reloaded, RequestPage, RequestRow, Standings, UsageSums),
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


def _chat() -> dict[str, Any]:
    answers = documented(Completion, 400, 401, 404, 413, 422, 429, 502, 503, 504)
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
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"$ref": PLACE + "ChatBody"}}},
        },
        "responses": {str(status): said for status, said in answers.items()},
    }
