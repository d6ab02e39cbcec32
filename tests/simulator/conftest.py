"""A simulator on a real socket, and a client that talks to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest

from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator

GEMINI = "/gemini/v1beta/models/gemini-3-flash-preview"

CHATS = {
    "gemini": f"{GEMINI}:generateContent",
    "siliconflow": "/siliconflow/v1/chat/completions",
    "deepseek": "/deepseek/chat/completions",
    "dashscope": "/dashscope/compatible-mode/v1/chat/completions",
    "openai": "/openai/v1/chat/completions",
    "anthropic": "/anthropic/v1/messages",
    "ollama": "/ollama/api/chat",
}
STREAM = {"gemini": f"{GEMINI}:streamGenerateContent?alt=sse"}
MODELS = {"gemini": "gemini-3-flash-preview", "deepseek": "deepseek-flash"}


@dataclass(frozen=True)
class Bench:
    """The simulator's state, where it is served, and a client for it."""

    simulator: Simulator
    url: str
    client: httpx.AsyncClient

    async def ask(self, upstream: str, text: str = "hello", **fields: Any) -> httpx.Response:
        """Ask in the upstream's dialect; `stream=True` for a stream."""
        stream = bool(fields.pop("stream", False))
        path, body = question(upstream, text, stream=stream)
        return await self.client.post(path, json=body | fields)

    def stream(self, upstream: str, text: str = "hello") -> Any:
        """Open a stream in the upstream's dialect."""
        path, body = question(upstream, text, stream=True)
        return self.client.stream("POST", path, json=body)


def question(upstream: str, text: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    if upstream == "gemini":
        path = STREAM["gemini"] if stream else CHATS["gemini"]
        return path, {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    messages = [{"role": "user", "content": text}]
    body = {"model": MODELS.get(upstream, "some-model"), "messages": messages, "stream": stream}
    return CHATS[upstream], body | ({"max_tokens": 1000} if upstream == "anthropic" else {})


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the JSON of every event; [DONE] and comments are left out."""
    lines = response.text.replace("\r\n", "\n").split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [msgspec.json.decode(one) for one in data if one != "[DONE]"]


def texts(chunks: list[dict[str, Any]]) -> str:
    """Return the text of Gemini's or OpenAI's chunks."""
    said = ""
    for chunk in chunks:
        for candidate in chunk.get("candidates", []):
            parts = candidate["content"].get("parts", [])
            said += "".join(part.get("text", "") for part in parts if not part.get("thought"))
        for choice in chunk.get("choices", []):
            said += choice["delta"].get("content") or ""
    return said


@pytest.fixture
async def bench(anyio_backend: str) -> AsyncIterator[Bench]:
    """A fresh simulator."""
    simulator = Simulator()
    told: Any = {"headers": {"authorization": "Bearer a-key"}, "timeout": 20}
    told |= {"trust_env": False, "verify": False}  # nothing is TLS: the roots take 20 ms of CPU
    async with (
        serve_simulator(simulator) as url,
        httpx.AsyncClient(base_url=url, **told) as client,
    ):
        yield Bench(simulator, url, client)
