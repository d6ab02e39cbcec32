from typing import Any

import pytest

from portico.routing.attempts import Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.litellm_request import PROMISES, WISHES, arguments, pictures
from tests.upstreams.openai_asks import ask, called, user

ALL = WISHES | PROMISES | {"max_tokens", "max_completion_tokens"}
PICTURE = "data:image/png;base64," + "iVBORw0KGgo/" * 20
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def said(provider: str = "openai", supported: Any = ALL, **body: Any) -> dict[str, Any]:
    told = arguments(ask(**body), provider, supported)
    told.pop("messages")
    return told


def with_part(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}]


def test_messages_pass_as_they_came() -> None:
    messages = [user("Hi") | {"strange": {"a": [1]}}, called("f", "call_1")]
    assert arguments(ask(messages), "openai", ALL) == {"messages": messages}


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert said(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}


def test_known_fields_pass() -> None:
    fields = {"temperature": 0.5, "tools": [TOOL], "stop": ["x"], "n": 2, "seed": 7}
    assert said(**fields) == fields


@pytest.mark.parametrize("field", ["api_base", "mock_response", "fallbacks", "custom_field"])
def test_unknown_fields_do_not_pass(field: str) -> None:
    assert said(**{field: "x"}) == {}
    assert said(supported=None, **{field: "x"}) == {}


@pytest.mark.parametrize("field", ["user", "metadata", "store", "service_tier"])
def test_housekeeping_is_left_out(field: str) -> None:
    assert said(supported=None, **{field: "x"}) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 0.0), ("seed", 0), ("parallel_tool_calls", False), ("stop", "x"), ("n", 2)],
)
def test_a_value_that_python_takes_for_nothing_still_says_something(
    field: str, value: object
) -> None:
    assert said(**{field: value}) == {field: value}


def test_a_wish_that_a_provider_cannot_grant_is_left_out() -> None:
    assert said(supported=set(), seed=7, frequency_penalty=0.1, reasoning_effort="low") == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("logit_bias", {"5": 1}),
        ("logprobs", True),
        ("n", 2),
        ("response_format", {"type": "json_object"}),
        ("stop", ["x"]),
        ("tool_choice", "required"),
        ("tools", [TOOL]),
    ],
)
def test_a_promise_that_a_provider_cannot_keep_is_refused_by_name(
    field: str, value: object
) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        said(supported=set(), **{field: value})
    assert caught.value.failure.kind is Kind.INCAPABLE
    assert f"`{field}`" in caught.value.failure.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("logit_bias", {}),
        ("logit_bias", None),
        ("logprobs", False),
        ("n", 1),
        ("response_format", {"type": "text"}),
        ("stop", []),
        ("tool_choice", "auto"),
        ("tools", []),
    ],
)
def test_a_field_that_says_nothing_is_no_promise(field: str, value: object) -> None:
    assert said(supported=set(), **{field: value}) == {}


def test_the_output_is_bounded_by_the_caller_and_by_the_target() -> None:
    assert said(max_tokens=100) == {"max_tokens": 100}
    assert said(max_tokens=100, max_output=50) == {"max_tokens": 50}
    assert said(max_completion_tokens=100) == {"max_completion_tokens": 100}
    assert said(supported={"max_tokens"}, max_completion_tokens=100) == {"max_tokens": 100}
    assert said(max_output=50) == {}


def test_a_provider_that_wants_a_bound_is_told_the_targets() -> None:
    assert said("anthropic", max_output=50) == {"max_tokens": 50}
    assert said("anthropic") == {}


def test_no_thoughts_are_asked_for_after_a_call_whose_thoughts_are_gone() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    messages = [user("Hi"), called("f", "call_1")]
    fields = {"thinking": thinking, "reasoning_effort": "low"}
    assert said("anthropic", **fields) == fields
    assert said("anthropic", messages=messages, **fields) == {}
    assert said("openai", messages=messages, **fields) == fields


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": "http://169.254.169.254/latest"},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ],
)
def test_nothing_is_left_for_litellm_to_fetch(part: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        arguments(ask(with_part(part)), "anthropic", ALL)
    assert caught.value.failure.kind is Kind.INCAPABLE
    assert "example" not in caught.value.failure.detail


def test_a_picture_is_known_again_by_its_beginning() -> None:
    asked = ask(with_part({"type": "image_url", "image_url": {"url": PICTURE}}))
    (sign,) = pictures(asked.request)
    assert PICTURE.endswith(PICTURE.partition(",")[2])
    assert PICTURE.partition(",")[2].encode().startswith(sign)
    assert len(sign) == 64
    assert pictures(ask("no picture").request) == ()
