"""Full targets are passed over; when all are full the request waits its turn."""

import asyncio
from pathlib import Path

import pytest

from tests.serving import house

pytestmark = pytest.mark.anyio

ONE = {"max_concurrency": 1}


async def test_who_finds_everybody_full_waits_and_is_answered(tmp_path: Path) -> None:
    async with house(tmp_path, targets={"qwen3-coder": ONE}) as lab:
        asked = [lab.chat("LONG 5 DELAY 40", model="qwen3-coder", stream=True) for _ in range(4)]
        answers = await asyncio.gather(*asked)
        rows = await lab.requests()

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [len(row["attempts"]) for row in rows] == [1] * 4


async def test_a_full_target_is_passed_over(tmp_path: Path) -> None:
    async with house(tmp_path, targets={"deepseek-v3": ONE}) as lab:
        asked = [lab.chat("LONG 9 DELAY 60", model="code", stream=True) for _ in range(2)]
        answers = await asyncio.gather(*asked)

    served = {answer.headers["x-portico-target"] for answer in answers}
    assert served == {"deepseek-v3", "qwen3-coder"}


async def test_a_full_queue_is_said_with_a_time_to_come_back(tmp_path: Path) -> None:
    async with house(tmp_path, targets={"qwen3-coder": ONE}, server={"max_waiting": 0}) as lab:
        asked = [lab.chat("LONG 9 DELAY 60", model="qwen3-coder", stream=True) for _ in range(2)]
        answers = sorted(await asyncio.gather(*asked), key=lambda answer: answer.status_code)

    assert [answer.status_code for answer in answers] == [200, 503]
    assert answers[1].json()["error"]["code"] == "gateway_overloaded"
    assert int(answers[1].headers["retry-after"]) > 0


async def test_only_larger_windows_are_asked_after_too_long(tmp_path: Path) -> None:
    small = {"context_window": 1000, "max_output": 500}
    role = {"targets": ["deepseek-v3", "qwen3-coder", "gemini-3-flash"]}
    changes = {"deepseek-v3": small, "qwen3-coder": small}
    async with house(tmp_path, targets=changes, roles={"code": role}) as lab:
        lab.simulator.fault("siliconflow", "*", "too_long", times=None)
        answer = await lab.chat("hello", model="code")

    assert answer.headers["x-portico-target"] == "gemini-3-flash"
    assert answer.headers["x-portico-attempts"] == "2"


async def test_without_old_pictures_nothing_is_left_out(tmp_path: Path) -> None:
    async with house(tmp_path, roles={"design": {"old_pictures": "stub"}}) as lab:
        answer = await lab.chat("no pictures here", model="design")

    assert "x-portico-degraded" not in answer.headers


async def test_a_prompt_that_fits_nobody_is_413(tmp_path: Path) -> None:
    tiny = {"context_window": 20, "max_output": 10}
    role = {"targets": ["deepseek-v3", "qwen3-coder"]}
    changes = {"deepseek-v3": tiny, "qwen3-coder": tiny}
    async with house(tmp_path, targets=changes, roles={"code": role}) as lab:
        answer = await lab.chat("word " * 200, model="code")

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "context_length_exceeded"
