import base64
from typing import Any

import pytest

from .conftest import CHATS, Bench, events, texts

pytestmark = pytest.mark.anyio

SHAPED = ("siliconflow", "deepseek", "dashscope", "openai")
GIF = base64.b64encode(b"GIF89a\x10\x00\x20\x00\0\0\0").decode()
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def picture(model: str) -> dict[str, Any]:
    link = {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{GIF}"}}
    content = [{"type": "text", "text": "what is it?"}, link]
    return {"model": model, "messages": [{"role": "user", "content": content}]}


def billed(usage: dict[str, Any]) -> tuple[int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"]


@pytest.mark.parametrize("upstream", SHAPED)
async def test_a_whole_answer_is_a_chat_completion(bench: Bench, upstream: str) -> None:
    answer = (await bench.ask(upstream, "SAY: hello there")).json()
    assert answer["object"] == "chat.completion"
    assert answer["system_fingerprint"] == "simulated"
    assert answer["choices"][0]["message"]["content"] == "hello there"
    assert answer["choices"][0]["finish_reason"] == "stop"
    [bill] = bench.simulator.bills
    assert (bill.input, bill.output) == billed(answer["usage"])


@pytest.mark.parametrize("upstream", SHAPED)
async def test_a_stream_says_the_same_word_by_word_and_ends_with_done(
    bench: Bench, upstream: str
) -> None:
    whole = (await bench.ask(upstream, "hello")).json()
    options = {"include_usage": True}
    response = await bench.ask(upstream, "hello", stream=True, stream_options=options)
    chunks = events(response)
    assert texts(chunks) == whole["choices"][0]["message"]["content"]
    assert len(chunks) > 10
    assert response.text.endswith("\n\ndata: [DONE]\n\n")
    assert chunks[-1]["usage"] == whole["usage"]
    assert bench.simulator.bills[0] == bench.simulator.bills[1]


async def test_siliconflow_counts_on_every_chunk_and_has_a_trace_id(bench: Bench) -> None:
    response = await bench.ask("siliconflow", "hello", stream=True)
    chunks = events(response)
    counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert counts == sorted(counts)
    assert all(chunk["choices"] for chunk in chunks)
    assert response.headers["x-siliconcloud-trace-id"]
    finishes = {chunk["choices"][0]["finish_reason"] for chunk in chunks}
    assert finishes == {None, "", "stop"}


async def test_deepseek_counts_on_the_finish_chunk_or_after_it_when_asked(bench: Bench) -> None:
    chunks = events(await bench.ask("deepseek", "hello", stream=True))
    assert [("usage" in chunk) for chunk in chunks[-2:]] == [False, True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    options = {"include_usage": True}
    chunks = events(await bench.ask("deepseek", "hello", stream=True, stream_options=options))
    assert chunks[-1]["choices"] == []
    assert "usage" not in chunks[-2]


async def test_a_generic_upstream_counts_only_when_asked(bench: Bench) -> None:
    chunks = events(await bench.ask("openai", "hello", stream=True))
    assert not any("usage" in chunk for chunk in chunks)


async def test_n_choices_are_given_and_billed(bench: Bench) -> None:
    answer = (await bench.ask("openai", "SAY: abcdefgh", n=3)).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["completion_tokens"] == 6


async def test_the_limit_and_the_stop_sequence_are_honoured(bench: Bench) -> None:
    answer = (await bench.ask("openai", "SAY: abcdefghijkl", max_completion_tokens=2)).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == "abcdefgh"
    answer = (await bench.ask("openai", "SAY: one two", stop="two")).json()
    assert answer["choices"][0]["message"]["content"] == "one "


# --- tools


@pytest.mark.parametrize("upstream", SHAPED)
async def test_a_tool_loop_ends_in_text(bench: Bench, upstream: str) -> None:
    first = (await bench.ask(upstream, "weather?", tools=[WEATHER])).json()
    message = first["choices"][0]["message"]
    assert first["choices"][0]["finish_reason"] == "tool_calls"
    [call] = message["tool_calls"]
    assert call["function"] == {"name": "get_weather", "arguments": '{"city":"simulated city"}'}
    messages = [
        {"role": "user", "content": "weather?"},
        message,
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]
    second = (await bench.ask(upstream, messages=messages, tools=[WEATHER])).json()
    assert 'A tool answered: "sunny"' in second["choices"][0]["message"]["content"]


async def test_streamed_arguments_come_in_pieces_that_join(bench: Bench) -> None:
    chunks = events(await bench.ask("openai", "weather?", stream=True, tools=[WEATHER]))
    calls = [
        call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert len(calls) == 3
    assert calls[0]["id"]
    assert calls[0]["function"]["name"] == "get_weather"
    joined = "".join(call["function"]["arguments"] for call in calls)
    assert joined == '{"city":"simulated city"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_named_tool_is_called_and_none_calls_nothing(bench: Bench) -> None:
    named = {"type": "function", "function": {"name": "get_weather"}}
    answer = (await bench.ask("openai", "hello", tools=[WEATHER], tool_choice=named)).json()
    assert answer["choices"][0]["message"]["tool_calls"]
    answer = (await bench.ask("openai", "weather", tools=[WEATHER], tool_choice="none")).json()
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "tool", "tool_call_id": "a", "content": "x"}],
        [
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
            {"role": "user", "content": "x"},
        ],
        [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}],
        [
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "x"},
        ],
    ],
)
async def test_calls_and_results_must_fit(bench: Bench, messages: list[dict[str, Any]]) -> None:
    asked = [{"role": "user", "content": "hello"}, *messages]
    response = await bench.ask("openai", messages=asked)
    assert response.status_code == 400
    assert "tool_calls" in response.json()["error"]["message"]


# --- structured output, thinking


async def test_a_schema_is_satisfied(bench: Bench) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = (await bench.ask("siliconflow", "hello", response_format=wanted)).json()
    assert answer["choices"][0]["message"]["content"] == '{"n":1}'


async def test_siliconflow_thinks_when_told_to(bench: Bench) -> None:
    chunks = events(await bench.ask("siliconflow", "hello", stream=True, enable_thinking=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    thought = [bool(delta.get("reasoning_content")) for delta in deltas]
    spoke = [bool(delta.get("content")) for delta in deltas]
    assert thought.index(True) < spoke.index(True)
    assert not any(a and b for a, b in zip(thought, spoke, strict=True))
    assert chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert (
        "reasoning_content" not in (await bench.ask("siliconflow")).json()["choices"][0]["message"]
    )


async def test_deepseek_thinks_unless_told_not_to(bench: Bench) -> None:
    message = (await bench.ask("deepseek")).json()["choices"][0]["message"]
    assert message["reasoning_content"]
    off = await bench.ask("deepseek", thinking={"type": "disabled"})
    assert "reasoning_content" not in off.json()["choices"][0]["message"]


CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
HISTORY = [
    {"role": "user", "content": "x"},
    CALLED,
    {"role": "tool", "tool_call_id": "a", "content": "y"},
]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "This response_format type is unavailable now",
        ),
        ({"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
        ({"tools": [WEATHER], "tool_choice": "required"}, "does not support this tool_choice"),
        (
            {"messages": HISTORY},
            "The reasoning_content in the thinking mode must be passed back to the API.",
        ),
        ({"model": "deepseek-chat"}, "The supported API model names are"),
    ],
)
async def test_deepseek_refuses_what_it_really_refuses(
    bench: Bench, fields: dict[str, Any], words: str
) -> None:
    response = await bench.ask("deepseek", "hello", **fields)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]
    assert response.json()["error"]["code"] == "invalid_request_error"


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_object"}},
        {"tools": [WEATHER], "tool_choice": "auto"},
        {"messages": [HISTORY[0], CALLED | {"reasoning_content": "because"}, HISTORY[2]]},
        {"messages": HISTORY, "thinking": {"type": "disabled"}},
    ],
)
async def test_deepseek_takes_what_is_as_it_wants_it(bench: Bench, fields: dict[str, Any]) -> None:
    assert (await bench.ask("deepseek", "hello as json", **fields)).is_success


async def test_deepseeks_aliases_answer_under_the_real_name(bench: Bench) -> None:
    answer = (await bench.ask("deepseek", model="deepseek-v4-flash")).json()
    assert answer["model"] == "deepseek-flash"


# --- pictures, windows, keys, models


async def test_a_picture_is_seen(bench: Bench) -> None:
    body = picture("Qwen/Qwen3-VL-32B-Instruct")
    answer = (await bench.client.post(CHATS["siliconflow"], json=body)).json()
    assert "image/gif, 16 x 32 pixels" in answer["choices"][0]["message"]["content"]
    assert not bench.simulator.blind


@pytest.mark.parametrize(
    ("upstream", "model"),
    [
        ("siliconflow", "deepseek-ai/DeepSeek-V3"),
        ("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct"),
        ("deepseek", "deepseek-v4-pro"),
    ],
)
async def test_a_picture_for_the_blind_is_refused_and_remembered(
    bench: Bench, upstream: str, model: str
) -> None:
    response = await bench.client.post(CHATS[upstream], json=picture(model))
    assert response.status_code == 400
    assert [call.model for call in bench.simulator.blind] == [model]


async def test_siliconflows_window_has_its_own_words(bench: Bench) -> None:
    bench.simulator.windows["some-model"] = 10
    response = await bench.ask("siliconflow", "x" * 44)
    assert response.status_code == 400
    assert response.json() == {
        "code": 20015,
        "message": "length of prompt_tokens (11) must be less than max_seq_len (10).",
        "data": None,
    }


async def test_a_missing_key_is_a_401_in_the_providers_words(bench: Bench) -> None:
    del bench.client.headers["authorization"]
    assert (await bench.ask("siliconflow")).json() == "Invalid token"
    for upstream in SHAPED:
        assert (await bench.ask(upstream)).status_code == 401


async def test_a_bad_key_is_refused(bench: Bench) -> None:
    bench.client.headers["authorization"] = "Bearer bad-key"
    response = await bench.ask("deepseek")
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"


async def test_a_model_that_is_gone_is_refused_and_no_longer_listed(bench: Bench) -> None:
    bench.simulator.gone.add("some-model")
    response = await bench.ask("siliconflow")
    assert response.json() == {
        "code": 20012,
        "message": "Model does not exist. Please check it carefully.",
        "data": None,
    }


async def test_a_plain_base_url_is_the_generic_upstream(bench: Bench) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "SAY: hello"}]}
    answer = await bench.client.post("/v1/chat/completions", json=body)
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert bench.simulator.calls[0].upstream == "openai"


async def test_what_is_no_json_is_a_400_and_an_unknown_path_a_404(bench: Bench) -> None:
    assert (await bench.client.post(CHATS["openai"], content=b"{")).status_code == 400
    assert (await bench.client.post(CHATS["openai"], json=[])).status_code == 400
    response = await bench.client.post("/siliconflow/chat/completions", json={})
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert (await bench.ask("openai", messages=[])).status_code == 400
    assert (await bench.ask("openai", messages=["x"])).status_code == 400
