"""Clocks: one dead target never eats the time of all, and a slow one may be overtaken."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.e2e.test_streams import events, said, until
from tests.serving import house

pytestmark = pytest.mark.anyio

V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")
CODER = ("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct")
PATIENT = {"patience": {"first_delta": 60, "total": 60}}
ALL_PATIENT = dict.fromkeys(("gemini-3-flash", "deepseek-v3", "qwen3-coder", "qwen-vl"), PATIENT)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_callers_time_is_shared_between_the_targets(stream: bool, tmp_path: Path) -> None:
    """Each would wait a minute; together they have six seconds, and the last one answers."""
    async with house(tmp_path, targets=ALL_PATIENT, server={"answer_within": 6}) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        answer = await lab.chat("hello", model="code", stream=stream)
        (row,) = await lab.requests()

    assert answer.status_code == 200
    assert answer.headers["x-portico-target"] == "gemini-3-flash"
    assert [one["kind"] for one in row["attempts"]] == ["silent", "silent", None]
    assert row["attempts"][0]["took"] > row["attempts"][1]["took"]


async def test_the_time_of_all_together_ends(tmp_path: Path) -> None:
    async with house(tmp_path, targets=ALL_PATIENT, server={"answer_within": 1}) as lab:
        lab.simulator.fault("*", "*", "silent", times=None)
        async with asyncio.timeout(20):
            answer = await lab.chat("hello", model="code")

    assert answer.status_code == 504
    assert len(answer.json()["error"]["attempts"]) == 4


async def test_a_slow_first_target_is_overtaken_and_hung_up(tmp_path: Path) -> None:
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": {"hedge_after": 0.2}}) as lab:
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=30)
        chunks = await events(lab, "SAY: quick", model="code")
        await until(lambda: "abandoned" in [bill.status for bill in lab.simulator.bills])
        (row,) = await lab.requests()

    assert said(chunks) == "quick"
    assert {json.loads(chunk)["model"] for chunk in chunks[:-1]} == {"qwen3-coder"}
    ended = {one["target"]: one["outcome"] for one in row["attempts"]}
    assert ended == {"deepseek-v3": "abandoned", "qwen3-coder": "answered"}, "both are booked"


async def test_a_first_target_that_answers_in_time_is_not_overtaken(tmp_path: Path) -> None:
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": {"hedge_after": 20}}) as lab:
        chunks = await events(lab, "SAY: quick", model="code")
        asked = {call.model for call in lab.simulator.calls if call.work == "chat"}

    assert said(chunks) == "quick"
    assert asked == {V3[1]}


async def test_nobody_with_a_scarce_quota_is_asked_only_to_be_faster(tmp_path: Path) -> None:
    role = {"targets": ["deepseek-v3", "gemini-3-flash"], "hedge_after": 0.1}
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": role}) as lab:
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=0.6)
        chunks = await events(lab, "SAY: patient", model="code")
        asked = {call.upstream for call in lab.simulator.calls if call.work == "chat"}

    assert said(chunks) == "patient"
    assert asked == {"siliconflow"}


async def test_a_hedge_goes_on_to_the_others_when_both_fail(tmp_path: Path) -> None:
    role = {"targets": ["deepseek-v3", "qwen3-coder", "gemini-3-flash"], "hedge_after": 0.1}
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": role}) as lab:
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=0.5)
        lab.simulator.fault(*V3, "overloaded", times=None)
        lab.simulator.fault(*CODER, "overloaded", times=None)
        chunks = await events(lab, "SAY: whole", model="code")

    assert said(chunks) == "whole"


async def test_only_so_many_requests_are_hedged(tmp_path: Path) -> None:
    role = {"hedge_after": 0.05}
    server = {"hedge_share": 0.0}
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": role}, server=server) as lab:
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=0.5)
        await events(lab, "SAY: patient", model="code")
        asked = {call.model for call in lab.simulator.calls if call.work == "chat"}

    assert asked == {V3[1]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_refusal_that_comes_first_is_told_as_one(stream: bool, tmp_path: Path) -> None:
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": {"hedge_after": 20}}) as lab:
        lab.simulator.fault(*V3, "data_inspection_failed", times=None)
        answer = await lab.chat(stream=stream)

    assert answer.status_code == 200
    assert '"finish_reason":"content_filter"' in answer.text


async def test_an_error_does_not_say_that_the_caller_left_whom_it_tells_so(tmp_path: Path) -> None:
    async with house(tmp_path, targets=ALL_PATIENT, roles={"code": {"hedge_after": 0.1}}) as lab:
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=30)
        lab.simulator.fault(*CODER, "cut", times=None)
        shape = {"type": "json_object"}  # which nobody goes on with
        chunks = await events(lab, "Give me json", model="code", response_format=shape)

    slow, cut = json.loads(chunks[-1])["error"]["attempts"]
    assert (slow["target"], cut["target"]) == ("deepseek-v3", "qwen3-coder")
    assert (slow["kind"], slow["message"]) == (
        "abandoned",
        "hung up on, because another target was faster",
    )
