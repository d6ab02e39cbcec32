"""Streams: as they come, truthful in every chunk, and over when they are over."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import PATIENCE, House, house

pytestmark = pytest.mark.anyio

TARGETS = {"gemini": "gemini-3-flash", "siliconflow": "qwen3-coder", "deepseek": "deepseek-flash"}
DEEPSEEK = {
    "deepseek-flash": {
        "upstream": "deepseek",
        "model": "deepseek-flash",
        "patience": PATIENCE,
    }
}
TEXT = "Пейзаж с 🌲 и 水, ещё раз: naïve façade"


async def events(lab: House, text: str, **fields: Any) -> list[str]:
    """Return the `data:` payloads of a stream."""
    answer = await lab.chat(text, stream=True, **fields)
    assert answer.status_code == 200, answer.text
    lines = answer.text.split("\n\n")
    assert lines[-1] == ""
    return [line.removeprefix("data: ") for line in lines[:-1] if line.startswith("data: ")]


def said(chunks: list[str]) -> str:
    """Add the text of *chunks* up."""
    found = ""
    for chunk in chunks:
        if chunk != "[DONE]":
            for choice in json.loads(chunk)["choices"]:
                found += choice["delta"].get("content") or ""
    return found


@pytest.mark.parametrize(("upstream", "target"), TARGETS.items())
async def test_text_survives_utf8_split_across_packets(
    upstream: str, target: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=DEEPSEEK) as lab:
        lab.simulator.fault(upstream, "*", "split_utf8", times=None)
        chunks = await events(lab, f"SAY: {TEXT}", model=target)

    assert said(chunks) == TEXT
    assert chunks.count("[DONE]") == 1
    assert chunks[-1] == "[DONE]"


@pytest.mark.parametrize(("upstream", "target"), TARGETS.items())
async def test_nothing_of_a_provider_passes_but_a_chats_fields(
    upstream: str, target: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=DEEPSEEK) as lab:
        lab.simulator.fault(upstream, "*", "extra_fields", times=1)
        chunks = await events(lab, "LONG 5", model=target)
        lab.simulator.fault(upstream, "*", "extra_fields", times=1)
        whole = (await lab.chat("LONG 5", model=target)).json()

    allowed = {"id", "object", "created", "model", "choices"}
    for chunk in chunks[:-1]:
        told = json.loads(chunk)
        assert set(told) == allowed
        assert set(told["choices"][0]) == {"index", "delta", "finish_reason"}
        assert set(told["choices"][0]["delta"]) <= {"role", "content", "reasoning_content"}
    assert set(whole) == allowed | {"usage"}


@pytest.mark.parametrize(("upstream", "target"), TARGETS.items())
async def test_model_is_the_target_whatever_the_provider_claims(
    upstream: str, target: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=DEEPSEEK) as lab:
        lab.simulator.fault(upstream, "*", "wrong_model", times=2)
        chunks = await events(lab, "LONG 5", model=target)
        whole = (await lab.chat("LONG 5", model=target)).json()

    assert {json.loads(chunk)["model"] for chunk in chunks[:-1]} == {target}
    assert whole["model"] == target


CUTS = ["truncated", "cut", "stall", "error_in_stream"]


@pytest.mark.parametrize("fault", CUTS)
@pytest.mark.parametrize(("upstream", "target"), TARGETS.items())
async def test_a_cut_answer_never_looks_complete(
    upstream: str, target: str, fault: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=DEEPSEEK) as lab:
        lab.simulator.fault(upstream, "*", fault, times=None, after=3)
        chunks = await events(lab, "LONG 40", model=target)
        (row,) = await lab.requests()

    last = json.loads(chunks[-1])
    assert "[DONE]" not in chunks
    assert "choices" not in last
    assert last["error"]["code"] == "stream_broken"
    assert last["error"]["attempts"][0]["target"] == target
    assert all(json.loads(chunk)["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])
    assert (row["outcome"], row["attempts"][0]["outcome"]) == ("broken", "broken")


async def abandon(lab: House, text: str, chunks: int, **fields: Any) -> None:
    """Ask, read some chunks, and leave."""
    body = {"stream": True, "messages": [{"role": "user", "content": text}], **fields}
    async with lab.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines: AsyncIterator[str] = answer.aiter_lines()
        for _ in range(2 * chunks):
            await anext(lines)


async def until(true: Any, seconds: float = 3.0) -> None:
    """Wait until *true()*."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for happens in a server
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("upstream", "target"), TARGETS.items())
async def test_a_client_who_leaves_midway_hangs_up_the_upstream(
    upstream: str, target: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=DEEPSEEK) as lab:
        await abandon(lab, "LONG 500 DELAY 20", 3, model=target)
        await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])
        (row,) = await lab.requests()
        standing = (await lab.client.get("/api/standing")).json()

    assert row["outcome"] == row["attempts"][0]["outcome"] == "abandoned"
    assert standing["held"] == [], "nobody's fault"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_client_who_leaves_before_the_first_delta_hangs_up_the_upstream(
    stream: bool, tmp_path: Path
) -> None:
    patient = {"qwen3-coder": {"patience": {"first_delta": 60, "total": 60}}}
    async with house(tmp_path, targets=patient) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        asking = asyncio.create_task(lab.chat("hi", model="qwen3-coder", stream=stream))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        asking.cancel()
        await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])
        await until(lambda: lab.serving.gateway.in_flight == 0)
        (row,) = await lab.requests()

    assert row["outcome"] == "abandoned"


async def test_comments_hold_the_connection_while_nobody_has_said_anything(tmp_path: Path) -> None:
    patient = {"qwen3-coder": {"patience": {"first_delta": 60}}}
    async with house(tmp_path, targets=patient, server={"keep_alive": 0.2}) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.9)
        answer = await lab.chat("LONG 3", model="qwen3-coder", stream=True)

    assert answer.text.startswith(": keep-alive\n\n: keep-alive\n\n")
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_a_failure_after_the_first_comment_is_an_event(tmp_path: Path) -> None:
    async with house(tmp_path, server={"keep_alive": 0.2}) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        answer = await lab.chat("LONG 3", model="qwen3-coder", stream=True)

    assert answer.status_code == 200
    assert "[DONE]" not in answer.text
    event = json.loads(answer.text.rpartition("data: ")[2])
    assert event["error"]["code"] == "unanswered"


async def test_failing_over_before_the_first_delta_is_not_seen(tmp_path: Path) -> None:
    """Role-only chunks and empty strings do not start an answer."""
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "deepseek-ai/DeepSeek-V3", "cut", times=None, after=0)
        lab.simulator.fault(
            "siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct", "error_in_stream", after=0
        )
        chunks = await events(lab, "SAY: whole", model="code")

    assert said(chunks) == "whole"
    assert {json.loads(chunk)["model"] for chunk in chunks[:-1]} == {"gemini-3-flash"}


async def test_a_slow_reader_does_not_grow_memory(tmp_path: Path) -> None:
    """Nobody reads; what is under way is bounded by the sockets' buffers and ours."""
    async with house(tmp_path, targets={"qwen3-coder": {"patience": {"idle": 60}}}) as lab:
        lab.simulator.fault("siliconflow", "*", "huge_chunk", times=None, bytes=30_000_000)
        host, port = lab.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        body = json.dumps(
            {"model": "qwen3-coder", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        )
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        await asyncio.sleep(0.5)
        assert lab.serving.gateway.in_flight <= 1
        writer.close()
        await until(lambda: lab.serving.gateway.in_flight == 0)
        del reader
