"""POST /v1/chat/completions: one raw ASGI endpoint, because every request pays for it."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from portico.api.deps import Lobby
from portico.api.problems import Headers, send_problem
from portico.api.replies import Events, Whole
from portico.api.wire import parse
from portico.dispatch.journey import Journey
from portico.errors import GatewayError, MalformedRequest, RequestTooLarge

log = logging.getLogger(__name__)

_TASK = (b"x-openwebui-task", b"x-owui-task")


def new_id() -> str:
    """Return a request id: unguessable, and short enough to read aloud."""
    return f"req_{secrets.token_hex(10)}"


def task_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the background task that Open WebUI's header names, if any."""
    for name in _TASK:
        if value := headers.get(name):
            return value.decode("latin-1")[:64]
    return None


class Chat:
    """Reads the body, hands it to the gateway, and lets a reply own what comes of it."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's promise."""
        here = self._lobby.serving
        started, began, rid = time.time(), time.monotonic(), new_id()
        told: Headers = [(b"x-portico-request-id", rid.encode())]
        try:
            headers = dict(scope["headers"])
            caller = here.gate.admit(headers.get(b"authorization"))
            if scope["method"] != "POST":
                raise _not_allowed()
            body = await read_body(receive, headers.get(b"content-length"), here.max_body)
            if body is None:
                return
            request = parse(body, task_of(headers))
        except GatewayError as exc:
            await send_problem(send, exc, told, rid)
            return
        trace = headers.get(b"traceparent")
        parent = trace.decode("latin-1") if trace else None
        journey = Journey(rid, request, started, began, caller, parent)
        reply = (
            Events(here.gateway, journey, here.keep_alive)
            if request.stream
            else Whole(here.gateway, journey)
        )
        await reply.respond(receive, send)


def _not_allowed() -> GatewayError:
    error = MalformedRequest("Chats are asked with POST.")
    error.status, error.code = 405, "method_not_allowed"
    return error


async def read_body(receive: Receive, declared: bytes | None, limit: int) -> bytes | None:
    """
    Return the whole body, or None if the client left before it was sent.

    Raises:
        RequestTooLarge: over *limit* bytes, by its declared length or by what has come.
        MalformedRequest: nothing came for a minute.
    """
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(60):
                message = await receive()
        except TimeoutError:
            raise MalformedRequest("The body stopped coming.") from None
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is over {limit / 1_048_576:g} MB.")
