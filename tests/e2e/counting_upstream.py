"""An upstream that says how many asked it at once: what limits are for is seen from there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.serving import served


class Counting:
    """Answers after *takes* seconds, in the `openai` dialect; streams word by word."""

    def __init__(self, takes: float = 0.02) -> None:
        self.takes = takes
        self.under_way = self.peak = self.asked = 0
        self.url = ""

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked += 1
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        if body.get("stream"):
            return StreamingResponse(self._words(), media_type="text/event-stream")
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.under_way -= 1
        message = {"role": "assistant", "content": "one two three"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({"id": "1", "choices": [choice], "usage": USAGE})

    async def _words(self) -> AsyncIterator[str]:
        try:
            for number in range(20):
                yield _chunk({"content": f"{number} "}, None)
                await asyncio.sleep(self.takes)
            yield _chunk({}, "stop")
            yield "data: [DONE]\n\n"
        finally:
            self.under_way -= 1

    def upstream(self) -> dict[str, Any]:
        """Return the settings of an account here."""
        return {"dialect": "openai", "base_url": f"{self.url}/v1", "api_key": "test-key"}


USAGE = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


def _chunk(delta: dict[str, str], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': '1', 'choices': [choice]})}\n\n"


@asynccontextmanager
async def counting_upstream(takes: float = 0.02) -> AsyncIterator[Counting]:
    """Serve one on this machine."""
    counting = Counting(takes)

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "m", "object": "model"}]})

    routes = [
        Route("/v1/chat/completions", counting.chat, methods=["POST"]),
        Route("/v1/models", models),
    ]
    async with served(Starlette(routes=routes)) as url:
        counting.url = url
        yield counting
