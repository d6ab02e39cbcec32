"""Exceptions become HTTP here and nowhere else: OpenAI's envelope, plus whose fault it is."""

import logging
import math
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Send

from portico.dispatch.journey import Journey
from portico.errors import GatewayError, MalformedRequest, NotFound

log = logging.getLogger(__name__)

type Headers = list[tuple[bytes, bytes]]


def envelope(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Return the body of an error answer, or of the event that ends a broken stream."""
    told: dict[str, Any] = {
        "message": str(error),
        "type": error.type,
        "param": error.param,
        "code": error.code,
        "source": error.source,
        "request_id": request_id,
        "attempts": [msgspec.to_builtins(one) for one in getattr(error, "attempts", ())],
    }
    if resting := getattr(error, "resting", ()):
        told["resting"] = [msgspec.to_builtins(one) for one in resting]
    return {"error": told}


def headers(error: GatewayError) -> Headers:
    """Return the headers an error brings along."""
    found: Headers = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        seconds = max(1, math.ceil(error.retry_after))
        found.append((b"retry-after", str(seconds).encode()))
    if error.status == 401:
        found.append((b"www-authenticate", b"Bearer"))
    return found


def portico_headers(journey: Journey) -> Headers:
    """Return who answered, as which role, after how many were asked."""
    found = [(b"x-portico-request-id", journey.id.encode())]
    if journey.route is None:
        return found
    found.append((b"x-portico-role", _latin(journey.route.role.name)))
    target = journey.answering
    if target is not None:
        found.append((b"x-portico-target", _latin(target.name)))
        if target.simulated:
            found.append((b"x-portico-simulated", b"true"))
    count = len(journey.attempts) + journey.under_way
    found.append((b"x-portico-attempts", str(count).encode()))
    if journey.degraded:
        found.append((b"x-portico-degraded", _latin(", ".join(journey.degraded))))
    return found


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


async def send_problem(send: Send, error: GatewayError, journey_headers: Headers, rid: str) -> None:
    """Answer with *error*."""
    body = msgspec.json.encode(envelope(error, rid))
    length = (b"content-length", str(len(body)).encode())
    told = [*headers(error), length, *journey_headers]
    if error.status == 413:
        told.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": error.status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def install(app: FastAPI) -> None:
    """Give *app*'s own routes the same envelope."""
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


def _respond(error: GatewayError, rid: str, *extra: tuple[bytes, bytes]) -> Response:
    response = Response(msgspec.json.encode(envelope(error, rid)), error.status)
    told = [*headers(error), (b"x-portico-request-id", rid.encode()), *extra]
    response.raw_headers += [pair for pair in told if pair[0] != b"content-length"]
    return response


async def _on_gateway_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)
    return _respond(exc, _id(request))


async def _on_validation(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or None
    said = MalformedRequest(f"`{place or 'body'}`: {first['msg']}.", param=place)
    return _respond(said, _id(request))


async def _on_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    error: GatewayError
    if exc.status_code == 404:
        error = NotFound(f"There is nothing at {request.url.path[:200]!r}.")
    else:
        error = MalformedRequest(str(exc.detail))
        error.status = exc.status_code
        error.code = "method_not_allowed" if exc.status_code == 405 else error.code
    extra = [(k.lower().encode(), v.encode()) for k, v in (exc.headers or {}).items()]
    return _respond(error, _id(request), *extra)


async def _on_fault(request: Request, exc: Exception) -> Response:
    """A fault of ours: said so, without detail."""
    return _respond(GatewayError("Something went wrong in the gateway."), _id(request))


def _id(request: Request) -> str:
    return str(getattr(request.state, "request_id", "") or request.headers.get("x-request-id", ""))
