"""A client that speaks the OpenAI API asks, and the right tier answers."""

import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.serving import PNG, House, house

pytestmark = pytest.mark.anyio

CRITIQUE = [
    {"type": "text", "text": "Critique this screen: hierarchy, spacing, contrast."},
    {"type": "image_url", "image_url": {"url": PNG}},
]
REFACTOR = """Refactor this so that it is testable:
```python
def total(rows):
    s = 0
    for r in rows:
        if r['kind'] == 'paid': s += r['amount']
    return s
```"""
JOURNAL = """Nov 22 03:11:07 lab systemd[1]: docker.service: Main process exited, status=9/KILL
Nov 22 03:11:07 lab systemd[1]: docker.service: Failed with result 'oom-kill'.
Nov 22 03:11:09 lab kernel: Out of memory: Killed process 4121 (postgres)
Why does it keep dying?"""
WORK = [(CRITIQUE, "gemini-3-flash"), (REFACTOR, "deepseek-v3"), (JOURNAL, "qwen3-coder")]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
TARGETS = ["gemini-3-flash", "qwen-vl", "qwen3-coder", "deepseek-flash"]
FLASH = {
    "deepseek-flash": {
        "upstream": "deepseek",
        "model": "deepseek-flash",
        "features": ["tools", "json_object", "thinking"],
        "context_window": 1_000_000,
    }
}


def client(lab: House) -> openai.AsyncOpenAI:
    """The official client, as a developer would make it; it closes with the house's."""
    return openai.AsyncOpenAI(
        base_url=f"{lab.url}/v1",
        api_key="whatever",
        max_retries=0,
        http_client=httpx.AsyncClient(trust_env=False, timeout=30),
    )


@pytest.mark.parametrize(("content", "target"), WORK, ids=[target for _, target in WORK])
async def test_auto_finds_the_tier_for_the_work(content: Any, target: str, tmp_path: Path) -> None:
    async with house(tmp_path) as lab, client(lab) as ai:
        messages: Any = [{"role": "user", "content": content}]
        whole = await ai.chat.completions.create(model="auto", messages=messages)
        stream = await ai.chat.completions.create(model="auto", messages=messages, stream=True)
        chunks = [chunk async for chunk in stream]

    assert whole.model == target
    assert {chunk.model for chunk in chunks} == {target}
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert told == whole.choices[0].message.content != ""
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_tool_loop_of_two_turns_on_every_dialect(
    target: str, stream: bool, tmp_path: Path
) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Perm?"}]
    async with house(tmp_path, targets=FLASH) as lab, client(lab) as ai:
        first = await _asked(ai, target, messages, stream=stream)
        messages.append(first)
        for call in first["tool_calls"]:
            result = {"role": "tool", "tool_call_id": call["id"], "content": "minus four and snow"}
            messages.append(result)
        second = await _asked(ai, target, messages, stream=stream)

    assert [call["function"]["name"] for call in first["tool_calls"]] == ["get_weather"]
    assert "city" in json.loads(first["tool_calls"][0]["function"]["arguments"])
    assert "minus four and snow" in second["content"]


async def _asked(
    ai: openai.AsyncOpenAI, target: str, messages: list[Any], *, stream: bool
) -> dict[str, Any]:
    """Return the assistant's message, as a client would put it into its history."""
    asked: dict[str, Any] = {"model": target, "messages": messages, "tools": [WEATHER]}
    if not stream:
        answer = await ai.chat.completions.create(**asked)
        told = answer.choices[0].message.model_dump(exclude_none=True)
        return {key: told[key] for key in ("role", "content", "tool_calls") if key in told}
    found: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": []}
    async for chunk in await ai.chat.completions.create(**asked, stream=True):
        delta = chunk.choices[0].delta
        found["content"] += delta.content or ""
        for piece in delta.tool_calls or ():
            assert piece.function is not None
            if piece.id:
                function = {"name": piece.function.name, "arguments": ""}
                found["tool_calls"].append(
                    {"id": piece.id, "type": "function", "function": function}
                )
            known = found["tool_calls"][piece.index]["function"]
            known["arguments"] += piece.function.arguments or ""
    return found if found["tool_calls"] else {key: found[key] for key in ("role", "content")}


async def test_a_tool_loop_goes_on_at_another_tier(tmp_path: Path) -> None:
    """Turn one was Qwen's, turn two is Gemini's: it gets the documented dummy signature."""
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Perm?"}]
    async with house(tmp_path) as lab, client(lab) as ai:
        first = await _asked(ai, "qwen3-coder", messages, stream=False)
        messages.append(first)
        call = first["tool_calls"][0]
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": "snow"})
        for target in ("gemini-3-flash", "qwen-vl", "deepseek-v3"):
            second = await _asked(ai, target, messages, stream=False)
            assert "snow" in second["content"]
        rows = await lab.requests()

    assert [len(row["attempts"]) for row in rows] == [1] * 4, "nothing had to be mended"


SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["label", "count"],
    "additionalProperties": False,
}


async def _formatted(ai: openai.AsyncOpenAI, target: str) -> Any:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "found", "schema": SCHEMA}}
    messages: Any = [{"role": "user", "content": "How many buttons?"}]
    answer = await ai.chat.completions.create(
        model=target, messages=messages, response_format=wanted
    )
    return json.loads(answer.choices[0].message.content or "")


async def test_a_json_schema_is_given_to_gemini_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as lab, client(lab) as ai:
        found = await _formatted(ai, "gemini-3-flash")

    assert set(found) == {"label", "count"}


@pytest.mark.parametrize("target", TARGETS[1:])
async def test_a_json_schema_is_told_in_words_to_who_takes_only_json(
    target: str, tmp_path: Path
) -> None:
    async with house(tmp_path, targets=FLASH) as lab, client(lab) as ai:
        found = await _formatted(ai, target)
        sent = [call for call in lab.simulator.calls if call.work == "chat"][-1].body
        rows = await lab.requests()

    assert isinstance(found, dict)
    assert sent["response_format"] == {"type": "json_object"}
    assert '"count"' in json.dumps(sent["messages"]).replace("\\", "")
    assert len(rows[0]["attempts"]) == 1


@pytest.mark.parametrize("target", TARGETS)
async def test_usage_comes_exactly_when_it_is_asked_for(target: str, tmp_path: Path) -> None:
    messages: Any = [{"role": "user", "content": "LONG 30"}]
    async with house(tmp_path, targets=FLASH) as lab, client(lab) as ai:
        silent = await ai.chat.completions.create(model=target, messages=messages, stream=True)
        without = [chunk async for chunk in silent]
        asked = await ai.chat.completions.create(
            model=target, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in asked]
        whole = await ai.chat.completions.create(model=target, messages=messages)

    assert all(chunk.usage is None for chunk in without)
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens > 0


async def test_reasoning_is_shown_as_reasoning(tmp_path: Path) -> None:
    async with house(tmp_path, targets=FLASH) as lab:
        thought = await lab.chat("Plan the grid", model="gemini-3-flash", reasoning_effort="high")
        deep = await lab.chat("Plan the grid", model="deepseek-flash")

    for answer in (thought, deep):
        message = answer.json()["choices"][0]["message"]
        assert message["reasoning_content"]
        assert message["reasoning_content"] not in message["content"]


async def test_what_is_simulated_says_so_everywhere(tmp_path: Path) -> None:
    keyless = {name: {"api_key": ""} for name in ("google", "siliconflow", "deepseek")}
    async with house(tmp_path, upstreams=keyless) as lab:
        answer = await lab.chat(REFACTOR, model="auto")
        streamed = await lab.chat(REFACTOR, model="auto", stream=True)
        models = (await lab.client.get("/v1/models")).json()["data"]
        rows = await lab.requests()
        usage = (await lab.client.get("/api/usage", params={"by": "target"})).json()["usage"]

    assert answer.headers["x-portico-simulated"] == "true"
    assert answer.json()["system_fingerprint"] == "simulated"
    assert '"system_fingerprint":"simulated"' in streamed.text
    assert all(row["portico"]["simulated"] for row in models)
    assert all(row["simulated"] for row in rows)
    assert [row["cost_usd"] for row in usage] == [None]
    assert [(row["simulated"], row["input"]) for row in usage] == [(2, 0)]


async def test_what_is_real_does_not_say_that_it_is_simulated(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat(REFACTOR, model="auto")

    assert "x-portico-simulated" not in answer.headers
    assert "system_fingerprint" not in answer.json()


async def test_unknown_models_suggest_the_nearest(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat(model="gemini-3-flahs")

    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"], error["source"]) == (
        "model_not_found",
        "model",
        "client",
    )
    assert "gemini-3-flash" in error["message"]
