from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from portico.chat.reply import collect
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from portico.routing.attempts import Kind
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.openai import OpenAI
from portico.upstreams.reasonings import Reasonings
from tests.egress.servers import settled
from tests.upstreams.openai_asks import ask, user
from tests.upstreams.openai_calls import answer, batches, failing

pytestmark = pytest.mark.anyio

KEY = "sk-secret-key-1234"
PATHS = {
    "generic": "/openai/v1",
    "siliconflow": "/siliconflow/v1",
    "deepseek": "/deepseek",
    "dashscope": "/dashscope/compatible-mode/v1",
}
NAMES = {"generic": "openai"}
SAID = "SAY: one two three four five six seven eight nine ten"
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
]


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(Direct())
    yield pool
    await pool.aclose()


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
async def base(simulator: Simulator) -> AsyncIterator[str]:
    async with serve_simulator(simulator) as url:
        yield url


@pytest.fixture(params=list(PATHS))
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def upstream(
    pool: Pool, base: str, flavour: str, *, tunnelled: bool = False, key: str = KEY
) -> OpenAI:
    account = Account("up", base + PATHS[flavour], pool, key, flavour, tunnelled)
    return OpenAI(account, Reasonings())


@pytest.mark.parametrize("stream", [True, False])
async def test_every_flavour_answers_with_text_and_usage(
    pool: Pool, base: str, flavour: str, stream: bool
) -> None:
    reply = await answer(upstream(pool, base, flavour), ask(SAID, stream=stream))
    [choice] = reply.choices
    assert (choice.text, choice.finish) == (SAID.removeprefix("SAY: "), "stop")
    assert reply.usage is not None
    assert reply.usage.output > 0


async def test_streamed_and_whole_answers_are_counted_alike(
    pool: Pool, base: str, flavour: str
) -> None:
    asked = upstream(pool, base, flavour)
    streamed = await answer(asked, ask(SAID, stream=True))
    whole = await answer(asked, ask(SAID))
    assert streamed == whole


@pytest.mark.parametrize("stream", [True, False])
async def test_several_answers_are_kept_apart(pool: Pool, base: str, stream: bool) -> None:
    reply = await answer(upstream(pool, base, "generic"), ask(SAID, n=3, stream=stream))
    assert [choice.finish for choice in reply.choices] == ["stop"] * 3


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_is_called_and_its_result_read(
    pool: Pool, base: str, flavour: str, stream: bool
) -> None:
    asked = upstream(pool, base, flavour)
    said: list[dict[str, Any]] = [user("what is the weather?")]
    reply = await answer(asked, ask(said, tools=TOOLS, stream=stream))
    [choice] = reply.choices
    [call] = choice.tool_calls
    assert (choice.finish, call.name) == ("tool_calls", "get_weather")
    function = {"name": call.name, "arguments": call.arguments}
    turn = {"id": call.id, "type": "function", "function": function}
    said.append({"role": "assistant", "content": None, "tool_calls": [turn]})
    said.append({"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 C"})
    reply = await answer(asked, ask(said, tools=TOOLS, stream=stream))
    assert "sunny" in reply.choices[0].text


async def test_deepseek_gets_its_own_thought_back_with_the_tools_result(
    pool: Pool, base: str, simulator: Simulator
) -> None:
    asked = upstream(pool, base, "deepseek")
    said: list[dict[str, Any]] = [user("what is the weather?")]
    choice = (await answer(asked, ask(said, tools=TOOLS, stream=True))).choices[0]
    assert choice.reasoning
    [call] = choice.tool_calls
    function = {"name": call.name, "arguments": call.arguments}
    turn = {"id": call.id, "type": "function", "function": function}
    said.append({"role": "assistant", "content": choice.text, "tool_calls": [turn]})
    said.append({"role": "tool", "tool_call_id": call.id, "content": "21 C"})
    await answer(asked, ask(said, tools=TOOLS, stream=True))
    assert simulator.calls[-1].body["messages"][1]["reasoning_content"] == choice.reasoning


async def test_a_forced_tool_is_called_at_every_flavour(
    pool: Pool, base: str, flavour: str
) -> None:
    reply = await answer(
        upstream(pool, base, flavour), ask("Hi", tools=TOOLS, tool_choice="required")
    )
    assert [call.name for call in reply.choices[0].tool_calls] == ["get_weather"]


async def test_a_schema_is_satisfied_or_said_at_every_flavour(
    pool: Pool, base: str, flavour: str, simulator: Simulator
) -> None:
    shape = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": shape}}
    asked = ask("Hi", response_format=wanted, features=("json_schema", "json_object"))
    reply = await answer(upstream(pool, base, flavour), asked)
    assert isinstance(msgspec.json.decode(reply.choices[0].text), dict)
    native = flavour != "deepseek"
    sent = simulator.calls[-1].body["response_format"]["type"]
    assert sent == ("json_schema" if native else "json_object")


@pytest.mark.parametrize("flavour", ["siliconflow", "deepseek", "dashscope"])
async def test_thinking_comes_before_the_answer(pool: Pool, base: str, flavour: str) -> None:
    found = await batches(
        upstream(pool, base, flavour), ask(SAID, reasoning_effort="high", stream=True)
    )
    deltas = [delta for batch in found for delta in batch]
    assert next(delta for delta in deltas if delta.counts).reasoning
    assert collect(deltas).choices[0].text == SAID.removeprefix("SAY: ")


async def test_the_key_is_sent_as_a_bearers_and_shows_nowhere_else(pool: Pool, base: str) -> None:
    asked = upstream(pool, base, "siliconflow")
    await answer(asked, ask())
    assert KEY not in repr(asked.account)
    _, failure = await failing(upstream(pool, base, "siliconflow", key=""), ask())
    assert failure.kind is Kind.ACCOUNT


@pytest.mark.parametrize(
    "fault", ["split_utf8", "extra_fields", "missing_done", "eos", "wrong_model"]
)
async def test_oddities_of_the_wire_change_nothing(
    pool: Pool, base: str, simulator: Simulator, fault: str
) -> None:
    simulator.fault("siliconflow", "*", fault)
    reply = await answer(upstream(pool, base, "siliconflow"), ask("SAY: 你好 wörld", stream=True))
    assert (reply.choices[0].text, reply.choices[0].finish) == ("你好 wörld", "stop")


@pytest.mark.parametrize("stream", [True, False])
async def test_missing_ids_of_calls_are_made_up(
    pool: Pool, base: str, simulator: Simulator, stream: bool
) -> None:
    simulator.fault("openai", "*", "drop_tool_ids")
    asked = ask("the weather?", tools=TOOLS, stream=stream)
    reply = await answer(upstream(pool, base, "generic"), asked)
    assert reply.choices[0].tool_calls[0].id.startswith("call_")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_queueing_deepseek_keeps_the_line_alive(
    pool: Pool, base: str, simulator: Simulator, stream: bool
) -> None:
    simulator.fault("deepseek", "*", "slow_first", seconds=0.3)
    reply = await answer(upstream(pool, base, "deepseek"), ask(SAID, stream=stream))
    assert reply.choices[0].finish == "stop"


async def test_a_connection_is_kept_for_the_next_question(pool: Pool, base: str) -> None:
    asked = upstream(pool, base, "generic")
    for _ in range(3):
        await answer(asked, ask(SAID, stream=True))
        await answer(asked, ask(SAID))
    assert pool.connections == 1


FAULTS = [
    ("siliconflow", "model_gone", Kind.MODEL_GONE),
    ("siliconflow", "too_long", Kind.TOO_LONG),
    ("siliconflow", "overloaded", Kind.UNAVAILABLE),
    ("siliconflow", "rate_limited_minute", Kind.RATE_LIMITED),
    ("siliconflow", "rate_limited_day", Kind.QUOTA_SPENT),
    ("siliconflow", "invalid_key", Kind.ACCOUNT),
    ("siliconflow", "insufficient_balance", Kind.ACCOUNT),
    ("deepseek", "model_gone", Kind.MODEL_GONE),
    ("deepseek", "too_long", Kind.TOO_LONG),
    ("deepseek", "insufficient_balance", Kind.ACCOUNT),
    ("deepseek", "reasoning_missing", Kind.TRANSLATION),
    ("deepseek", "json_schema_unavailable", Kind.TRANSLATION),
    ("deepseek", "rate_limited_bare", Kind.RATE_LIMITED),
    ("deepseek", "unprocessable", Kind.REJECTED),
    ("dashscope", "rate_limited_tokens", Kind.RATE_LIMITED),
    ("dashscope", "rate_limited_day", Kind.QUOTA_SPENT),
    ("dashscope", "insufficient_balance", Kind.ACCOUNT),
    ("dashscope", "data_inspection_failed", Kind.REFUSED),
    ("dashscope", "too_long", Kind.TOO_LONG),
    ("dashscope", "model_gone", Kind.MODEL_GONE),
    ("generic", "rate_limited_header", Kind.RATE_LIMITED),
    ("generic", "internal", Kind.UNAVAILABLE),
    ("generic", "bad_gateway", Kind.UNAVAILABLE),
    ("generic", "timeout_504", Kind.UNAVAILABLE),
    ("generic", "bad_request", Kind.REJECTED),
    ("generic", "html_200", Kind.GARBLED),
    ("generic", "not_json_200", Kind.GARBLED),
    ("generic", "empty_body", Kind.UNAVAILABLE),
    ("generic", "empty_answer", Kind.UNAVAILABLE),
    ("generic", "empty_choices", Kind.UNAVAILABLE),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("flavour", "fault", "kind"), FAULTS)
async def test_a_fault_is_told_for_what_it_is(
    pool: Pool, base: str, simulator: Simulator, flavour: str, fault: str, kind: Kind, stream: bool
) -> None:
    simulator.fault(NAMES.get(flavour, flavour), "*", fault)
    said, failure = await failing(upstream(pool, base, flavour), ask(SAID, stream=stream))
    assert (said, failure.kind) == ("", kind)
    assert KEY not in failure.detail


@pytest.mark.parametrize(
    ("flavour", "fault", "kind"),
    [
        ("generic", "truncated", Kind.UNAVAILABLE),
        ("siliconflow", "error_in_stream", Kind.UNAVAILABLE),
        ("generic", "cut", Kind.UNAVAILABLE),
        ("deepseek", "insufficient_system_resource", Kind.UNAVAILABLE),
    ],
)
async def test_a_stream_that_breaks_gives_what_was_said_and_then_fails(
    pool: Pool, base: str, simulator: Simulator, flavour: str, fault: str, kind: Kind
) -> None:
    simulator.fault(NAMES.get(flavour, flavour), "*", fault, after=3)
    thoughtless = {"reasoning_effort": "none"} if flavour == "deepseek" else {}
    asked = ask(SAID, stream=True, **thoughtless)
    said, failure = await failing(upstream(pool, base, flavour), asked)
    assert failure.kind is kind
    assert said
    assert SAID.removeprefix("SAY: ").startswith(said)


@pytest.mark.parametrize(
    ("flavour", "model"),
    [("deepseek", "deepseek-v4-pro"), ("siliconflow", "deepseek-ai/DeepSeek-V3")],
)
async def test_a_picture_for_a_model_without_eyes_says_that_the_catalog_is_wrong(
    pool: Pool, base: str, flavour: str, model: str
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    asked = ask([{"role": "user", "content": [picture]}], model=model)
    assert (await failing(upstream(pool, base, flavour), asked))[1].kind is Kind.INCAPABLE


async def test_a_portals_page_blames_the_tunnel(
    pool: Pool, base: str, simulator: Simulator
) -> None:
    simulator.fault("openai", "*", "html_200", times=2)
    asked = upstream(pool, base, "generic", tunnelled=True)
    for stream in (True, False):
        assert (await failing(asked, ask(stream=stream)))[1].kind is Kind.REGION


@pytest.mark.parametrize("stream", [True, False])
async def test_a_blocked_answer_is_an_answer(
    pool: Pool, base: str, simulator: Simulator, stream: bool
) -> None:
    simulator.fault("deepseek", "*", "content_filter")
    reply = await answer(upstream(pool, base, "deepseek"), ask(SAID, stream=stream))
    assert reply.choices[0].finish == "content_filter"


async def test_nobody_at_the_address_is_unreachable(pool: Pool) -> None:
    asked = OpenAI(Account("up", "http://127.0.0.1:1/v1", pool), Reasonings())
    assert (await failing(asked, ask()))[1].kind is Kind.UNREACHABLE
    with pytest.raises(UpstreamFailed):
        await asked.models()


async def test_leaving_early_hangs_up(pool: Pool, base: str, simulator: Simulator) -> None:
    simulator.fault("openai", "*", "stall", after=2, seconds=600)
    async with upstream(pool, base, "generic").open(ask(SAID, stream=True)) as answer:
        assert await anext(aiter(answer))
    await settled(pool, 0)


async def test_the_models_are_those_the_provider_lists(
    pool: Pool, base: str, flavour: str, simulator: Simulator
) -> None:
    simulator.gone.add("deepseek-flash")
    listed = await upstream(pool, base, flavour).models()
    assert listed is not None
    assert "deepseek-flash" not in listed
    assert listed == set(simulator.listed(NAMES.get(flavour, flavour)))
