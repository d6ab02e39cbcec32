"""Right answers, badly delivered, as a client on a socket sees them."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest

from portico.simulator.faults import UPSTREAMS

from .conftest import GEMINI, Bench, events, texts

pytestmark = pytest.mark.anyio

TEXT = "SAY: one two three four"


async def received(bench: Bench, upstream: str, text: str = TEXT) -> tuple[bytes, str]:
    """Return what came of a stream, and what broke it."""
    got = b""
    try:
        async with bench.stream(upstream, text) as response:
            async for chunk in response.aiter_raw():
                got += chunk
    except httpx.HTTPError as error:
        return got, type(error).__name__
    return got, ""


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_truncated_stream_ends_cleanly_without_a_finish(
    bench: Bench, upstream: str
) -> None:
    bench.simulator.fault(upstream, "*", "truncated", after=2)
    got, error = await received(bench, upstream)
    assert not error
    assert got
    for mark in (b"finishReason", b'"finish_reason":"stop"', b"[DONE]", b"message_stop"):
        assert mark not in got
    assert bench.simulator.bills[0].status == "cut"


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_cut_stream_is_reset_after_so_many_deltas(bench: Bench, upstream: str) -> None:
    bench.simulator.fault(upstream, "*", "cut", after=1)
    got, error = await received(bench, upstream)
    assert got
    assert error == "ReadError"
    [bill] = bench.simulator.bills
    assert bill.status == "cut"
    assert bill.input > 0


async def test_the_deltas_before_the_cut_arrive_and_are_billed(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "cut", after=2)
    got, _ = await received(bench, "openai")
    assert texts(events(httpx.Response(200, content=got))) == "one two "
    assert bench.simulator.bills[0].output == 2


async def test_a_cut_may_come_right_after_the_headers(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "cut", after=0)
    assert await received(bench, "openai") == (b"", "ReadError")
    assert bench.simulator.bills[0].status == "cut"


async def test_a_cut_may_come_before_the_headers(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "cut", before_headers=True)
    with pytest.raises(httpx.ReadError):
        await bench.ask("gemini")
    assert bench.simulator.bills[0].status == "failed"
    assert (await bench.ask("gemini")).is_success


async def test_a_cut_longer_than_the_answer_still_leaves_it_unfinished(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "truncated", after=1000)
    got, _ = await received(bench, "openai")
    assert b"four" in got
    assert b'"finish_reason":"stop"' not in got


@pytest.mark.parametrize("name", ["cut", "truncated"])
async def test_a_whole_answer_is_broken_in_its_middle(bench: Bench, name: str) -> None:
    bench.simulator.fault("openai", "*", name)
    if name == "cut":
        with pytest.raises(httpx.ReadError):
            await bench.ask("openai")
    else:
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode((await bench.ask("openai")).content)
    assert bench.simulator.bills[0].status == "cut"


async def test_a_stall_holds_the_stream_after_so_many_deltas(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "stall", after=2, seconds=600)
    async with bench.stream("openai", TEXT) as response:
        got = b""
        async for chunk in response.aiter_raw():
            got += chunk
            if b"two " in got:
                break
        assert b"three" not in got
    await until_billed(bench)
    assert [bill.status for bill in bench.simulator.bills] == ["abandoned"]
    assert bench.simulator.bills[0].output == 2


async def test_a_stall_that_ends_lets_the_rest_through(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "stall", seconds=0.01)
    got, error = await received(bench, "openai")
    assert not error
    assert got.endswith(b"data: [DONE]\n\n")
    assert bench.simulator.bills[0].status == "finished"


async def test_silence_is_noticed_only_by_leaving(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "silent")
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.post(
            f"{GEMINI}:generateContent",
            json={"contents": [{"parts": [{"text": "hello"}]}]},
            timeout=0.05,
        )
    await until_billed(bench)
    assert bench.simulator.bills[0].status == "abandoned"
    assert bench.simulator.bills[0].output == 0


async def test_deepseek_keeps_a_waiting_caller_company(bench: Bench) -> None:
    bench.simulator.fault("deepseek", "*", "slow_first", times=2, seconds=0.02)
    streamed = (await bench.ask("deepseek", stream=True)).text
    assert streamed.startswith(": keep-alive\n\n: keep-alive\n\n")
    assert streamed.endswith("data: [DONE]\n\n")
    whole = await bench.ask("deepseek")
    assert whole.text.startswith("\n\n")
    assert whole.json()["choices"]


async def test_others_say_nothing_before_the_first_delta(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "slow_first", seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        async with bench.client.stream(
            "POST",
            "/siliconflow/v1/chat/completions",
            json={"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True},
            timeout=0.05,
        ):
            pass


async def test_the_headers_may_come_long_before_the_first_delta(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "slow_first", seconds=600, headers=True)
    async with bench.stream("siliconflow") as response:
        assert response.status_code == 200


async def test_bytes_may_come_one_by_one(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "split_utf8")
    said = "ünïcödé 日本語 🙂 end"
    sizes = []
    got = b""
    async with bench.stream("openai", f"SAY: {said}") as response:
        async for chunk in response.aiter_raw():
            sizes.append(len(chunk))
            got += chunk
    assert texts(events(httpx.Response(200, content=got))) == said
    assert sizes.count(1) > 300


async def test_a_huge_chunk_is_one_event(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "huge_chunk", bytes=300_000)
    chunks = events(await bench.ask("gemini", stream=True))
    assert len(chunks) == 2
    assert len(texts(chunks)) == 300_000


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_an_error_may_come_in_the_middle_of_a_stream(bench: Bench, upstream: str) -> None:
    bench.simulator.fault(upstream, "*", "error_in_stream", after=1)
    response = await bench.ask(upstream, TEXT, stream=True)
    assert response.status_code == 200
    assert "one" in response.text or upstream == "deepseek"  # which begins with its thoughts
    assert "three" not in response.text
    tail = response.text.strip().split("\n")[-1].removeprefix("data: ")
    body = msgspec.json.decode(tail)
    assert body["code"] == 50505 if upstream == "siliconflow" else body["error"]
    assert bench.simulator.bills[0].status == "cut"


async def test_geminis_raw_error_has_no_data_prefix_and_several_lines(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "error_in_stream", variant="raw")
    response = await bench.ask("gemini", TEXT, stream=True)
    raw = response.text.split("\r\n\r\n")[-1]
    assert raw.startswith("{\n")
    assert msgspec.json.decode(raw)["error"]["status"] == "UNAVAILABLE"


async def test_an_error_in_an_array_leaves_it_valid(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "error_in_stream")
    body = {"contents": [{"parts": [{"text": TEXT}]}]}
    response = await bench.client.post(f"{GEMINI}:streamGenerateContent", json=body)
    assert response.json()[-1]["error"]["code"] == 503


async def test_a_whole_answer_fails_instead_of_breaking(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "error_in_stream")
    assert (await bench.ask("siliconflow")).status_code == 503


async def test_delay_leaves_time_between_the_deltas(bench: Bench) -> None:
    """A caller that leaves during the delay has got only part, and is billed only for that."""
    async with AsyncExitStack() as stack:
        opened = bench.stream("openai", "LONG 500 DELAY 5")
        response: Any = await stack.enter_async_context(opened)
        async for _ in response.aiter_raw():
            break
    await until_billed(bench)
    [bill] = bench.simulator.bills
    assert bill.status == "abandoned"
    assert bill.output < 100


async def until_billed(bench: Bench) -> None:
    async with asyncio.timeout(10):
        while not bench.simulator.bills:
            await bench.client.get("/_control")
