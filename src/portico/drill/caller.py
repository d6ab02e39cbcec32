"""Asks a gateway as any OpenAI client does, and tells what came of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from portico.drill.base import Heard, Try

REQUEST = "x-portico-request-id"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of the gateway at `url`, with a key of its own."""

    client: httpx.AsyncClient
    url: str
    key: str

    async def ask(self, model: str, text: str, *, stream: bool) -> Heard:
        """Ask *model*; whatever comes of it is told, also a lost connection (status 0)."""
        body = {
            "model": model,
            "stream": stream,
            "messages": [{"role": "user", "content": text}],
        }
        began = time.perf_counter()
        try:
            answer = await self.client.post(
                f"{self.url}/v1/chat/completions", json=body, headers=self._headers
            )
        except httpx.HTTPError as exc:
            return Heard(0, code=type(exc).__name__, seconds=time.perf_counter() - began)
        return understood(
            answer.status_code, answer.headers.get(REQUEST, ""), answer.text, _since(began)
        )

    async def tries(self, request: str) -> tuple[Try, ...] | None:
        """Return the attempts that the ledger has for *request*; None while it has no row."""
        answer = await self.client.get(f"{self.url}/api/requests/{request}", headers=self._headers)
        if answer.status_code != 200:
            return None
        row = answer.json()
        return tuple(
            Try(one["target"], one["outcome"], one["kind"], row["started"] + one["started"])
            for one in row["attempts"]
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


def _since(began: float) -> float:
    return time.perf_counter() - began


def understood(status: int, request: str, body: str, seconds: float) -> Heard:
    """Return what a client understands of *body*: a stream's events, or one JSON value."""
    try:
        told = list(_events(body)) if body.startswith(("data:", ":")) else [_json(body)]
    except ValueError:
        return Heard(status, code="not JSON", request=request, seconds=seconds)
    hearing = _Hearing()
    for one in told:
        hearing.take(one)
    return Heard(
        status,
        text="".join(hearing.text),
        models=tuple(hearing.models),
        finish=hearing.finish,
        done=hearing.done,
        code=hearing.code,
        blamed=hearing.blamed,
        request=request,
        seconds=seconds,
    )


type Told = dict[str, Any] | None
"""One JSON object; None is `[DONE]`."""


def _events(body: str) -> Iterator[Told]:
    for line in body.splitlines():
        if line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield None if data == "[DONE]" else _json(data)


def _json(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])


class _Hearing:
    """Takes what was told, one JSON object after the other."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.models: list[str] = []
        self.finish: str | None = None
        self.done = 0
        self.code: str | None = None
        self.blamed = False

    def take(self, told: Told) -> None:
        if told is None:
            self.done += 1
        elif "error" in told:
            self._error(told["error"])
        else:
            if self.models[-1:] != [told["model"]]:
                self.models.append(told["model"])
            for choice in told["choices"]:
                said = choice.get("delta") or choice.get("message") or {}
                self.text.append(said.get("content") or "")
                self.finish = choice.get("finish_reason") or self.finish

    def _error(self, error: dict[str, Any]) -> None:
        self.code = str(error.get("code"))
        named = error.get("attempts") or error.get("resting")
        self.blamed = error.get("source") == "upstream" and bool(named)
