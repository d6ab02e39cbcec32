import asyncio
import base64
import gc
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from portico.chat.reply import Usage
from portico.egress.paths import Tunnel, Via
from portico.routing.attempts import Kind
from portico.routing.tiers import Price
from portico.upstreams.litellm import BUILT, library, prices
from tests.upstreams.litellm_calls import (
    KEY,
    MODELS,
    answer,
    asked_at,
    batches,
    bill,
    called,
    failing,
    simulated,
)
from tests.upstreams.openai_asks import ask, user

pytestmark = [
    pytest.mark.anyio,
    # LiteLLM's own, at the end of a stream; silent where warnings are not errors.
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
]

PROVIDERS = pytest.mark.parametrize("provider", ["anthropic", "ollama", "openai"])
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 40, 30) + b"\x08\x06\0\0\0" + bytes(99)
).decode()
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


# -- answers


@PROVIDERS
@STREAMED
async def test_an_answer_comes_whole_with_its_usage(provider: str, stream: bool) -> None:
    async with simulated(provider) as (upstream, simulator):
        asked = ask("SAY: grüße 世界 hello", model=MODELS[provider], stream=stream)
        reply = await answer(upstream, asked)
        paid = await bill(simulator)
    assert [choice.text for choice in reply.choices] == ["grüße 世界 hello"]
    assert reply.choices[0].finish == "stop"
    assert reply.usage == Usage(paid.input, paid.output)
    assert (paid.status, len(simulator.calls)) == ("finished", 1)


@PROVIDERS
async def test_a_stream_comes_in_pieces(provider: str) -> None:
    async with simulated(provider) as (upstream, _):
        found = await batches(upstream, ask("LONG 20", model=MODELS[provider], stream=True))
    assert len(found) > 10
    assert not any(delta.finish for batch in found[:-2] for delta in batch)


@PROVIDERS
@STREAMED
async def test_an_answer_that_hits_its_bound_says_so(provider: str, stream: bool) -> None:
    async with simulated(provider) as (upstream, _):
        asked = ask("LONG 300", model=MODELS[provider], stream=stream, max_tokens=10)
        reply = await answer(upstream, asked)
    assert reply.choices[0].finish == "length"


@PROVIDERS
@STREAMED
async def test_a_tool_is_called_and_its_result_answered(provider: str, stream: bool) -> None:
    question = user("What is the weather in Hamburg?")
    model = MODELS[provider]
    async with simulated(provider) as (upstream, _):
        first = await answer(upstream, ask([question], model=model, tools=[WEATHER], stream=stream))
        (call,) = first.choices[0].tool_calls
        told = {"name": call.name, "arguments": call.arguments}
        messages = [
            question,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": call.id, "type": "function", "function": told}],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
        ]
        asked = ask(messages, model=model, tools=[WEATHER], stream=stream)
        second = await answer(upstream, asked)
    assert first.choices[0].finish == "tool_calls"
    assert call.id
    assert call.name == "get_weather"
    assert call.arguments.startswith("{")
    assert second.choices[0].finish == "stop"
    assert "sunny, 21 degrees" in second.choices[0].text


@PROVIDERS
@STREAMED
async def test_a_picture_is_seen(provider: str, stream: bool) -> None:
    parts = [{"type": "text", "text": "What is this?"}, PICTURE]
    async with simulated(provider) as (upstream, _):
        asked = ask([user("") | {"content": parts}], model=MODELS[provider], stream=stream)
        reply = await answer(upstream, asked)
    assert "40 x 30 pixels" in reply.choices[0].text


@STREAMED
async def test_reasoning_is_told_apart(stream: bool) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with simulated("anthropic") as (upstream, _):
        asked = ask("SAY: hello", model=MODELS["anthropic"], thinking=thinking, stream=stream)
        reply = await answer(upstream, asked)
    assert reply.choices[0].reasoning.startswith("Thinking it over")
    assert reply.choices[0].text == "hello"


@STREAMED
async def test_cached_tokens_are_counted_as_part_of_the_input(stream: bool) -> None:
    async with simulated("anthropic") as (upstream, simulator):
        asked = ask("CACHED 50 " + "word " * 100, model=MODELS["anthropic"], stream=stream)
        reply = await answer(upstream, asked)
        paid = await bill(simulator)
    assert reply.usage is not None
    assert (reply.usage.cached, reply.usage.input) == (paid.cached, paid.input)
    assert paid.cached == 50


async def test_what_a_provider_cannot_be_told_is_left_out_or_refused_by_name() -> None:
    async with simulated("anthropic") as (upstream, simulator):
        model = MODELS["anthropic"]
        await answer(upstream, ask(model=model, seed=3, user="someone", logit_bias={}))
        said, failure = await failing(upstream, ask(model=model, logit_bias={"50256": -100}))
    assert "seed" not in simulator.calls[0].body
    assert len(simulator.calls) == 1
    assert (said, failure.kind) == ("", Kind.INCAPABLE)
    assert "`logit_bias`" in failure.detail


async def test_an_argument_of_litellms_own_is_not_taken_from_the_body() -> None:
    strange = {"mock_response": "fake", "api_base": "http://elsewhere.invalid", "fallbacks": ["x"]}
    async with simulated("openai") as (upstream, simulator):
        reply = await answer(upstream, ask("SAY: true", model="some-model", **strange))
    assert reply.choices[0].text == "true"
    assert len(simulator.calls) == 1


async def test_an_answer_may_repeat_itself() -> None:
    async with simulated("ollama") as (upstream, _):
        asked = ask("SAY: " + "na " * 300, model="llama3.3", stream=True)
        reply = await answer(upstream, asked)
    assert reply.choices[0].text.count("na") == 300


# -- failures


ERRORS = [
    ("rate_limited_header", Kind.RATE_LIMITED),
    ("invalid_key", Kind.ACCOUNT),
    ("forbidden", Kind.ACCOUNT),
    ("model_gone", Kind.MODEL_GONE),
    ("internal", Kind.UNAVAILABLE),
    ("overloaded", Kind.UNAVAILABLE),
    ("timeout_504", Kind.UNAVAILABLE),
    ("bad_request", Kind.REJECTED),
    ("html_200", Kind.GARBLED),
    ("empty_body", Kind.UNAVAILABLE),
]


@PROVIDERS
@STREAMED
@pytest.mark.parametrize(("fault", "kind"), ERRORS, ids=[name for name, _ in ERRORS])
async def test_an_error_is_what_the_provider_said(
    provider: str, stream: bool, fault: str, kind: Kind
) -> None:
    async with simulated(provider) as (upstream, simulator):
        simulator.fault(provider, "*", fault)
        said, failure = await failing(upstream, ask(model=MODELS[provider], stream=stream))
        again = await answer(upstream, ask("SAY: back", model=MODELS[provider], stream=stream))
    assert (said, failure.kind) == ("", kind)
    assert again.choices[0].text == "back"
    assert len(simulator.calls) == 2, "a retry that nobody asked for"


@PROVIDERS
@STREAMED
async def test_a_limit_lasts_as_long_as_the_provider_says(provider: str, stream: bool) -> None:
    async with simulated(provider) as (upstream, simulator):
        simulator.fault(provider, "*", "rate_limited_header", delay=2.5)
        _, failure = await failing(upstream, ask(model=MODELS[provider], stream=stream))
    assert (failure.status, failure.delay) == (429, 2.5)


async def test_an_overloaded_anthropic_is_unavailable() -> None:
    async with simulated("anthropic") as (upstream, simulator):
        simulator.fault("anthropic", "*", "overloaded")
        _, failure = await failing(upstream, ask(model=MODELS["anthropic"], stream=True))
    assert (failure.kind, failure.status, failure.detail) == (Kind.UNAVAILABLE, 529, "Overloaded")


@PROVIDERS
@STREAMED
@pytest.mark.parametrize("fault", ["cut", "truncated"])
async def test_a_cut_answer_is_never_finished(provider: str, stream: bool, fault: str) -> None:
    async with simulated(provider) as (upstream, simulator):
        simulator.fault(provider, "*", fault)
        said, failure = await failing(upstream, ask(model=MODELS[provider], stream=stream))
    assert failure.kind is Kind.UNAVAILABLE
    assert bool(said) is stream


@PROVIDERS
async def test_an_error_inside_a_stream_is_told_as_it_was_said(provider: str) -> None:
    async with simulated(provider) as (upstream, simulator):
        simulator.fault(provider, "*", "error_in_stream")
        said, failure = await failing(upstream, ask(model=MODELS[provider], stream=True))
    assert said
    assert failure.kind is Kind.UNAVAILABLE
    assert "overload" in failure.detail.lower() or "busy" in failure.detail


@PROVIDERS
@STREAMED
async def test_no_connection_is_unreachable_and_not_tried_twice(
    provider: str, stream: bool
) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with asked_at(provider, f"http://127.0.0.1:{port}") as upstream:
        _, failure = await failing(upstream, ask(model=MODELS[provider], stream=stream))
    assert failure.kind is Kind.UNREACHABLE


# -- raw servers


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says *answers*, one a connection, and notes what it was sent."""
    heard: list[bytes] = []
    left = list(answers)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l")]
            heard.append(head + await reader.readexactly(sum(int(line[16:]) for line in sizes)))
            writer.write(left.pop(0) if left else b"")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def http(body: bytes, media: str = "text/event-stream", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


SPOKE = (
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
)
ENDED = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("provider", ["openai", "deepseek", "mistral", "xai"])
async def test_a_made_up_finish_is_not_believed(provider: str) -> None:
    async with (
        serving(http(SPOKE + DONE)) as (url, heard),
        asked_at(provider, url) as upstream,
    ):
        said, failure = await failing(upstream, ask(stream=True))
    assert (said, failure.kind) == ("Hi", Kind.UNAVAILABLE)
    assert len(heard) == 1


async def test_gemini_through_litellm_cannot_be_cut_unnoticed() -> None:
    event = b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]}}]}\n\n'
    async with serving(http(event)) as (url, _), asked_at("gemini", url) as upstream:
        said, failure = await failing(upstream, ask(stream=True))
    assert (said, failure.kind) == ("Hi", Kind.UNAVAILABLE)


@pytest.mark.parametrize("provider", ["openai", "deepseek"])
async def test_only_done_is_no_answer(provider: str) -> None:
    async with serving(http(DONE)) as (url, _), asked_at(provider, url) as upstream:
        _, failure = await failing(upstream, ask(stream=True))
    assert (failure.kind, failure.detail) == (Kind.UNAVAILABLE, "empty answer")


async def test_a_siliconflow_error_inside_a_stream_is_found() -> None:
    busy = b'data: {"code":50505,"message":"Model service overloaded.","data":null}\n\n'
    async with serving(http(SPOKE + busy)) as (url, _), asked_at("openai", url) as upstream:
        _, failure = await failing(upstream, ask(stream=True))
    assert (failure.kind, failure.detail) == (Kind.UNAVAILABLE, "Model service overloaded.")


async def test_a_usage_that_nobody_counted_is_not_made_up() -> None:
    async with (
        serving(http(SPOKE + ENDED + DONE)) as (url, _),
        asked_at("openai", url) as upstream,
    ):
        reply = await answer(upstream, ask(stream=True))
    assert (reply.choices[0].text, reply.usage) == ("Hi", None)


async def test_a_loss_after_the_end_loses_nothing() -> None:
    short = http(SPOKE + ENDED).replace(b"content-length: ", b"content-length: 9")
    async with serving(short) as (url, _), asked_at("openai", url) as upstream:
        reply = await answer(upstream, ask(stream=True))
    assert (reply.choices[0].text, reply.choices[0].finish) == ("Hi", "stop")


async def test_a_redirect_is_not_followed() -> None:
    async with serving() as (elsewhere, visits):
        moved = http(b"", status=f"307 Moved\r\nlocation: {elsewhere}/v1/messages")
        async with serving(moved) as (url, _), asked_at("anthropic", url) as upstream:
            _, failure = await failing(upstream, ask(model=MODELS["anthropic"]))
    assert failure.kind is Kind.GARBLED
    assert visits == []


async def test_a_picture_that_litellm_drops_stops_the_request() -> None:
    parts = [{"type": "text", "text": "What is this?"}, PICTURE]
    async with serving() as (url, heard), asked_at("deepseek", url) as upstream:
        asked = ask([user("") | {"content": parts}], model="deepseek-chat", stream=True)
        _, failure = await failing(upstream, asked)
    assert failure.kind is Kind.INCAPABLE
    assert "picture" in failure.detail
    assert heard == [], "the model would have answered about a picture it never saw"


async def test_a_linked_picture_is_not_fetched() -> None:
    async with serving() as (elsewhere, visits), simulated("anthropic") as (upstream, simulator):
        part = {"type": "image_url", "image_url": {"url": f"{elsewhere}/picture.png"}}
        asked = ask([user("") | {"content": [part]}], model=MODELS["anthropic"])
        _, failure = await failing(upstream, asked)
    assert failure.kind is Kind.INCAPABLE
    assert (visits, simulator.calls) == ([], [])


async def test_a_model_that_litellm_would_take_elsewhere_is_not_asked_for() -> None:
    async with serving() as (url, heard), asked_at("anthropic", url) as upstream:
        _, failure = await failing(upstream, ask(model="my-replicated-claude"))
    assert failure.kind is Kind.INCAPABLE
    assert heard == []


async def test_azure_is_asked_for_its_deployment() -> None:
    body = b'{"id":"1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
    async with (
        serving(http(body, "application/json")) as (url, heard),
        asked_at("azure", url) as upstream,
    ):
        reply = await answer(upstream, ask(model="ours"))
    assert reply.choices[0].text == "Hi"
    assert heard[0].startswith(b"POST /openai/deployments/ours/chat/completions?api-version=")
    assert f"api-key: {KEY}".encode() in heard[0]


# -- leaving


@PROVIDERS
async def test_leaving_the_context_hangs_up(provider: str) -> None:
    async with simulated(provider) as (upstream, simulator):
        asked = ask("LONG 500 DELAY 20", model=MODELS[provider], stream=True)
        async with upstream.open(asked) as answer:
            await anext(answer)
        assert (await bill(simulator)).status == "abandoned"


@PROVIDERS
@STREAMED
async def test_cancelling_the_caller_hangs_up(provider: str, stream: bool) -> None:
    async with simulated(provider) as (upstream, simulator):
        simulator.fault(provider, "*", "silent")
        task = asyncio.create_task(batches(upstream, ask(model=MODELS[provider], stream=stream)))
        await called(simulator)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await bill(simulator)).status == "abandoned"
        gc.collect()
        await asyncio.sleep(0)


async def test_callers_do_not_hear_each_other() -> None:
    async with simulated("anthropic") as (upstream, _):
        asked = [ask(f"SAY: number {n}", model=MODELS["anthropic"], stream=True) for n in range(9)]
        replies = await asyncio.gather(*(answer(upstream, one) for one in asked))
    assert [reply.choices[0].text for reply in replies] == [f"number {n}" for n in range(9)]


# -- the account


async def test_a_provider_that_could_go_past_the_tunnel_is_refused() -> None:
    tunnel = Tunnel("google", (Via("http", "127.0.0.1", 1),))
    with pytest.raises(ValueError, match="past the tunnel"):
        async with asked_at("bedrock", "", tunnel):
            pass


async def test_a_tunnel_that_is_down_is_not_gone_round() -> None:
    tunnel = Tunnel("google", (Via("http", "127.0.0.1", 1),))
    async with serving() as (url, heard), asked_at("anthropic", url, tunnel) as upstream:
        _, failure = await failing(upstream, ask(model=MODELS["anthropic"], stream=True))
    assert failure.kind is Kind.UNREACHABLE
    assert heard == []


async def test_there_is_no_list_of_models() -> None:
    async with simulated("anthropic") as (upstream, simulator):
        assert await upstream.models() is None
    assert simulator.calls == []


def test_prices_come_from_the_bundled_list() -> None:
    assert prices("anthropic", "claude-sonnet-4-5") == Price(3.0, 15.0, 0.3)
    assert prices("anthropic", "no-such-model") is None


@pytest.mark.parametrize("name", BUILT)
def test_types_are_built_before_the_first_answer(name: str) -> None:
    library()
    from litellm.types import utils

    assert getattr(utils, name).__pydantic_complete__
