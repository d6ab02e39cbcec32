"""A whole Portico on real sockets: the gateway, and the simulator as every provider it knows."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portico.api.deps import Serving
from portico.api.front import Front
from portico.app import create_app
from portico.settings import load_settings
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.wiring import open_serving
from portico.wiring.sharing import BESIDE

PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EMBEDDERS = {"BAAI/bge-m3": 1024, "gemini-embedding-001": 3072}
"""The models that the built-in catalog embeds with, and how many numbers they give."""

PATIENCE = {"connect": 2, "first_delta": 3.0, "idle": 1.5, "total": 3.0}
"""Short enough to fail in a test, long enough for two busy cores."""


@dataclass
class House:
    """What a test may look at and talk to."""

    url: str
    client: httpx.AsyncClient
    simulator: Simulator
    serving: Serving
    config: Path

    async def chat(self, text: Any = "hello", **fields: Any) -> httpx.Response:
        """Ask, not streamed unless *fields* say so; *text* is the user's content or messages."""
        messages = text if _is_messages(text) else [{"role": "user", "content": text}]
        body = {"model": "code", "messages": messages, **fields}
        return await self.client.post("/v1/chat/completions", json=body)

    async def requests(self) -> list[dict[str, Any]]:
        """Return the ledger's rows, newest first, once all are written, but the memory's own."""
        await self.serving.gateway.ledger.flush()
        found: list[dict[str, Any]] = (await self.client.get("/api/requests")).json()["requests"]
        return [row for row in found if row["task"] != "memory"]


def _is_messages(text: Any) -> bool:
    return isinstance(text, list) and bool(text) and "role" in text[0]


def config(simulator: str, **changes: Any) -> dict[str, Any]:
    """Return the lab's catalog with real keys, so to speak: every provider is the simulator."""
    places = {
        "google": {
            "dialect": "gemini",
            "base_url": f"{simulator}/gemini/v1beta",
            "egress": "direct",
        },
        "siliconflow": {
            "dialect": "openai",
            "flavour": "siliconflow",
            "base_url": f"{simulator}/siliconflow/v1",
        },
        "deepseek": {
            "dialect": "openai",
            "flavour": "deepseek",
            "base_url": f"{simulator}/deepseek",
        },
    }
    upstreams = {name: {"api_key": "test-key", **place} for name, place in places.items()}
    quick = {"patience": PATIENCE}
    targets = dict.fromkeys(("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder"), quick)
    settings = {"extends": "builtin", "upstreams": upstreams, "targets": targets}
    return _merged(settings, changes)


def _merged(into: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(into)
    for key, value in changes.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(known, value) if both else value
    return merged


@asynccontextmanager
async def house(folder: Path, *, hub: Path | None = None, **changes: Any) -> AsyncIterator[House]:
    """Open a house whose configuration is the lab's with *changes* merged in, beside a *hub*."""
    simulator = Simulator()
    simulator.models |= {
        target["model"]
        for target in changes.get("targets", {}).values()
        if target.get("kind") == "embedding"
    }
    simulator.sizes |= {
        model: size for model, size in EMBEDDERS.items() if model not in simulator.models
    }
    async with serve_simulator(simulator) as upstream:
        file = folder / "portico.yaml"
        file.write_text(yaml.safe_dump(config(upstream, **changes), sort_keys=False))
        environ = {"PORTICO_HOME": str(folder / "home")}
        if hub is not None:
            environ[BESIDE] = str(hub)
        opened: list[Serving] = []

        @asynccontextmanager
        async def opening() -> AsyncIterator[Serving]:
            load = lambda: load_settings(file, environ)  # noqa: E731 - one line says it best
            async with open_serving(
                load, folder / "home", exposed=False, environ=environ
            ) as serving:
                opened.append(serving)
                yield serving

        async with served(create_app(opening)) as url:
            # Nothing here is TLS: reading the roots takes 20 ms of CPU.
            client = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=False)
            async with client:
                yield House(url, client, simulator, opened[0], file)


@asynccontextmanager
async def album(data: bytes) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Serve a picture on this machine; give its address, and the settings that let links there."""

    async def show(request: Request) -> Response:
        return Response(data, media_type="text/plain")

    async with served(Starlette(routes=[Route("/a.png", show)])) as url:
        yield f"{url}/a.png", {"inside": [url.removeprefix("http://")]}


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve *app* on a free port of this loop, as `portico up` does."""
    settings = uvicorn.Config(
        app,
        port=0,
        http=Front,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    settings.load()
    server = uvicorn.Server(settings)
    server.lifespan = settings.lifespan_class(settings)
    await server.startup()
    await server.on_tick(0)  # the date of its answers
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await _ended(server)


async def _ended(server: uvicorn.Server) -> None:
    """End as `Server.shutdown` does, which looks every 0.1 s: thousands of tests would wait."""
    for listener in server.servers:
        listener.close()
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()
    for _ in range(400 * server.config.timeout_graceful_shutdown):
        if not (state.connections or state.tasks):
            break
        await asyncio.sleep(1 / 400)
    for task in state.tasks:
        task.cancel()
    await server.lifespan.shutdown()
