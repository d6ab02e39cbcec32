"""A gateway whose providers say of a picture what a test says; anything else is the simulator's."""

import io
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import yaml
from PIL import Image
from starlette.types import Message, Receive, Scope, Send

from portico.api.deps import Serving
from portico.app import create_app
from portico.artifacts.taking import Intake
from portico.dispatch.design import Design
from portico.settings import load_settings
from portico.simulator.app import create_simulator
from portico.simulator.state import Simulator
from portico.wiring import open_serving
from tests.serving import config, served

GEMINI, QWEN = "gemini-3-flash-preview", "Qwen/Qwen3-VL-32B-Instruct"


@dataclass(frozen=True)
class Shown:
    """What was put before a model: everything said, and the picture's size."""

    model: str
    said: list[str]
    size: tuple[int, int]


class Seers:
    """The simulator, but for chats with a model that `scripts` has something to say for."""

    def __init__(self) -> None:
        self.simulator = Simulator()
        self.scripts: dict[str, Callable[[Shown], str]] = {}
        self.shown: list[Shown] = []
        self._rest = create_simulator(self.simulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's promise."""
        if scope["type"] != "http":
            return
        body = await _whole(receive)
        model = _model(scope["path"], body)
        if model not in self.scripts:
            await self._rest(scope, _again(body, receive), send)
            return
        shown = Shown(model, *_seen(body))
        self.shown.append(shown)
        gemini = ":streamGenerateContent" in scope["path"]
        events = (_google if gemini else _openai)(self.scripts[model](shown))
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": events})


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _model(path: str, body: bytes) -> str:
    if found := re.search(r"/models/([^/:]+):streamGenerateContent", path):
        return found[1]
    if path.endswith("/chat/completions"):
        return str(json.loads(body)["model"])
    return ""


def _seen(body: bytes) -> tuple[list[str], tuple[int, int]]:
    """Read either dialect: every text, and the one picture's size."""
    texts: list[str] = []
    pictures: list[bytes] = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            texts.extend(v for k, v in node.items() if k in ("text", "content") and _is_text(v))
            if isinstance(url := node.get("url"), str):
                pictures.append(b64decode(url.partition(",")[2]))
            if "data" in node:
                pictures.append(b64decode(node["data"]))
            walk(list(node.values()))

    walk(json.loads(body))
    (picture,) = pictures
    with Image.open(io.BytesIO(picture)) as image:
        return texts, image.size


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _openai(text: str) -> bytes:
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}},
    ]
    told = [json.dumps({"object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    return "".join(f"data: {one}\n\n" for one in (*told, "[DONE]")).encode()


def _google(text: str) -> bytes:
    said = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    return f"data: {json.dumps({'candidates': [said], 'usageMetadata': usage})}\r\n\r\n".encode()


@dataclass
class Lab:
    """What a test may look at and talk to."""

    client: httpx.AsyncClient
    seers: Seers
    serving: Serving
    kept: dict[tuple[str, str | None], bytes] = field(default_factory=dict)

    @property
    def simulator(self) -> Simulator:
        return self.seers.simulator

    async def ask(self, what: str, query: str = "", **fields: Any) -> httpx.Response:
        """POST *fields* as JSON to /v1/design/*what*."""
        return await self.client.post(f"/v1/design/{what}{query}", json=fields)

    async def rows(self) -> list[dict[str, Any]]:
        """Return the ledger's rows, oldest first, once all are written."""
        await self.serving.gateway.ledger.flush()
        found: list[dict[str, Any]] = (await self.client.get("/api/requests")).json()["requests"]
        return [*reversed(found)]


@asynccontextmanager
async def lab(folder: Path, **changes: Any) -> AsyncIterator[Lab]:
    """Open the lab's gateway over seers, its configuration with *changes* merged in."""
    seers = Seers()
    async with _upstream(seers) as upstream:
        file = folder / "portico.yaml"
        anew = {"cache": {"analyses": False}} | changes  # somebody looks each time
        file.write_text(yaml.safe_dump(config(upstream, **anew), sort_keys=False))
        environ = {"PORTICO_HOME": str(folder / "home")}
        opened: list[Serving] = []
        kept: dict[tuple[str, str | None], bytes] = {}

        async def recall(ident: str, caller: str | None) -> bytes:
            return kept[ident, caller]

        intake = Intake(None, recall)

        @asynccontextmanager
        async def opening() -> AsyncIterator[Serving]:
            load = lambda: load_settings(file, environ)  # noqa: E731 - one line says it best
            home = folder / "home"
            async with open_serving(load, home, exposed=False, environ=environ) as serving:
                opened.append(replace(serving, design=Design(serving.gateway, intake)))
                yield opened[0]

        async with (
            served(create_app(opening)) as url,
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=False) as client,
        ):
            yield Lab(client, seers, opened[0], kept)
        intake.close()


@asynccontextmanager
async def _upstream(seers: Seers) -> AsyncIterator[str]:
    """Serve *seers* without a lifespan of their own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await seers(scope, receive, send)

    async with served(app) as url:
        yield url
