import pytest

from .conftest import Bench, events

pytestmark = pytest.mark.anyio

WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}


async def test_a_whole_message(bench: Bench) -> None:
    answer = (await bench.ask("anthropic", "SAY: hello there")).json()
    assert answer["content"] == [{"type": "text", "text": "hello there"}]
    assert answer["stop_reason"] == "end_turn"
    [bill] = bench.simulator.bills
    usage = answer["usage"]
    assert (bill.input, bill.output) == (usage["input_tokens"], usage["output_tokens"])


async def test_a_streams_events_are_named_and_in_order(bench: Bench) -> None:
    response = await bench.ask("anthropic", "SAY: hello there", stream=True)
    names = [
        line.removeprefix("event: ") for line in response.text.split("\n") if "event: " in line
    ]
    assert names == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    deltas = [event["delta"] for event in events(response) if event["type"] == names[2]]
    assert "".join(delta["text"] for delta in deltas) == "hello there"


async def test_a_tool_loop(bench: Bench) -> None:
    first = (await bench.ask("anthropic", "weather?", tools=[WEATHER])).json()
    assert first["stop_reason"] == "tool_use"
    [use] = first["content"]
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "sunny"}
    messages = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    second = (await bench.ask("anthropic", messages=messages, tools=[WEATHER])).json()
    assert 'A tool answered: "sunny"' in second["content"][0]["text"]


async def test_a_streamed_tool_use(bench: Bench) -> None:
    chunks = events(await bench.ask("anthropic", "weather?", tools=[WEATHER], stream=True))
    starts = [one["content_block"] for one in chunks if one["type"] == "content_block_start"]
    assert starts[0]["name"] == "get_weather"
    assert any(one.get("delta", {}).get("partial_json") == "{}" for one in chunks)


async def test_thinking_comes_first(bench: Bench) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = (await bench.ask("anthropic", thinking=thinking)).json()
    assert [block["type"] for block in answer["content"]] == ["thinking", "text"]


async def test_a_malformed_body_is_a_400(bench: Bench) -> None:
    assert (await bench.ask("anthropic", messages=[{}])).status_code == 400
