"""JSON that was asked for and is none: mended by the next target, or said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_streams import events
from tests.serving import house

pytestmark = pytest.mark.anyio

JSON: dict[str, Any] = {"response_format": {"type": "json_object"}}
V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")


async def test_an_answer_that_is_not_the_json_asked_for_is_mended_by_the_next(
    tmp_path: Path,
) -> None:
    """`SAY` makes the simulator say just that, whatever format was asked for."""
    async with house(tmp_path) as lab:
        answer = await lab.chat('SAY: {"cut": [1, 2', model="code", **JSON)
        (row,) = await lab.requests()
        bills = [bill for bill in lab.simulator.bills if bill.output]

    assert answer.headers["x-portico-degraded"] == "invalid-json"
    assert [one["kind"] for one in row["attempts"]] == ["incapable", None], "once, not for ever"
    assert [one["output"] for one in row["attempts"]] == [bill.output for bill in bills]


async def test_json_stays_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat('SAY: {"whole": [1, 2]}', model="code", **JSON)

    assert json.loads(answer.json()["choices"][0]["message"]["content"]) == {"whole": [1, 2]}
    assert "x-portico-degraded" not in answer.headers
    assert answer.headers["x-portico-attempts"] == "1"


async def test_a_stream_that_is_not_the_json_asked_for_is_marked(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        broken = await events(lab, 'SAY: {"cut": [1, 2', model="code", **JSON)
        (row,) = await lab.requests()
        sound = await events(lab, 'SAY: {"whole": [1, 2]}', model="code", **JSON)

    assert json.loads(broken[-2])["portico"] == {"invalid_json": True}
    assert row["degraded"] == "invalid-json"
    assert "portico" not in json.loads(sound[-2])


async def test_an_answer_cut_for_length_is_not_asked_again(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat('SAY: {"cut": [1, 2, 3]}', model="code", max_tokens=2, **JSON)

    assert answer.json()["choices"][0]["finish_reason"] == "length"
    assert answer.headers["x-portico-attempts"] == "1"
