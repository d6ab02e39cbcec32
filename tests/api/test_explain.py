"""Explain tells what the next real request does, and asks nobody to know it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from portico.errors import ModelNotFound
from portico.routing.attempts import Failure, Kind
from portico.wiring.offline import explain_offline
from tests.serving import EMBEDDERS, PNG, House, house

pytestmark = pytest.mark.anyio

PATIENT = {"first_delta": 60, "total": 60}
"""A stalled machine is no failure of who is asked first."""

WINDOWS = {
    "qwen3-coder": 3000,
    "deepseek-v3": 9000,
    "gemini-3-flash": 40_000,
    "qwen-vl": 30_000,
}

SMALL = {
    "targets": {
        name: {"context_window": window, "max_output": 500, "patience": PATIENT}
        for name, window in WINDOWS.items()
    },
    "roles": {"sighted": {"targets": ["qwen-vl"]}, "blind": {"targets": ["qwen3-coder"]}},
    "memory": {"remember": False},
}
"""
Windows that a test can fill, and roles that cannot take everything.

Nothing is remembered: to embed what was said asks an upstream between two requests of ours, and its
answer ends a rest of the path there.
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("explain"), **SMALL) as opened:
        yield opened


def chats(lab: House) -> int:
    """Calls to models that answer."""
    counts = lab.simulator.counts.items()
    return sum(count for (_, model), count in counts if model and model not in EMBEDDERS)


MODELS = [
    *("auto", "design", "vision", "code", "devops", "background", "sighted", "blind"),
    *("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder"),
]
TEXTS = [
    "Critique this screen: hierarchy, spacing, contrast.",
    "Refactor this:\n```python\ndef f(x):\n    return [y for y in x if y]\n```",
    "docker: Error response from daemon: OOMKilled, exit code 137. Why?",
    "### Task:\nGenerate a concise title for this chat.",
    "Где кнопка на этом снимке?",
    "hello",
]
SIZES = [0, 0, 0, 20_000, 60_000, 400_000]  # characters; the last fits nowhere
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}
FORMATS: list[dict[str, Any]] = [
    {"type": "text"},
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "n", "schema": TOOL["function"]["parameters"]}},
]


def chat(dice: Random) -> dict[str, Any]:
    """Return some chat or other."""
    text = dice.choice(TEXTS) + " word" * (dice.choice(SIZES) // 5)
    content: Any = text
    if dice.random() < 0.35:
        picture = {"type": "image_url", "image_url": {"url": PNG}}
        content = [{"type": "text", "text": text}, picture]
    messages = [{"role": "user", "content": content}]
    if dice.random() < 0.15:
        messages.append({"role": "assistant", "content": "It begins"})
    body: dict[str, Any] = {"model": dice.choice(MODELS), "messages": messages}
    if dice.random() < 0.25:
        body["tools"] = [TOOL]
    if dice.random() < 0.35:
        body["response_format"] = dice.choice(FORMATS)
    return body


FAILURES = [
    *[Failure(kind, "made up") for kind in (Kind.UNREACHABLE, Kind.SILENT, Kind.GARBLED)],
    Failure(Kind.RATE_LIMITED, "made up", 429, delay=30.0),
    Failure(Kind.RATE_LIMITED, "made up", 429, delay=30.0, scope="upstream"),
    Failure(Kind.QUOTA_SPENT, "made up", 429),
    Failure(Kind.ACCOUNT, "made up", 401),
    Failure(Kind.REGION, "made up", 400),
    Failure(Kind.MODEL_GONE, "made up", 404),
]


def unsettle(lab: House, dice: Random) -> None:
    """Let nobody, somebody or everybody rest: for long, or already due for a probing request."""
    standing, catalog = lab.serving.gateway.standing, lab.serving.gateway.house.catalog
    for name in (*catalog.targets, *lab.serving.gateway.house.upstreams):
        standing.clear(name)
    share = dice.choice([0.0, 0.0, 0.3, 0.6, 1.0])
    for target in catalog.targets.values():
        if dice.random() < share:
            failure, ago = dice.choice(FAILURES), dice.choice([0.0, 0.0, 40.0])
            for _ in range(target.breaker.failures):
                standing.blame(target, failure, time.time() - ago)


def first(told: dict[str, Any]) -> str | None:
    """Return whom *told* says the next request goes to, None where everybody rests."""
    stands = {one["target"]: one["standing"]["state"] for one in told["candidates"]}
    return next((name for name, state in stands.items() if state != "resting"), None)


@pytest.mark.parametrize("seed", range(200))
async def test_the_next_request_does_what_explain_said(seed: int, lab: House) -> None:
    dice = Random(seed)
    unsettle(lab, dice)
    body, before = chat(dice), chats(lab)
    told = (await lab.client.post("/v1/route/explain", json=body)).json()
    assert chats(lab) == before, "explain asked somebody"

    real = await lab.client.post("/v1/chat/completions", json=body)

    assert real.headers["x-portico-role"] == told["role"]
    if not told["candidates"]:
        error, same = real.json()["error"], ("message", "code", "param", "source", "type")
        assert [error[field] for field in same] == [told["error"][field] for field in same]
        assert chats(lab) == before
    elif (expected := first(told)) is not None:
        answered = (real.status_code, real.headers.get("x-portico-target"))
        held = lab.serving.gateway.standing.record(f"target {expected}")
        assert answered == (200, expected), (dict(real.headers), held)
        assert told["candidates"][0]["target"] == expected
        assert real.headers["x-portico-attempts"] == "1"
    else:
        resting = {one["target"] for one in told["candidates"]}
        asked = real.headers.get("x-portico-target")
        assert (
            asked in resting
            or {one["target"] for one in real.json()["error"]["resting"]} == resting
        )


async def test_every_way_was_gone() -> None:
    """The set above holds what it is meant to hold."""
    bodies = [chat(Random(seed)) for seed in range(200)]

    assert {body["model"] for body in bodies} == set(MODELS)
    assert sum("tools" in body for body in bodies) > 20
    assert sum(isinstance(body["messages"][0]["content"], list) for body in bodies) > 20
    assert {body.get("response_format", {}).get("type") for body in bodies} >= {
        *("text", "json_object", "json_schema")
    }


async def test_the_route_is_told_in_full(lab: House) -> None:
    for name in ("google", "siliconflow", *lab.serving.gateway.house.catalog.targets):
        lab.serving.gateway.standing.clear(name)
    content = [
        {"type": "text", "text": "Critique"},
        {"type": "image_url", "image_url": {"url": PNG}},
    ]
    body = {"model": "design", "messages": [{"role": "user", "content": content}]}
    answer = await lab.client.post("/v1/route/explain", json=body)
    told = answer.json()

    assert answer.headers["x-portico-request-id"].startswith("req_")
    assert told["needs"]["modalities"] == ["image", "text"]
    assert told["needs"]["tokens"] > 0
    assert [one["target"] for one in told["candidates"]] == ["gemini-3-flash", "qwen-vl"]
    assert told["candidates"][0] == {
        "target": "gemini-3-flash",
        "tier": 1,
        "upstream": "google",
        "model": "gemini-3-flash-preview",
        "egress": "direct",
        "simulated": False,
        "standing": {"state": "ok"},
        "price": {"input": 0.5, "output": 3.0},
    }
    assert {one["target"]: one["reason"] for one in told["passed"]} == {
        "deepseek-v3": "does not accept image",
        "qwen3-coder": "does not accept image",
    }
    assert "error" not in told


async def test_a_background_task_is_told_by_its_header(lab: House) -> None:
    body = {"model": "gemini-3-flash", "messages": [{"role": "user", "content": "A title, please"}]}
    task = {"x-openwebui-task": "title_generation"}
    told = (await lab.client.post("/v1/route/explain", json=body, headers=task)).json()
    real = await lab.client.post("/v1/chat/completions", json=body, headers=task)

    assert told["role"] == real.headers["x-portico-role"] == "background"


async def test_a_simulated_target_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, upstreams={"google": {"api_key": ""}}) as keyless:
        body = {"model": "gemini-3-flash", "messages": [{"role": "user", "content": "hi"}]}
        told = (await keyless.client.post("/v1/route/explain", json=body)).json()

    assert [one["simulated"] for one in told["candidates"]] == [True]


def test_the_command_line_tells_the_same_without_a_server(tmp_path: Path) -> None:
    from portico.settings import load_settings

    picture = tmp_path / "screen.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    load = lambda: load_settings(None, {})  # noqa: E731 - one line says it best

    seen = explain_offline(load, "What is it?", [picture], "vision")
    assert [one["target"] for one in seen["candidates"]] == ["gemini-3-flash", "qwen-vl"]
    assert seen["candidates"][0]["simulated"]
    with pytest.raises(ModelNotFound):
        explain_offline(load, "hi", [], "nobody")
