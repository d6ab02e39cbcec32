"""A secret that somebody planted is found nowhere: not in a store, a log, an export or a spool."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from portico.telemetry.logs import configure
from tests.artifacts import odd
from tests.e2e.test_pictures import picture
from tests.serving import House, house, served

pytestmark = pytest.mark.anyio

CANARY = "c4n4ry"
OURS = f"pk-{CANARY}-Zx9_Zx9_Zx9_Zx9_Zx9_Zx9_Zx9_Zx9_Zx9"
THEIRS = f"{CANARY}.upstreams.own.key"  # looks like nothing: known because it is configured
PLANTED = {
    "system": f"Use the database postgresql://lab:{CANARY}-1@db/lab for all you do.",
    "user": f"My key is sk-{CANARY}-2-abcdefgh, and export DB_PASSWORD='{CANARY}-3'.\n"
    f"Authorization: Bearer {CANARY}-4",
    "arguments": json.dumps({"script": f"login\nghp_{CANARY}5abcdefghijkl", "api_key": CANARY}),
    "tool": json.dumps(
        {"env": {"OPENAI_API_KEY": f"{CANARY}-6", "x": [f"hf_{CANARY}7abcdefghij"]}}
    ),
    "file": f"AIza{CANARY}8abcdefghijklmn.pdf",
    "pem": f"-----BEGIN PRIVATE KEY-----\nMIIE{CANARY}9\n-----END PRIVATE KEY-----",
}
STORES = ("sqlite", "mongo", "postgres", "away")


@asynccontextmanager
async def parrot() -> AsyncIterator[str]:
    """An upstream whose error says everything that it was told, and by whom."""

    async def fail(request: Request) -> JSONResponse:
        said = (await request.body()).decode()
        told = f"cannot do {request.headers['authorization']} for {said}"
        return JSONResponse({"code": 50505, "message": told, "data": None}, 503)

    async with served(
        Starlette(routes=[Route("/v1/chat/completions", fail, methods=["POST"])])
    ) as at:
        yield at


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that `portico up` would log; who logged before gets it back."""
    root, stream = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    configure("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def body() -> dict[str, Any]:
    calls = [
        {
            "id": f"sk-{CANARY}-10-abcdefgh",
            "type": "function",
            "function": {"name": "shell", "arguments": PLANTED["arguments"]},
        }
    ]
    tool = {"name": "shell", "description": PLANTED["pem"]}
    parts = [
        {"type": "text", "text": PLANTED["user"] + PLANTED["pem"]},
        picture(odd.saved(odd.screen(), "PNG")),
    ]
    return {
        "model": "vision",
        "user": f"sk-{CANARY}-11-abcdefgh",
        "metadata": {"password": CANARY, "session_token": CANARY},
        "tools": [{"type": "function", "function": tool}],
        "messages": [
            {"role": "system", "content": PLANTED["system"]},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": calls[0]["id"], "content": PLANTED["tool"]},
            {"role": "user", "content": PLANTED["user"]},
        ],
    }


async def plant(lab: House) -> list[str]:
    """Ask in every way in which something is kept; return the requests' ids."""
    headers = {
        "authorization": f"Bearer {OURS}",
        "cookie": f"session={CANARY}",
        "x-custom": CANARY,
        "user-agent": f"agent sk-{CANARY}-12-abcdefgh",
        "x-openwebui-chat-id": f"sk-{CANARY}-13-abcdefgh",
    }
    found = []
    for stream in (False, True):
        asked = body() | {"stream": stream}
        answer = await lab.client.post("/v1/chat/completions", json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        assert CANARY in answer.text, (
            "the simulator says what it was told: there is something to mask"
        )
        found.append(answer.headers["x-portico-request-id"])
    refused = body() | {"model": "qwen-vl", "n": 1}
    answer = await lab.client.post("/v1/chat/completions", json=refused, headers=headers)
    assert answer.status_code >= 500
    found.append(answer.headers["x-portico-request-id"])
    file = {"type": "file", "file": {"filename": PLANTED["file"], "file_data": uri_of_a_file()}}
    asked = {"model": "gemini-3-flash", "messages": [{"role": "user", "content": [file]}]}
    answer = await lab.client.post("/v1/chat/completions", json=asked, headers=headers)
    found.append(answer.headers["x-portico-request-id"])
    sent = await lab.client.post(
        "/v1/artifacts", params={"name": PLANTED["file"]}, content=odd.saved(odd.screen(), "PNG")
    )
    assert sent.status_code == 201
    return found


def uri_of_a_file() -> str:
    return "data:application/pdf;base64,JVBERi0xLjQK"


def hidden(data: bytes, where: str) -> None:
    at = data.lower().find(CANARY.encode())
    assert at < 0, f"{where}: {data[max(0, at - 120) : at + 60]!r}"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def place(store: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where the traces go."""
    if store == "mongo":
        server = request.getfixturevalue("mongodb")
        return {"stores": {"traces": f"{server.rpartition('/')[0]}/test_{uuid4().hex}"}}
    if store == "postgres":
        return {"stores": {"traces": request.getfixturevalue("database")}}
    if store == "away":
        return {"stores": {"traces": "mongodb://127.0.0.1:9/portico?serverSelectionTimeoutMS=100"}}
    return {}


async def test_a_planted_secret_is_found_nowhere(
    store: str,
    place: dict[str, Any],
    tmp_path: Path,
    log: StringIO,
) -> None:
    async with parrot() as upstream:
        echoing = {"siliconflow": {"base_url": f"{upstream}/v1", "api_key": THEIRS}}
        roles = {"vision": {"targets": ["qwen-vl", "gemini-3-flash"]}}
        changes = {"upstreams": echoing, "roles": roles, **place}
        async with house(tmp_path, **changes) as lab:
            idents = await plant(lab)
            await lab.requests()
            await lab.serving.traces.recorder.flush()
            if store != "away":
                await read(lab, idents)
            metrics = await lab.client.get("/metrics")
            standing = await lab.client.get("/api/standing")
    hidden(metrics.content + standing.content, "metrics and standing")
    hidden(log.getvalue().encode(), "the log")
    assert idents[0] in log.getvalue()
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    assert any(path.name == "traces.db" for path in files) is (store == "sqlite")
    assert any("traces-spool" in str(path) for path in files) is (store == "away")
    for path in files:
        hidden(path.read_bytes(), str(path))


async def read(lab: House, idents: list[str]) -> None:
    """Look through what the store gives: by the API, and as an export."""
    for ident in idents:
        answer = await lab.client.get(f"/api/requests/{ident}/trace")
        assert answer.status_code == 200, answer.text
        hidden(answer.content, ident)
        assert "[redacted]" in answer.text
    exported = [msgspec.json.encode(one) async for one in lab.serving.traces.store.export()]
    assert len(exported) == len(idents)
    for line in exported:
        hidden(line, "an export")
    told = json.loads(exported[0])
    assert {told["card"]["fidelity"] for _ in idents} == {"redacted"}
