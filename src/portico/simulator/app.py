"""The ASGI application: reads a call, checks its key, plays the script that answers it."""

from collections.abc import Mapping
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portico.simulator.anthropic import Anthropic
from portico.simulator.calls import Bill, Call
from portico.simulator.control import control
from portico.simulator.dialects import Dialect, Stamp
from portico.simulator.dialogue import script
from portico.simulator.flavours import FLAVOURS
from portico.simulator.gemini_replies import Gemini
from portico.simulator.listings import listing
from portico.simulator.ollama import Ollama
from portico.simulator.openai_replies import OpenAI
from portico.simulator.play import Performance, Player
from portico.simulator.problems.base import Occasion
from portico.simulator.problems.google import unregistered
from portico.simulator.routes import Wanted, route
from portico.simulator.scripts import Problem, Script, refusal
from portico.simulator.state import Simulator

BAD_KEY = "bad-key"
"""The one key that every upstream refuses."""

SECRET = frozenset({"authorization", "x-goog-api-key", "x-api-key", "cookie"})
CHATS = ("chat", "stream")
NOT_FOUND = refusal(Problem(404, b"404 page not found", media="text/plain"))
NOT_JSON = refusal(Problem(400, {"error": {"message": "The body is not a JSON object."}}))


def create_simulator(state: Simulator | None = None) -> ASGIApp:
    """Return the application that plays all upstreams, scripted through *state*."""
    return _App(state or Simulator())


class _App:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._dialects: dict[str, Dialect] = {
            "gemini": Gemini(),
            "anthropic": Anthropic(),
            "ollama": Ollama(),
            **{name: OpenAI(flavour) for name, flavour in FLAVOURS.items()},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        played, call = self._decided(request, body)

        def book(performance: Performance) -> None:
            if call is not None and call.work in ("chat", "embeddings"):
                self._simulator.book(_bill(call, played, performance))

        await Player(scope, receive, send).play(played, book)

    def _decided(self, request: Request, body: bytes) -> tuple[Script, Call | None]:
        if request.url.path == "/_control":
            return control(self._simulator, request.method, body), None
        wanted = route(request.url.path)
        if wanted is None:
            return NOT_FOUND, None
        try:
            fields = msgspec.json.decode(body) if body else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NOT_JSON, None
        if not isinstance(fields, dict):
            return NOT_JSON, None
        call = _call(request, wanted, fields)
        self._simulator.note(call)
        return self._script(request, wanted, call), call

    def _script(self, request: Request, wanted: Wanted, call: Call) -> Script:
        dialect = self._dialects[call.upstream]
        key = _key(request)
        if call.upstream != "ollama" and key in ("", BAD_KEY):
            return refusal(_stranger(dialect, call, known=bool(key)))
        stamp = Stamp(self._simulator.serial, int(time()))
        if wanted.work in CHATS:
            return script(self._simulator, dialect, call, stamp)
        return listing(self._simulator, dialect, call, wanted)


def _call(request: Request, wanted: Wanted, fields: dict[str, Any]) -> Call:
    query = [(name, value) for name, value in parse_qsl(request.url.query) if name != "key"]
    return Call(
        upstream=wanted.upstream,
        model=wanted.model or str(fields.get("model") or ""),
        path=request.url.path + ("?" + urlencode(query) if query else ""),
        body=fields,
        headers=_safe(request.headers),
        stream=wanted.work == "stream" or _streams(wanted, fields),
        work="chat" if wanted.work in CHATS else wanted.work,
    )


def _streams(wanted: Wanted, fields: Mapping[str, Any]) -> bool:
    default = wanted.upstream == "ollama"  # streams unless told not to
    return wanted.upstream != "gemini" and bool(fields.get("stream", default))


def _safe(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in SECRET}


def _key(request: Request) -> str:
    bearer = request.headers.get("authorization", "")
    return (
        request.headers.get("x-goog-api-key")
        or request.headers.get("x-api-key")
        or request.query_params.get("key")
        or bearer.removeprefix("Bearer").strip()
    )


def _stranger(dialect: Dialect, call: Call, *, known: bool) -> Problem:
    if call.upstream == "gemini" and not known:
        return unregistered()
    return dialect.problems["invalid_key" if known else "no_key"](Occasion(call.model))


def _bill(call: Call, played: Script, performance: Performance) -> Bill:
    output = performance.output
    spent = (0, 0) if played.ends == "failed" else (played.input, played.cached)
    return Bill(call.upstream, call.model, *spent, output, performance.status)
