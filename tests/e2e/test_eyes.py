"""A picture can never reach a blind model, at any hop, and is never dropped in silence."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.serving import PNG, album, house

pytestmark = pytest.mark.anyio

DATA = base64.b64decode(PNG.partition(",")[2])
IMAGE = {"type": "image_url", "image_url": {"url": PNG}}
SHOT = [{"type": "text", "text": "What is on this screen?"}, IMAGE]
ASKED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "screenshot", "arguments": "{}"}}
    ],
}
ADDRESS = "https://lab.example/a.png"
PLACES: dict[str, list[dict[str, Any]]] = {
    "in the last turn": [{"role": "user", "content": SHOT}],
    "in an earlier turn": [
        {"role": "user", "content": SHOT},
        {"role": "assistant", "content": "A form."},
        {"role": "user", "content": "Shorter, please."},
    ],
    "in a tool result": [
        {"role": "user", "content": "Take a screenshot"},
        ASKED,
        {"role": "tool", "tool_call_id": "call_1", "content": [IMAGE]},
    ],
    "as a bare string": [
        {"role": "user", "content": [{"type": "image_url", "image_url": PNG}]},
    ],
    "as an address": [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": ADDRESS}}],
        },
    ],
    "as Open WebUI sends it": [
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": '<attached_files>\n<file name="a.png"/>\n</attached_files>',
                },
                {"type": "text", "text": "What is this?"},
                IMAGE,
            ],
        },
    ],
}
ROLES = ["auto", "design", "vision", "code", "devops", "background"]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("role", ROLES)
async def test_only_who_can_see_is_ever_asked(role: str, where: str, tmp_path: Path) -> None:
    """All who can see fail, so that every hop there is gets tried."""
    async with album(DATA) as (url, linked), house(tmp_path, pictures=linked) as lab:
        messages = json.loads(json.dumps(PLACES[where]).replace(ADDRESS, url))
        lab.simulator.fault("*", "*", "overloaded", times=None)
        answer = await lab.chat(messages, model=role)
        asked = {call.model for call in lab.simulator.calls if call.work == "chat"}

    assert answer.status_code == 502
    assert asked == {"gemini-3-flash-preview", "Qwen/Qwen3-VL-32B-Instruct"}
    assert lab.simulator.blind == []


@pytest.mark.parametrize("role", ["auto", "design", "vision"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_with_geminis_quota_spent_the_picture_goes_to_qwen_vl(
    role: str, stream: bool, tmp_path: Path
) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("gemini", "*", "rate_limited_day", times=None)
        first = await lab.chat(SHOT, model=role, stream=stream)
        second = await lab.chat(SHOT, model=role, stream=stream)
        gemini = [c for c in lab.simulator.calls if c.upstream == "gemini" and c.work == "chat"]

    assert first.headers["x-portico-target"] == second.headers["x-portico-target"] == "qwen-vl"
    assert [first.headers["x-portico-attempts"], second.headers["x-portico-attempts"]] == ["2", "1"]
    assert len(gemini) == 1, "a spent day is not asked again, whatever delay its body claims"
    assert lab.simulator.blind == []


async def test_nobody_able_to_see_is_422_and_says_who_would(tmp_path: Path) -> None:
    async with house(tmp_path, roles={"code": {"targets": ["deepseek-v3", "qwen3-coder"]}}) as lab:
        role = await lab.chat(SHOT, model="code")
        named = await lab.chat(SHOT, model="deepseek-v3")
        asked = [call for call in lab.simulator.calls if call.work == "chat"]

    for answer in (role, named):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "no_capable_target")
        assert "image" in error["message"]
        assert "gemini-3-flash" in error["message"]
    assert asked == []


async def test_an_operator_may_leave_old_pictures_out(tmp_path: Path) -> None:
    """`old_pictures: stub`: the blind target is asked, and the picture is not sent to it."""
    messages = PLACES["in an earlier turn"]
    role = {"targets": ["deepseek-v3"], "old_pictures": "stub"}
    async with house(tmp_path, roles={"code": role}) as lab:
        old = await lab.chat(messages, model="code")
        new = await lab.chat(SHOT, model="code")

    assert old.headers["x-portico-target"] == "deepseek-v3"
    assert old.headers["x-portico-degraded"] == "old-pictures-left-out"
    assert new.status_code == 422
    assert lab.simulator.blind == []
