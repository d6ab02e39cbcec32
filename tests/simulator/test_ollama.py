import msgspec
import pytest

from .conftest import Bench

pytestmark = pytest.mark.anyio

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}


async def test_a_whole_answer_has_the_counts(bench: Bench) -> None:
    answer = (await bench.ask("ollama", "SAY: hello there")).json()
    assert answer["message"] == {"role": "assistant", "content": "hello there"}
    assert answer["done"] is True
    [bill] = bench.simulator.bills
    assert (bill.input, bill.output) == (answer["prompt_eval_count"], answer["eval_count"])


async def test_a_stream_is_one_object_a_line(bench: Bench) -> None:
    response = await bench.ask("ollama", "SAY: hello there", stream=True)
    lines = [msgspec.json.decode(line) for line in response.text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == "hello there"
    assert [line["done"] for line in lines] == [False, False, True]


async def test_it_needs_no_key_and_streams_unless_told_not_to(bench: Bench) -> None:
    del bench.client.headers["authorization"]
    body = {"model": "m", "messages": [{"role": "user", "content": "SAY: a b"}]}
    response = await bench.client.post("/ollama/api/chat", json=body)
    assert len(response.text.splitlines()) == 3


async def test_a_tool_is_called_with_an_object(bench: Bench) -> None:
    answer = (await bench.ask("ollama", "weather?", tools=[WEATHER])).json()
    [call] = answer["message"]["tool_calls"]
    assert call["function"] == {"name": "get_weather", "arguments": {}}


async def test_a_format_is_a_schema(bench: Bench) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answer = (await bench.ask("ollama", format=schema, options={"num_predict": 50})).json()
    assert answer["message"]["content"] == '{"n":1}'


async def test_show_and_tags(bench: Bench) -> None:
    shown = await bench.client.post("/ollama/api/show", json={"model": "m"})
    assert "tools" in shown.json()["capabilities"]
    tags = (await bench.client.get("/ollama/api/tags")).json()["models"]
    assert "deepseek-flash" in [tag["name"] for tag in tags]
