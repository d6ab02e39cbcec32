from typing import Any

import pytest

from portico.chat.request import ResponseFormat
from portico.routing.attempts import Kind
from portico.upstreams.base import UpstreamFailed
from tests.upstreams.gemini_asks import ask, body, raw, schema_format, tool

SCHEMA = {"type": "object", "properties": {"x": {"type": ["integer", "null"]}}, "required": ["x"]}


def config(**fields: Any) -> Any:
    return body(ask(**fields)).get("generationConfig", {})


def refusal(**fields: Any) -> str:
    with pytest.raises(UpstreamFailed) as caught:
        body(ask(**fields))
    assert caught.value.failure.kind is Kind.REJECTED
    return caught.value.failure.detail


def test_a_plain_question_is_nothing_but_its_contents() -> None:
    assert body(ask("Hi")) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_the_knobs_have_other_names() -> None:
    assert config(
        max_tokens=100,
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        n=2,
        stop=["END", "FIN"],
        seed=2**40 + 7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        extra={"logprobs": True, "top_logprobs": 4},
    ) == {
        "maxOutputTokens": 100,
        "temperature": 0.0,
        "topP": 0.5,
        "topK": 3,
        "candidateCount": 2,
        "stopSequences": ["END", "FIN"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 4,
    }


def test_one_answer_and_one_stop_need_no_list() -> None:
    assert config(n=1, stop="END") == {"stopSequences": ["END"]}


def test_logprobs_without_a_number_ask_for_none_but_the_chosen() -> None:
    assert config(extra={"logprobs": True}) == {"responseLogprobs": True}
    assert config(extra={"logprobs": False, "top_logprobs": None}) == {}


def test_no_more_is_asked_than_the_model_can_give() -> None:
    assert config(max_completion_tokens=100_000, max_output=65_536) == {"maxOutputTokens": 65_536}
    assert config(max_tokens=10, max_output=65_536) == {"maxOutputTokens": 10}
    assert config(max_output=65_536) == {}


def test_tools_keep_their_json_schema_untouched() -> None:
    sent = body(ask(tools=[tool("f", SCHEMA, "does"), tool("g")], tool_choice=raw("auto")))
    declared = [{"name": "f", "description": "does", "parametersJsonSchema": SCHEMA}, {"name": "g"}]
    assert sent["tools"] == [{"function_declarations": declared}]
    assert sent["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "f"}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_the_choice_of_tools_is_a_mode(choice: Any, calling: dict[str, Any]) -> None:
    sent = body(ask(tools=[tool("f")], tool_choice=raw(choice)))
    assert sent["toolConfig"]["functionCallingConfig"] == calling


def test_no_choice_and_no_tools_say_nothing() -> None:
    assert "toolConfig" not in body(ask(tools=[tool("f")]))
    assert "toolConfig" not in body(ask(tools=[tool("f")], tool_choice=raw(None)))
    assert "toolConfig" not in body(ask(tool_choice=raw("auto")))


def test_the_shape_of_the_answer() -> None:
    assert config(response_format=ResponseFormat("text")) == {}
    assert config(response_format=ResponseFormat("json_object")) == {
        "responseMimeType": "application/json"
    }
    assert config(response_format=schema_format(SCHEMA)) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }


def test_thoughts_are_shown_to_those_who_ask_for_reasoning() -> None:
    assert config(reasoning_effort="low") == {
        "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}
    }
    assert config(reasoning_effort="none") == {"thinkingConfig": {"thinkingLevel": "minimal"}}
    assert config(extra={"include_reasoning": True}) == {
        "thinkingConfig": {"includeThoughts": True}
    }
    assert config(reasoning_effort="high", model="gemini-2.0-flash") == {}


SAFETY = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]


@pytest.mark.parametrize(
    "extra",
    [
        {"safety_settings": SAFETY},
        {"safetySettings": SAFETY},
        {"google": {"safety_settings": SAFETY}},
        {"extra_body": {"google": {"safetySettings": SAFETY}}},
    ],
)
def test_google_s_own_fields_pass_wherever_they_stand(extra: dict[str, Any]) -> None:
    assert body(ask(extra=extra))["safetySettings"] == SAFETY


def test_google_s_own_configuration_wins() -> None:
    own = {"max_output_tokens": 7, "media_resolution": "MEDIA_RESOLUTION_LOW"}
    assert config(max_tokens=100, top_k=2, extra={"generation_config": own}) == {
        "maxOutputTokens": 7,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "topK": 2,
    }


def test_a_level_and_a_budget_are_never_sent_together() -> None:
    extra = {"thinking_config": {"thinking_budget": 99}, "generationConfig": None}
    assert config(reasoning_effort="high", extra=extra) == {
        "thinkingConfig": {"thinkingBudget": 99}
    }


def test_a_thinking_configuration_may_stand_in_two_places() -> None:
    extra = {
        "generation_config": {"thinkingConfig": {"include_thoughts": False}},
        "google": {"thinking_config": {"thinking_level": "low"}},
    }
    assert config(reasoning_effort="high", extra=extra) == {
        "thinkingConfig": {"includeThoughts": False, "thinkingLevel": "low"}
    }


def test_what_means_nothing_to_gemini_is_dropped() -> None:
    extra = {
        "user": "u",
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "chat_id": "1",
        "min_p": 0.1,
        "logit_bias": {},
        "modalities": ["text"],
        "audio": None,
    }
    assert body(ask("Hi", extra=extra, parallel_tool_calls=False)) == body(ask("Hi"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", {"5": 1}),
        ("audio", {"voice": "x"}),
        ("modalities", ["text", "audio"]),
        ("functions", [{"name": "f"}]),
        ("web_search_options", {"a": 1}),
        ("google", 3),
        ("extra_body", []),
        ("thinking_config", "much"),
    ],
)
def test_what_would_be_silently_wrong_is_refused_by_name(name: str, value: Any) -> None:
    assert refusal(extra={name: value}).startswith(name)


def test_fields_that_cannot_be_translated_are_refused_by_name() -> None:
    assert refusal(stop=list("abcdef")).startswith("stop")
    assert refusal(reasoning_effort="heroic").startswith("reasoning_effort")
    assert refusal(response_format=ResponseFormat("grammar")).startswith("response_format.type")
    assert refusal(tools=[tool("f")], tool_choice=raw("maybe")).startswith("tool_choice")
    assert refusal(tools=[tool("f")], tool_choice=raw({"type": "x"})).startswith("tool_choice")
