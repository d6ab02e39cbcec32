"""Thumbs, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portico.wiring import keyring
from tests.serving import House, house

pytestmark = pytest.mark.anyio

FRONT = {"x-openwebui-chat-id": "chat-1", "x-openwebui-message-id": "message-1"}


async def thumb(lab: House, ident: str) -> tuple[str | None, str | None, str]:
    told = (await lab.client.get(f"/api/requests/{ident}/trace")).json()["card"]
    return told.get("thumb"), told.get("thumb_why"), told["life"]


async def test_a_thumb_is_joined_once_however_often_and_late_it_comes(tmp_path: Path) -> None:
    keys = keyring(tmp_path / "home")
    operator, front, other = [
        {"authorization": f"Bearer {(await keys.issue(name, trusted=name == 'webui')).text}"}
        for name in ("operator", "webui", "other")
    ]
    async with house(tmp_path, access={"required": True}) as lab:
        lab.client.headers.update(operator)
        body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
        asked = await lab.client.post("/v1/chat/completions", json=body, headers=front | FRONT)
        ident = asked.headers["x-portico-request-id"]
        about = {"chat_id": "chat-1", "message_id": "message-1"}

        async def give(rating: int, at: float, headers: dict[str, str], **told: object) -> str:
            answer = await lab.client.post(
                "/v1/feedback",
                json={**about, "rating": rating, "at": at, **told},
                headers=headers,
            )
            if answer.status_code == 404:
                return "unknown"
            assert answer.status_code == 200, answer.text
            assert answer.json()["request_id"] == ident
            fate: str = answer.json()["fate"]
            return fate

        assert await give(1, 20, front, reason="accurate_information") == "joined"
        assert await give(1, 20, front, reason="accurate_information") == "joined"
        assert await thumb(lab, ident) == ("up", "accurate_information", "flagged")
        assert await give(-1, 30, {}) == "joined", "an operator may, too"
        assert await give(1, 20, front) == "older"
        assert await thumb(lab, ident) == ("down", None, "flagged")
        found = await lab.client.get("/api/traces", params={"thumb": "down"})
        assert [card["id"] for card in found.json()["traces"]] == [ident]

        assert await give(1, 40, other) == "unknown"
        assert await give(1, 40, other, request_id=ident) == "unknown"
        assert await give(0, 50, front) == "joined"
        assert await thumb(lab, ident) == (None, None, "interactive")


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("rating", {"request_id": "req_1"}),
        ("rating", {"request_id": "req_1", "rating": 5}),
        ("request_id", {"rating": 1}),
        ("request_id", {"rating": 1, "chat_id": "c"}),
        ("reason", {"rating": 1, "request_id": "req_1", "reason": "I did not like\nthe tone"}),
        ("at", {"rating": 1, "request_id": "req_1", "at": -1}),
        ("comment", {"rating": 1, "request_id": "req_1", "comment": "so long a story"}),
    ],
)
async def test_a_thumb_that_makes_no_sense_is_refused_by_its_field(
    shared: House, field: str, body: dict[str, object]
) -> None:
    answer = await shared.client.post("/v1/feedback", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("feedback")) as lab:
        yield lab
