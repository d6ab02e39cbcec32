"""POST /v1/chat/completions: one raw ASGI endpoint, because every request pays for it."""

import logging
import time
from collections.abc import Awaitable, Mapping

from starlette.types import Message, Receive, Scope, Send

from portico.api.answers import id_of
from portico.api.body import WHOLE, read_body
from portico.api.cached import CachedChat
from portico.api.deps import Lobby, Serving
from portico.api.problems import not_allowed, problem
from portico.api.replies import Events, Whole
from portico.api.returning import IDEMPOTENCY_KEY, Recorded, Repeated, wants_to_resume
from portico.api.wire import parse
from portico.dispatch.caching import control, wanted
from portico.dispatch.journey import Journey
from portico.dispatch.turnstile import HEAVY
from portico.errors import GatewayError, Overloaded

type Reply = Whole | Events | Repeated | Recorded | CachedChat

log = logging.getLogger(__name__)

_TASK = (b"x-openwebui-task", b"x-owui-task")


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
        begun, rid = False, id_of(scope)

        def told(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        try:
            reply = await self._asked(rid, scope, receive)
            if reply is not None:
                await reply.respond(receive, told)
        except GatewayError as exc:
            allow = [(b"allow", b"POST")] if exc.status == 405 else []
            await problem(exc, rid, *allow)(scope, receive, send)
        except Exception:  # the HTTP edge
            if begun:
                raise  # the server logs it and hangs up: what was cut looks cut
            log.exception("a chat failed in the gateway", extra={"fields": {"id": rid}})
            fault = GatewayError("Something went wrong in the gateway.")
            await problem(fault, rid)(scope, receive, send)

    async def _asked(self, rid: str, scope: Scope, receive: Receive) -> Reply | None:
        """
        Return what will answer; None if the client left before it had asked.

        Raises:
            GatewayError: this is not asked here, or not by them, or not so.
        """
        here, started, began = self._lobby.serving, time.time(), time.monotonic()
        if scope["method"] != "POST":
            raise not_allowed(scope["method"], "POST")
        if self._lobby.draining:
            raise Overloaded("This gateway is going down: ask again soon.", retry_after=5)
        headers = dict(scope["headers"])
        asking = here.gate.admit(headers.get(b"authorization"))
        caller, talk = here.gate.heard(asking, headers)
        gate = here.turnstile
        declared, whole = headers.get(b"content-length"), scope.get(WHOLE, False)
        body = await read_body(receive, declared, here.max_body, gate, whole=whole)
        if body is None:
            return None
        if len(body) > HEAVY:
            await gate.passed()
        request = parse(body, task_of(headers))
        trace = headers.get(b"traceparent")
        parent = trace.decode("latin-1") if trace else None
        journey = Journey(rid, request, started, began, caller, parent, talk, headers=headers)
        return _reply(here, journey, headers, body)


def _reply(here: Serving, journey: Journey, headers: Mapping[bytes, bytes], body: bytes) -> Reply:
    """Return what owns the exchange; a client that may come back says so in a header."""
    asked = headers.get(b"x-portico-cache")
    use = wanted(asked.decode("latin-1") if asked else None, otherwise=False)
    if journey.request.stream:
        journey.uncached = use  # a stream is never given again
        events = Events(here.gateway, journey, here.keep_alive)
        return Recorded(here.streams, journey, events) if wants_to_resume(headers) else events
    key = headers.get(IDEMPOTENCY_KEY)
    if use and key is None:
        wish = control(headers.get(b"cache-control", b"").decode("latin-1"), wanted=True)
        if not wish.bypass:
            return CachedChat(here.cache, wish, here.gateway, journey)
    journey.uncached = use
    whole = Whole(here.gateway, journey)
    return whole if key is None else Repeated(here.once, journey, key, body, whole)
