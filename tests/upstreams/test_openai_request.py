from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.routing.attempts import Kind
from portico.upstreams.base import Ask, UpstreamFailed
from portico.upstreams.flavours import FLAVOURS, flavour_of
from portico.upstreams.openai_request import OBJECT, SCHEMA, encode, owner
from portico.upstreams.reasonings import Reasonings, Trail
from tests.upstreams.openai_asks import ask, called, request, sent, user

SYSTEM = {"role": "system", "content": "You draw."}
SHAPE = {"type": "object", "properties": {"x": {"type": "number"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SHAPE}}
RESULT = {"role": "tool", "tool_call_id": "call_00_abcdefgh_1234", "content": "7"}
CALL = called("f", "call_00_abcdefgh_1234")


def refused(asked: Ask, flavour: str) -> UpstreamFailed:
    with pytest.raises(UpstreamFailed) as caught:
        encode(asked, flavour_of(flavour), Reasonings())
    return caught.value


def test_a_generic_upstream_gets_what_the_caller_sent_under_the_targets_model() -> None:
    extra = {"temperature": 0.5, "mirostat": 2, "reasoning_effort": "high", "max_tokens": 5}
    extra |= {"response_format": FORMAT, "n": 2, "logit_bias": {"1": 2}, "user": "u", "top_k": 3}
    body = sent(ask([SYSTEM, user("Hi")], features=("json_schema",), **extra))
    assert body == {"model": "deepseek-flash", "messages": [SYSTEM, user("Hi")], **extra}


def test_messages_are_forwarded_byte_for_byte_when_nothing_in_them_has_to_change() -> None:
    picture = '{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}}' % ("QUJD" * 99)
    raw = b'[ {"content":[' + picture.encode() + b'], "role" : "user","x_unknown":1} ]'
    asked = ask([user("see")])
    asked.request.fields["messages"] = msgspec.Raw(raw)  # type: ignore[index]
    for flavour in FLAVOURS:
        assert raw in encode(asked, flavour_of(flavour), Reasonings())


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_fields_for_us_or_for_google_never_leave(flavour: str) -> None:
    body = sent(ask(portico={"trace": 1}, safety_settings=[], generationConfig={}), flavour)
    assert body.keys() == {"model", "messages"}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_stream_always_asks_for_its_usage(flavour: str) -> None:
    body = sent(ask(stream=True, stream_options={"include_usage": False}), flavour)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    whole = sent(ask(stream=False, stream_options={"include_usage": True}), flavour)
    assert whole.keys() == {"model", "messages"}


def test_a_user_that_is_no_string_is_left_out() -> None:
    assert "user" not in sent(ask(user={"id": 1}))
    assert sent(ask(user="u"))["user"] == "u"


@pytest.mark.parametrize("flavour", ["siliconflow", "deepseek", "dashscope"])
@pytest.mark.parametrize("field", ["logit_bias", "functions", "audio", "web_search_options"])
def test_a_field_whose_loss_would_be_silently_wrong_makes_the_target_incapable(
    flavour: str, field: str
) -> None:
    failure = refused(ask(**{field: {"a": 1}}), flavour).failure
    assert failure.kind is Kind.INCAPABLE
    assert f"`{field}`" in failure.detail
    for empty in (None, {}, [], "", False):
        assert field not in sent(ask(**{field: empty}), flavour)


@pytest.mark.parametrize("flavour", ["siliconflow", "deepseek", "dashscope"])
def test_housekeeping_of_openais_platform_is_left_out_elsewhere(flavour: str) -> None:
    body = sent(ask(store=True, metadata={"a": "b"}, user="u", service_tier="auto"), flavour)
    assert body.keys() == {"model", "messages"}


def test_several_answers_are_asked_only_of_those_who_know_how() -> None:
    assert sent(ask(n=2), "siliconflow")["n"] == 2
    assert sent(ask(n=1), "deepseek")["n"] == 1
    assert refused(ask(n=2), "deepseek").failure.kind is Kind.INCAPABLE


@pytest.mark.parametrize(
    ("flavour", "asked", "most", "told"),
    [
        ("generic", {"max_completion_tokens": 50}, None, {"max_completion_tokens": 50}),
        ("generic", {"max_tokens": 50}, 20, {"max_tokens": 20}),
        ("generic", {"max_tokens": 50}, 90, {"max_tokens": 50}),
        ("generic", {}, 20, {}),
        ("siliconflow", {"max_completion_tokens": 50}, None, {"max_tokens": 50}),
        ("deepseek", {"max_completion_tokens": 50, "max_tokens": 9}, 20, {"max_tokens": 20}),
        ("dashscope", {"max_tokens": 50}, 20, {"max_tokens": 20}),
    ],
)
def test_the_bound_on_output_has_the_providers_name_and_the_models_limit(
    flavour: str, asked: dict[str, int], most: int | None, told: dict[str, int]
) -> None:
    body = sent(ask(max_output=most, **asked), flavour)
    assert {name: body[name] for name in body if name.startswith("max_")} == told


def test_a_developer_speaks_as_the_system_where_that_role_is_unknown() -> None:
    said = [{"role": "developer", "content": "Draw.", "x": 1}, user("Hi")]
    assert sent(ask(said))["messages"] == said
    for flavour in ("siliconflow", "deepseek", "dashscope"):
        assert sent(ask(said), flavour)["messages"] == [
            {"role": "system", "content": "Draw.", "x": 1},
            user("Hi"),
        ]


@pytest.mark.parametrize(
    ("flavour", "effort", "told"),
    [
        ("siliconflow", "none", {"enable_thinking": False}),
        ("siliconflow", "low", {"enable_thinking": True, "thinking_budget": 2048}),
        ("dashscope", "xhigh", {"enable_thinking": True, "thinking_budget": 32768}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("deepseek", "minimal", {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
        ("deepseek", "medium", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("generic", "medium", {"reasoning_effort": "medium"}),
    ],
)
def test_an_effort_is_told_in_the_providers_words(
    flavour: str, effort: str, told: dict[str, Any]
) -> None:
    body = sent(ask(reasoning_effort=effort), flavour)
    assert {name: body[name] for name in body if name not in ("model", "messages")} == told


def test_an_effort_is_a_wish_that_a_model_without_thinking_does_not_hear() -> None:
    for flavour in ("siliconflow", "dashscope"):
        body = sent(ask(reasoning_effort="high", features=("tools",)), flavour)
        assert body.keys() == {"model", "messages"}


def test_an_effort_that_does_not_exist_is_refused_by_name() -> None:
    failure = refused(ask(reasoning_effort="huge"), "deepseek").failure
    assert failure.kind is Kind.REJECTED
    assert "`reasoning_effort`" in failure.detail


def test_a_caller_who_knows_the_providers_own_switches_is_obeyed() -> None:
    body = sent(ask(enable_thinking=False, reasoning_effort="none"), "siliconflow")
    assert body["enable_thinking"] is False
    body = sent(ask(thinking={"type": "enabled"}, reasoning_effort="low"), "deepseek")
    assert (body["thinking"], body["reasoning_effort"]) == ({"type": "enabled"}, "low")
    body = sent(ask(thinking_budget=200, reasoning_effort="low"), "siliconflow")
    assert body["thinking_budget"] == 200


@pytest.mark.parametrize(
    ("choice", "thinks"),
    [(None, True), ("auto", True), ("required", False), ("none", False), ({"type": "f"}, False)],
)
def test_deepseek_does_not_think_when_a_tool_is_forced(choice: object, thinks: bool) -> None:
    body = sent(ask(tool_choice=choice, thinking={"type": "enabled"}), "deepseek")
    assert body["thinking"]["type"] == ("enabled" if thinks else "disabled")
    assert body["tool_choice"] == choice
    assert "thinking" not in sent(ask(tool_choice=choice), "siliconflow")


def test_a_schema_is_native_where_the_target_knows_schemas() -> None:
    body = sent(ask(response_format=FORMAT, features=("json_schema",)), "siliconflow")
    assert body["response_format"] == FORMAT
    assert body["messages"] == [user("Hello")]


@pytest.mark.parametrize(
    ("flavour", "features", "mend"),
    [
        ("deepseek", ("json_schema",), ()),
        ("siliconflow", ("json_object",), ()),
        ("generic", ("json_object",), ()),
        ("generic", ("json_schema",), ("json_schema",)),
    ],
)
def test_a_schema_is_said_in_the_prompt_where_it_cannot_be_sent(
    flavour: str, features: tuple[str, ...], mend: tuple[str, ...]
) -> None:
    body = sent(ask(response_format=FORMAT, features=features, mend=mend), flavour)
    assert body["response_format"] == {"type": "json_object"}
    told, asked = body["messages"]
    assert told["role"] == "system"
    assert told["content"].startswith(SCHEMA)
    assert msgspec.json.decode(told["content"].removeprefix(SCHEMA)) == SHAPE
    assert "json" in told["content"]
    assert asked == user("Hello")


def test_a_schema_may_be_missing_from_its_format() -> None:
    body = sent(ask(response_format={"type": "json_schema", "json_schema": {}}), "deepseek")
    assert body["messages"][0]["content"] == SCHEMA + "{}"


def test_an_instruction_joins_the_system_message_that_there_is() -> None:
    [system, _] = sent(ask([SYSTEM, user("Hi")], response_format=FORMAT), "deepseek")["messages"]
    assert system["content"].startswith("You draw.\n\nAnswer in json")
    parts = {"role": "developer", "content": [{"type": "text", "text": "You draw."}], "name": "x"}
    [system, _] = sent(ask([parts, user("Hi")], response_format=FORMAT), "deepseek")["messages"]
    assert (system["role"], system["name"], len(system["content"])) == ("system", "x", 2)
    assert system["content"][1]["text"].startswith(SCHEMA)


def test_deepseeks_prompt_for_an_object_says_json() -> None:
    shape = {"type": "json_object"}
    [told, _] = sent(ask(response_format=shape), "deepseek")["messages"]
    assert told == {"role": "system", "content": OBJECT}
    assert sent(ask("in JSON", response_format=shape), "deepseek")["messages"] == [user("in JSON")]
    assert sent(ask(response_format=shape), "siliconflow")["messages"] == [user("Hello")]
    assert sent(ask(response_format={"type": "text"}), "deepseek")["messages"] == [user("Hello")]


def test_an_object_that_no_format_can_ask_for_is_asked_for_in_words() -> None:
    body = sent(ask(response_format={"type": "json_object"}, mend=("json_schema",)), "generic")
    assert "response_format" not in body
    assert body["messages"][0]["content"] == OBJECT


def test_deepseek_gets_back_what_it_thought_once_tools_were_called() -> None:
    kept, said = Reasonings(), [user("a"), CALL, RESULT]
    asked = ask(said)
    kept.remember(owner(asked.target), "call_00_abcdefgh_1234", "hm")
    assert sent(asked, "deepseek", kept)["messages"][1] == CALL | {"reasoning_content": "hm"}
    assert sent(asked, "siliconflow", kept)["messages"] == said
    other = msgspec.structs.replace(asked, target=replace(asked.target, model="deepseek-v4-pro"))
    assert sent(other, "deepseek", kept)["messages"][1]["reasoning_content"] == ""


def test_every_turn_of_the_assistants_has_its_thought_even_an_empty_one() -> None:
    kept = Reasonings()
    said = [user("a"), {"role": "assistant", "content": " b "}, user("c"), CALL, RESULT]
    asked = ask(said)
    key = Trail(asked.request.messages[:1]).key("b", [])
    kept.remember(owner(asked.target), key, "plain thought")
    messages = sent(asked, "deepseek", kept)["messages"]
    assert messages[1]["reasoning_content"] == "plain thought"
    assert messages[3]["reasoning_content"] == ""
    assert "reasoning_content" not in messages[0]


def test_a_thought_that_the_client_kept_is_left_alone() -> None:
    said = [user("a"), CALL | {"reasoning_content": "mine"}, RESULT]
    assert sent(ask(said), "deepseek")["messages"] == said


def test_without_tools_no_thought_is_handed_back() -> None:
    said = [user("a"), {"role": "assistant", "content": "b"}, user("c")]
    assert sent(ask(said), "deepseek")["messages"] == said


@pytest.mark.parametrize(
    ("flavour", "features", "told"),
    [
        ("deepseek", (), {"thinking": {"type": "disabled"}}),
        ("siliconflow", ("thinking",), {"enable_thinking": False}),
        ("siliconflow", (), {}),
        ("generic", (), {}),
    ],
)
def test_the_repair_for_lost_thoughts_hands_something_back_and_stops_thinking(
    flavour: str, features: tuple[str, ...], told: dict[str, Any]
) -> None:
    said = [user("a"), {"role": "assistant", "content": "b"}, user("c")]
    body = sent(ask(said, mend=("reasoning",), features=features), flavour)
    assert body.pop("messages")[1] == said[1] | {"reasoning_content": ""}
    assert body == {"model": "deepseek-flash", **told}


def test_a_prefill_is_marked_where_the_target_takes_one() -> None:
    said = [user("a"), {"role": "assistant", "content": "b"}]
    assert sent(ask(said), "dashscope")["messages"] == said
    marked = sent(ask(said, features=("prefill",)), "dashscope")["messages"]
    assert marked[1] == said[1] | {"partial": True}
    assert sent(ask(said, features=("prefill",)), "generic")["messages"] == said


def test_typed_messages_are_sent_where_no_raw_ones_came() -> None:
    asked = ask([SYSTEM, user("Hi")])
    bare = msgspec.structs.replace(asked, request=msgspec.structs.replace(asked.request, fields={}))
    assert sent(bare)["messages"] == [SYSTEM, user("Hi")]


def test_a_typed_message_can_be_changed_like_a_raw_one() -> None:
    asked = ask([user("a"), CALL, RESULT])
    bare = msgspec.structs.replace(asked, request=msgspec.structs.replace(asked.request, fields={}))
    assert sent(bare, "deepseek")["messages"][1]["reasoning_content"] == ""


@given(
    extra=st.dictionaries(
        st.sampled_from(["x", "y", "logprobs", "min_p", "mirostat", "enable_thinking"]),
        st.recursive(st.none() | st.integers(0, 9) | st.text(max_size=9), st.lists, max_leaves=4),
    )
)
def test_whatever_is_not_ours_to_change_arrives_unchanged(extra: dict[str, Any]) -> None:
    asked = request(**extra)
    body = sent(Ask(asked, ask().target), "siliconflow")
    assert {name: body[name] for name in extra} == extra
