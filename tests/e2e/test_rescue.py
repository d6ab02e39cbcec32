"""A stream that breaks after the first delta is gone on with by the next who can."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_chat import WEATHER
from tests.e2e.test_streams import events, said
from tests.serving import PATIENCE, house

pytestmark = pytest.mark.anyio

TEXT = (
    "First the hierarchy: the title is smaller than its labels. Second the spacing, which changes "
    "from 8 to 14 pixels for no reason. Third the contrast of the grey hint, far under 4.5 to 1. "
    "Last of all the button, which nobody will find below the fold."
)
BREAKS = ["truncated", "cut", "stall", "error_in_stream"]
V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")
CODER = ("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct")
TWO = {"targets": ["gemini-3-flash", "deepseek-v3"]}


@pytest.mark.parametrize("fault", BREAKS)
async def test_a_broken_stream_is_gone_on_with_seamlessly(fault: str, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, fault, times=None, after=9)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")
        (row,) = await lab.requests()

    assert said(chunks) == TEXT
    assert chunks[-1] == "[DONE]"
    models = [json.loads(chunk)["model"] for chunk in chunks[:-1]]
    assert models == sorted(models), "one seam, and the truth on both of its sides"
    assert set(models) == {"deepseek-v3", "qwen3-coder"}
    told = json.loads(chunks[-2])["portico"]["rescued"]
    assert told == {"from": "deepseek-v3", "to": "qwen3-coder", "kind": "continued"}
    assert [one["outcome"] for one in row["attempts"]] == ["broken", "answered"]
    assert (row["outcome"], row["target"]) == ("answered", "qwen3-coder")
    assert row["degraded"] == "rescued-continued"


async def test_a_rescuer_that_breaks_is_rescued_too(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, "cut", times=None, after=9)
        lab.simulator.fault(*CODER, "stall", times=None, after=7)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")

    assert said(chunks) == TEXT
    assert json.loads(chunks[-2])["model"] == "gemini-3-flash"


async def test_a_rescuer_that_does_not_start_is_passed(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, "cut", times=None, after=9)
        lab.simulator.fault(*CODER, "overloaded", times=None)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")
        (row,) = await lab.requests()

    assert said(chunks) == TEXT
    assert [one["outcome"] for one in row["attempts"]] == ["broken", "failed", "answered"]


async def test_with_nobody_left_the_break_is_said(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("*", "*", "cut", times=None, after=9)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")

    error = json.loads(chunks[-1])["error"]
    assert "[DONE]" not in chunks
    assert TEXT.startswith(said(chunks[:-1]))
    assert error["code"] == "stream_broken"
    assert len(error["attempts"]) == 4


async def test_who_breaks_after_a_repair_is_not_asked_to_rescue_itself(tmp_path: Path) -> None:
    async with house(tmp_path, roles={"code": TWO}) as lab:
        lab.simulator.fault("gemini", "*", "signature_missing")
        lab.simulator.fault("gemini", "*", "truncated", after=9)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")
        (row,) = await lab.requests()

    assert said(chunks) == TEXT
    asked = [one["target"] for one in row["attempts"]]
    assert asked == ["gemini-3-flash", "gemini-3-flash", "deepseek-v3"]


SPLICED_NEVER: dict[str, dict[str, Any]] = {
    "tools": {"tools": [WEATHER], "text": "What is the weather in Perm?"},
    "json": {"response_format": {"type": "json_object"}, "text": "Give me json"},
    "choices": {"n": 2, "text": f"SAY: {TEXT}"},
}


@pytest.mark.parametrize("what", SPLICED_NEVER)
async def test_tool_calls_json_and_several_choices_are_never_spliced(
    what: str, tmp_path: Path
) -> None:
    fields = dict(SPLICED_NEVER[what])
    text = fields.pop("text")
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, "cut", times=None, after=2)
        chunks = await events(lab, text, model="code", **fields)
        asked = {call.model for call in lab.simulator.calls if call.work == "chat"}

    assert json.loads(chunks[-1])["error"]["code"] == "stream_broken"
    assert asked == {V3[1]}


async def test_a_role_may_be_without_rescue(tmp_path: Path) -> None:
    async with house(tmp_path, roles={"code": {"rescue": "off"}}) as lab:
        lab.simulator.fault(*V3, "cut", times=None, after=9)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")

    assert json.loads(chunks[-1])["error"]["code"] == "stream_broken"


async def test_a_prefilling_rescuer_is_given_the_text_as_its_own(tmp_path: Path) -> None:
    prefills = {"qwen3-coder": {"features": ["tools", "json_object", "prefill"]}}
    async with house(tmp_path, targets=prefills) as lab:
        lab.simulator.fault(*V3, "cut", times=None, after=9)
        chunks = await events(lab, f"SAY: {TEXT}", model="code")
        last = [call for call in lab.simulator.calls if call.work == "chat"][-1].body["messages"][
            -1
        ]

    assert said(chunks) == TEXT
    assert last["role"] == "assistant"
    assert TEXT.startswith(last["content"])


async def test_thoughts_are_never_shown_twice(tmp_path: Path) -> None:
    thinking = {
        "deepseek-flash": {
            "upstream": "deepseek",
            "model": "deepseek-flash",
            "features": ["thinking"],
            "patience": PATIENCE,
        }
    }
    role = {"targets": ["deepseek-flash", "gemini-3-flash"]}
    async with house(tmp_path, targets=thinking, roles={"code": role}) as lab:
        lab.simulator.fault("deepseek", "*", "cut", times=None, after=2)
        chunks = await events(lab, f"SAY: {TEXT}", model="code", reasoning_effort="high")

    deltas = [json.loads(chunk) for chunk in chunks[:-1]]
    thought = [
        one["model"] for one in deltas if one["choices"][0]["delta"].get("reasoning_content")
    ]
    assert said(chunks) == TEXT
    assert set(thought) == {"deepseek-flash"}
