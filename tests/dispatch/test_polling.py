"""Open WebUI's list of feedback, as 0.12.4 gives it over a socket, becomes thumbs on traces."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portico.dispatch.polling import MOST_PAGES, Front, Polling
from portico.egress.hosts import belonging
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from tests.egress.servers import until
from tests.serving import house, served

pytestmark = pytest.mark.anyio

NOW = int(time.time())


def feedback(number: int, rating: Any = 1, at: int = NOW, **data: Any) -> dict[str, Any]:
    """Return one of the list's items, recorded from Open WebUI 0.12.4."""
    return {
        "id": f"e2a6b3c6-0000-4000-8000-{number:012d}",
        "user_id": "7d1f6f0e-7f0e-4b1a-9c39-1d2b3f0f5a55",
        "version": 0,
        "type": "rating",
        "data": {"rating": rating, "model_id": "design", "sibling_model_ids": None, **data},
        "meta": {
            "arena": False,
            "chat_id": "c-1",
            "message_id": f"m-{number}",
            "message_index": 1,
            "model_id": "design",
            "tags": ["design"],
        },
        "created_at": at - 5,
        "updated_at": at,
        "user": {"id": "7d1f6f0e", "name": "Ada", "email": "ada@lab.test", "role": "admin"},
    }


@dataclass
class WebUI:
    """Stands in for Open WebUI: 30 a page, newest first, for whoever has the key."""

    url: str = ""
    kept: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request.url.query)
        assert "authorization" in request.headers
        if self.body is not None:
            return Response(self.body, self.status, media_type="text/html")
        if request.headers["authorization"] != "Bearer sk-ada":
            return JSONResponse({"detail": "401 Unauthorized"}, 401)
        assert request.query_params["order_by"] == "updated_at"
        start = 30 * (int(request.query_params["page"]) - 1)
        found = sorted(self.kept, key=lambda one: -one["updated_at"])[start : start + 30]
        return JSONResponse({"items": found, "total": len(self.kept)}, self.status)


@pytest.fixture
async def webui() -> AsyncIterator[WebUI]:
    found = WebUI()
    place = Route("/api/v1/evaluations/feedbacks/list", found.__call__)
    async with served(Starlette(routes=[place])) as url:
        found.url = url
        yield found


async def test_thumbs_are_joined_once_and_only_what_is_new_is_read_again(
    webui: WebUI, tmp_path: Path
) -> None:
    async with house(tmp_path) as lab, aclosing(Pool(Direct())) as pool:
        pool.belong(belonging([("direct", webui.url)]))
        polling = Polling(pool, Front(webui.url, "sk-ada"), lab.serving.thumbs)

        async def ask(number: int) -> str:
            chat = {"x-openwebui-chat-id": "c-1", "x-openwebui-message-id": f"m-{number}"}
            body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
            answer = await lab.client.post("/v1/chat/completions", json=body, headers=chat)
            ident: str = answer.headers["x-portico-request-id"]
            return ident

        async def thumb(ident: str) -> tuple[str | None, str | None]:
            card = (await lab.client.get(f"/api/requests/{ident}/trace")).json()["card"]
            return card["thumb"], card["thumb_why"]

        first, second = await ask(1), await ask(2)
        old = [feedback(100 + one, at=NOW - 5000 - one) for one in range(40)]
        odd = [
            feedback(3, rating=None),
            feedback(5) | {"data": 7},
            feedback(4) | {"meta": None},
        ]
        webui.kept = [
            feedback(1, reason="accurate_information", comment="so <b>good</b>"),
            feedback(2, "-1", NOW - 100, reason="I, at length: no"),
            *old,
        ]
        told = await polling.once()
        assert (told.joined, told.unknown, told.trouble) == (2, 40, "")
        assert await thumb(first) == ("up", "accurate_information")
        assert await thumb(second) == ("down", None), "what somebody wrote stays there"
        assert len(webui.asked) == 3

        webui.kept = [feedback(1, -1, NOW + 1, reason="too verbose"), *webui.kept[1:]]
        told = await polling.once()
        assert (told.joined, told.unknown) == (2, 0)
        assert len(webui.asked) == 4, "what is old is not read again"
        assert await thumb(first) == ("down", "too verbose")
        webui.kept += odd
        told = await polling.once()
        assert (told.joined, told.unread) == (2, 1)


async def test_pages_without_an_end_are_read_no_further_than_the_last_allowed(
    webui: WebUI, tmp_path: Path
) -> None:
    webui.body = json.dumps({"items": [feedback(9)], "total": 1}).encode()
    async with house(tmp_path) as lab, aclosing(Pool(Direct())) as pool:
        pool.belong(belonging([("direct", webui.url)]))
        told = await Polling(pool, Front(webui.url, "sk-ada"), lab.serving.thumbs).once()
    assert (told.unknown, len(webui.asked)) == (MOST_PAGES, MOST_PAGES)


async def test_a_fault_of_ours_does_not_end_the_looking(
    webui: WebUI, caplog: pytest.LogCaptureFixture
) -> None:
    webui.kept = [feedback(1)]
    nobody: Any = None  # who takes thumbs; to take one fails
    async with aclosing(Pool(Direct())) as pool:
        pool.belong(belonging([("direct", webui.url)]))
        polling = Polling(pool, Front(webui.url, "sk-ada", every=0.01), nobody)
        task = asyncio.create_task(polling.run())
        try:
            await until(lambda: len(webui.asked) > 1)
        finally:
            task.cancel()
            await asyncio.wait({task})
    assert "failed and is tried again" in caplog.text


TROUBLES: list[tuple[dict[str, Any], str]] = [
    ({"status": 500, "body": b"<h1>broken</h1>"}, "answers with status 500"),
    ({"body": b"<!doctype html><title>Open WebUI</title>"}, "is `feedback.url` its address?"),
    ({"body": b'{"detail": "Not Found"}'}, "is `feedback.url` its address?"),
    ({"body": b"x" * 5_000_000}, "cannot be reached"),
    ({"key": "sk-other"}, "refuses the key (status 401)"),
    ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
    ({"within": 1e-9}, "did not answer within"),
]


async def test_what_goes_wrong_is_said_and_looked_at_again(
    webui: WebUI, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webui.kept = [feedback(1)]
    async with house(tmp_path) as lab:
        for changes, trouble in TROUBLES:
            webui.status, webui.body = changes.get("status", 200), changes.get("body")
            known = {name: changes[name] for name in ("key", "url", "within") if name in changes}
            front = replace(Front(webui.url, "sk-ada"), **known)
            async with aclosing(Pool(Direct())) as pool:
                pool.belong(belonging([("direct", front.url)]))
                polling = Polling(pool, front, lab.serving.thumbs)
                assert trouble in (await polling.once()).trouble
                before = caplog.text.count("no thumbs come")
                await polling.once()
                assert caplog.text.count("no thumbs come") == before, "once is enough"
                webui.status, webui.body = 200, None
                polling.front = replace(Front(webui.url, "sk-ada"))
                pool.belong(belonging([("direct", webui.url)]))
                assert (await polling.once()).trouble == ""
                assert polling.last.unknown == 1
        assert "sk-other" not in caplog.text


async def test_a_gateway_that_is_told_of_an_open_webui_reads_its_feedback(
    webui: WebUI, tmp_path: Path
) -> None:
    webui.kept = [feedback(1)]
    given = {"url": f"{webui.url}/", "api_key": "sk-ada", "every": 0.02}
    async with house(tmp_path, feedback=given) as lab:
        chat = {"x-openwebui-chat-id": "c-1", "x-openwebui-message-id": "m-1"}
        body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
        await lab.client.post("/v1/chat/completions", json=body, headers=chat)
        polling = lab.serving.polling
        assert polling is not None
        await until(lambda: polling.last.joined == 1)
        found = (await lab.client.get("/api/traces", params={"thumb": "up"})).json()["traces"]
        assert [card["message"] for card in found] == ["m-1"]
