"""How answers other than a chat's are made: typed values as JSON, each under a request id."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Scope

from portico.dispatch.journey import new_id

REQUEST_ID = "x-portico-request-id"
PLACE = "#/components/schemas/"
STATUSES = {
    400: "Malformed: `param` names the field",
    401: "No key, or an unknown one",
    403: "It is not for this key: `message` says what is",
    404: "There is no such thing",
    410: "It is no longer kept",
    413: "The body, or the prompt, is too large",
    422: "Nobody in the chain takes it",
    429: "Every candidate is limited, or the caller's own limit is reached",
    502: "Everybody asked failed",
    503: "Every place is taken, or a store is away; `Retry-After` says when",
    504: "Everybody asked stayed silent",
}

type Documented = dict[int | str, dict[str, Any]]


def id_of(scope: Scope) -> str:
    """Return the id of the request that *scope* is of, the same one however often."""
    found: str = scope.setdefault("state", {}).setdefault("request_id", new_id())
    return found


class JSON(Response):
    """A typed value, written by msgspec."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return *content* as JSON."""
        return msgspec.json.encode(content)


class Numbered(APIRoute):
    """A route whose answers carry their request's id."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's promise."""
        answer = super().get_route_handler()

        async def numbered(request: Request) -> Response:
            response = await answer(request)
            response.headers[REQUEST_ID] = id_of(request.scope)
            return response

        return numbered


def documented(answer: type, *errors: int) -> Documented:
    """
    Return what OpenAPI says of a route: *answer* where it went well, else one of *errors*.

    Anybody may send what is not HTTP; the type's schema is written in by `openapi`.
    """
    fine = {"description": "What was asked for", "content": _content(answer.__name__)}
    return {200: fine, **problems(400, *errors)}


def gated(answer: type, *errors: int) -> Documented:
    """Return the same for a route that may ask for a key: no key, or nowhere to look it up."""
    return documented(answer, 401, 503, *errors)


def operated(answer: type, *errors: int) -> Documented:
    """Return the same for a route of operators: another's key opens it neither."""
    return gated(answer, 403, *errors)


def problems(*statuses: int) -> Documented:
    """Return what OpenAPI says of error answers: their statuses, and the envelope they share."""
    return {
        status: {"description": STATUSES[status], "content": _content("Error")}
        for status in statuses
    }


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": PLACE + name}}}
