"""Exceptions become HTTP here and nowhere else: OpenAI's envelope, plus whose fault it is."""

import math
from typing import Literal

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import UNSET, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from portico.api.answers import JSON, REQUEST_ID, id_of
from portico.api.body import leave_unread
from portico.dispatch.journey import Journey
from portico.errors import (
    Asked,
    GatewayError,
    MalformedRequest,
    NotFound,
    RequestTooLarge,
    Resting,
)

type Headers = list[tuple[bytes, bytes]]

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
LONGEST_NAME = 100
"""Characters of a name of the caller's own that an error repeats."""


class Envelope(Struct, frozen=True, kw_only=True):
    """What went wrong, in OpenAI's words, and whose fault it is."""

    message: str
    type: str
    param: str | None
    code: str
    source: Literal["client", "gateway", "upstream"]
    request_id: str
    attempts: tuple[Asked, ...] = ()
    resting: tuple[Resting, ...] | UnsetType = UNSET


class Error(Struct, frozen=True):
    """The body of an error answer, or of the event that ends a broken stream."""

    error: Envelope


def envelope(error: GatewayError, request_id: str) -> Error:
    """Return what the caller of the request with that id is told of *error*."""
    told = Envelope(
        message=str(error),
        type=error.type,
        param=error.param,
        code=error.code,
        source=error.source,  # type: ignore[arg-type]  # of the three, says errors.py
        request_id=request_id,
        attempts=getattr(error, "attempts", ()),
        resting=getattr(error, "resting", ()) or UNSET,
    )
    return Error(told)


def headers(error: GatewayError) -> Headers:
    """Return the headers an error brings along."""
    found: Headers = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        seconds = max(1, math.ceil(error.retry_after))
        found.append((b"retry-after", str(seconds).encode()))
    if error.status == 401:
        found.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, RequestTooLarge):
        found.append((b"connection", b"close"))  # the rest of the body is not wanted
    return found


def portico_headers(journey: Journey) -> Headers:
    """Return who answered, as which role, after how many were asked."""
    found = [(REQUEST_ID.encode(), journey.id.encode())]
    if journey.uncached:
        found.append((b"x-portico-cache", b"bypass"))
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
    """Answer with *error* a request whose body has been read."""
    body = msgspec.json.encode(envelope(error, rid))
    length = (b"content-length", str(len(body)).encode())
    told = [*headers(error), length, *journey_headers]
    await send({"type": "http.response.start", "status": error.status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def problem(error: GatewayError, rid: str, *extra: tuple[bytes, bytes]) -> Response:
    """Return *error* as the answer to the request with the id *rid*."""
    answer = _Parting if isinstance(error, RequestTooLarge) else JSON
    response = answer(envelope(error, rid), error.status)
    told = [*headers(error)[1:], (REQUEST_ID.encode(), rid.encode()), *extra]
    response.raw_headers += told
    return response


class _Parting(JSON):
    """An answer to somebody who is still sending."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await leave_unread(receive)
        await send({"type": "http.response.body", "body": b""})


def not_allowed(asked: str, allowed: str) -> GatewayError:
    """Return the error for the method *asked*, where only those in *allowed* are served."""
    served = "are" if "," in allowed else "is"
    error = MalformedRequest(f"{asked} is not served here; {allowed} {served}.")
    error.status, error.code = 405, "method_not_allowed"
    return error


def install(app: FastAPI) -> None:
    """Give *app*'s own routes the same envelope, and no answers that are not ours."""
    app.router.redirect_slashes = False  # its answer repeats the Host header as an address
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


async def _on_gateway_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)
    return problem(exc, id_of(request.scope))


async def _on_validation(request: Request, exc: Exception) -> Response:
    """Name the field; pydantic's words never repeat a value."""
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])[:LONGEST_NAME] or None
    said = f"`{place or 'body'}`: {first['msg']}."
    if place is None and "json" not in request.headers.get("content-type", ""):
        said = "Send the body as JSON, with the header `content-type: application/json`."
    return problem(MalformedRequest(said, param=place), id_of(request.scope))


async def _on_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    rid = id_of(request.scope)
    if exc.status_code == 405:
        allowed = ", ".join(_served(request))
        said = not_allowed(request.method, allowed)
        return problem(said, rid, (b"allow", allowed.encode()))
    if exc.status_code == 404:
        return problem(NotFound(f"There is nothing at {request.url.path[:100]!r}."), rid)
    error = MalformedRequest(str(exc.detail))
    error.status = exc.status_code
    return problem(error, rid)


def _served(request: Request) -> list[str]:
    """Return every method of this address: each has a route of its own, and knows only itself."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": _as_get(method)})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _as_get(method: str) -> str:
    """HEAD is answered as GET is, without the body: see `portico.app`."""
    return "GET" if method == "HEAD" else method


async def _on_fault(request: Request, exc: Exception) -> Response:
    """A fault of ours: said so, without detail."""
    return problem(GatewayError("Something went wrong in the gateway."), id_of(request.scope))
