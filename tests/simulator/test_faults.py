"""Every fault, at every upstream that can have it: status and shape as upstream-wire gives them."""

import re
from typing import Any

import httpx
import pytest

from portico.simulator.effects import EFFECTS
from portico.simulator.faults import FAULTS, SHAPED
from portico.simulator.gemini_faults import CHANGES as GEMINI_CHANGES
from portico.simulator.openai_faults import CHANGES as OPENAI_CHANGES

from .conftest import Bench, events, texts

pytestmark = pytest.mark.anyio

STATUS: dict[str, int | dict[str, int]] = {
    "rate_limited_minute": 429,
    "rate_limited_day": 429,
    "rate_limited_tokens": 429,
    "rate_limited_bare": 429,
    "rate_limited_zero": 429,
    "rate_limited_header": 429,
    "spend_limit": 429,
    "credits_depleted": 429,
    "insufficient_balance": {
        "gemini": 402,
        "siliconflow": 403,
        "deepseek": 402,
        "dashscope": 400,
        "openai": 429,
    },
    "overloaded": {"anthropic": 529, "*": 503},
    "internal": 500,
    "bad_gateway": 502,
    "timeout_504": 504,
    "invalid_key": {"gemini": 400, "*": 401},
    "forbidden": 403,
    "expired_key": {"gemini": 400, "*": 401},
    "region": {"gemini": 400, "*": 403},
    "model_gone": {"siliconflow": 400, "deepseek": 400, "*": 404},
    "too_long": 400,
    "bad_request": 400,
    "unprocessable": 422,
    "signature_missing": 400,
    "reasoning_missing": 400,
    "json_schema_unavailable": 400,
    "data_inspection_failed": 400,
    "empty_body": 200,
    "html_200": 200,
    "not_json_200": 200,
}
"""The faults that come instead of an answer."""

QUICK: dict[str, dict[str, Any]] = {
    "stall": {"seconds": 0.01},
    "slow_first": {"seconds": 0.01},
    "silent": {"seconds": 0.01},
    "huge_chunk": {"bytes": 200_000},
}
UNSEEN = {"stall", "slow_first", "split_utf8", "missing_done", "drop_tool_ids"}
"""The faults that leave this answer's bytes as they are, or nearly; they have their own tests."""

UNCOUNTED = {("usage_missing", "openai"), ("usage_missing", "dashscope")}
"""These do not count a stream anyway unless they are asked to."""

EVERYWHERE = [(name, upstream) for name, known in FAULTS.items() for upstream in sorted(known)]


def expected(name: str, upstream: str) -> int:
    status = STATUS[name]
    return status if isinstance(status, int) else status.get(upstream, status.get("*", 0))


async def outcome(bench: Bench, upstream: str, *, stream: bool) -> tuple[int, str, str]:
    """Return the status, the body as far as it came, and what broke, if anything did."""
    text = "SAY: one two three four ünï"
    try:
        response = await bench.ask(upstream, text, stream=stream)
    except httpx.HTTPError as error:
        return 0, "", type(error).__name__
    return response.status_code, response.text, ""


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("name", "upstream"), EVERYWHERE)
async def test_every_fault_happens_wherever_it_is_declared(
    bench: Bench, name: str, upstream: str, stream: bool
) -> None:
    usual = await outcome(bench, upstream, stream=stream)
    bench.simulator.fault(upstream, "*", name, **QUICK.get(name, {}))
    faulty = await outcome(bench, upstream, stream=stream)
    if name in STATUS:
        assert faulty[0] == expected(name, upstream)
        assert bench.simulator.bills[-1].status == "failed"
        assert bench.simulator.bills[-1].input == 0
    else:
        answered = (0, 200) if stream or name != "error_in_stream" else (503, 529)
        assert faulty[0] in answered
    if name not in UNSEEN and (name, upstream) not in UNCOUNTED:
        assert unserialled(faulty) != unserialled(usual)
    assert unserialled(await outcome(bench, upstream, stream=stream)) == unserialled(usual)


def unserialled(seen: tuple[int, str, str]) -> tuple[int, str, str]:
    """Leave out serial numbers and times, in which any two answers differ."""
    status, body, error = seen
    return status, re.sub(r'(simulated[-_]|"created(_at)?":"?)[\dT:+-]+', r"\1", body), error


def test_no_fault_is_only_a_name() -> None:
    made = set(STATUS) | set(OPENAI_CHANGES) | set(GEMINI_CHANGES) | set(EFFECTS) | {"huge_chunk"}
    assert made == set(FAULTS)


# --- Google's limits


async def limited(bench: Bench, name: str, **params: Any) -> dict[str, Any]:
    bench.simulator.fault("gemini", "*", name, **params)
    error: dict[str, Any] = (await bench.ask("gemini")).json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    return error


@pytest.mark.parametrize(
    ("name", "quota", "value"),
    [
        ("rate_limited_minute", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "15"),
        ("rate_limited_day", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20"),
        (
            "rate_limited_tokens",
            "GenerateContentInputTokensPerModelPerMinute-FreeTier",
            "250000",
        ),
        ("rate_limited_zero", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", None),
    ],
)
async def test_googles_quota_is_named_and_the_wait_is_seconds(
    bench: Bench, name: str, quota: str, value: str | None
) -> None:
    error = await limited(bench, name)
    kinds = [detail["@type"].rpartition(".")[2] for detail in error["details"]]
    assert kinds == ["Help", "QuotaFailure", "RetryInfo"]
    [violation] = error["details"][1]["violations"]
    assert violation["quotaId"] == quota
    assert violation.get("quotaValue") == value
    assert violation["quotaDimensions"] == {"location": "global", "model": "gemini-3-flash"}
    assert error["details"][2]["retryDelay"] == "10s"
    assert f"limit: {value or 0}, model: gemini-3-flash" in error["message"]


async def test_the_wait_may_be_fractional(bench: Bench) -> None:
    error = await limited(bench, "rate_limited_minute", delay=45.837906927)
    assert error["details"][2]["retryDelay"] == "45.837906927s"


async def test_some_of_googles_limits_have_no_details(bench: Bench) -> None:
    assert "details" not in await limited(bench, "rate_limited_bare")
    assert (
        "prepayment credits are depleted" in (await limited(bench, "credits_depleted"))["message"]
    )
    assert "spend limit" in (await limited(bench, "spend_limit"))["message"]


@pytest.mark.parametrize(
    ("params", "header"), [({"delay": 22}, "22"), ({"delay": 0.25}, "0.25"), ({}, "10")]
)
async def test_a_retry_after_may_be_a_fraction(
    bench: Bench, params: dict[str, Any], header: str
) -> None:
    bench.simulator.fault("deepseek", "*", "rate_limited_header", **params)
    assert (await bench.ask("deepseek")).headers["retry-after"] == header


async def test_a_retry_after_may_be_a_date(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "rate_limited_header", date=True, delay=60)
    assert (await bench.ask("gemini")).headers["retry-after"].endswith(" GMT")


async def test_googles_two_overloads(bench: Bench) -> None:
    bench.simulator.fault("gemini", "*", "overloaded", variant="2025")
    bench.simulator.fault("gemini", "*", "overloaded")
    first, second = (await bench.ask("gemini")).json(), (await bench.ask("gemini")).json()
    assert first["error"]["message"] == "The model is overloaded. Please try again later."
    assert "experiencing high demand" in second["error"]["message"]


async def test_siliconflows_two_overloads(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "overloaded")
    bench.simulator.fault("siliconflow", "*", "overloaded", variant="50508")
    codes = [(await bench.ask("siliconflow")).json()["code"] for _ in range(2)]
    assert codes == [50505, 50508]


async def test_siliconflows_limits_name_their_axis(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "rate_limited_tokens", variant="50602")
    bench.simulator.fault("siliconflow", "*", "rate_limited_day")
    first, second = (await bench.ask("siliconflow")).json(), (await bench.ask("siliconflow")).json()
    words = "Request was rejected due to rate limiting. Details: {} limit reached."
    assert first == {"code": 50602, "message": words.format("TPM"), "data": None}
    assert second == {"message": words.format("RPD"), "data": None}


@pytest.mark.parametrize(
    ("upstream", "name", "body"),
    [
        ("siliconflow", "invalid_key", "Invalid token"),
        ("siliconflow", "forbidden", "Forbidden"),
        (
            "deepseek",
            "insufficient_balance",
            {
                "error": {
                    "message": "Insufficient Balance",
                    "type": "unknown_error",
                    "param": None,
                    "code": "invalid_request_error",
                }
            },
        ),
        (
            "gemini",
            "region",
            {
                "error": {
                    "code": 400,
                    "message": "User location is not supported for the API use.",
                    "status": "FAILED_PRECONDITION",
                }
            },
        ),
    ],
)
async def test_captured_bodies_are_sent_verbatim(
    bench: Bench, upstream: str, name: str, body: Any
) -> None:
    bench.simulator.fault(upstream, "*", name)
    assert (await bench.ask(upstream)).json() == body


# --- other answers, Gemini


async def gemini(bench: Bench, name: str, *, stream: bool = False, **params: Any) -> Any:
    bench.simulator.fault("gemini", "*", name, **params)
    response = await bench.ask("gemini", "SAY: one two three four", stream=stream)
    assert response.status_code == 200
    return events(response) if stream else response.json()


@pytest.mark.parametrize("usage", [True, False])
async def test_a_blocked_prompt_has_no_candidates(bench: Bench, usage: bool) -> None:
    answer = await gemini(bench, "blocked_prompt", usage=usage)
    assert answer["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in answer
    assert ("usageMetadata" in answer) is usage
    [chunk] = await gemini(bench, "blocked_prompt", stream=True)
    assert "candidates" not in chunk


@pytest.mark.parametrize(
    ("name", "reason"), [("safety_mid_stream", "SAFETY"), ("recitation", "RECITATION")]
)
async def test_policy_stops_an_answer_in_the_middle(bench: Bench, name: str, reason: str) -> None:
    chunks = await gemini(bench, name, stream=True, after=1)
    assert texts(chunks[:-1]) == "one "
    assert chunks[-1]["candidates"][0]["finishReason"] == reason
    whole = await gemini(bench, name)
    assert whole["candidates"][0]["finishReason"] == reason
    assert bench.simulator.bills[0].status == "finished"


@pytest.mark.parametrize(
    ("name", "finish"),
    [
        ("malformed_function_call", "MALFORMED_FUNCTION_CALL"),
        ("max_tokens_by_thoughts", "MAX_TOKENS"),
        ("empty_answer", "STOP"),
    ],
)
async def test_answers_without_parts(bench: Bench, name: str, finish: str) -> None:
    for stream in (True, False):
        answer = await gemini(bench, name, stream=stream)
        [candidate] = (answer[0] if stream else answer)["candidates"]
        assert candidate["finishReason"] == finish
        assert "parts" not in candidate["content"]
        assert "candidatesTokenCount" not in (answer[0] if stream else answer)["usageMetadata"]


async def test_thoughts_that_ate_the_limit_are_billed(bench: Bench) -> None:
    usage = (await gemini(bench, "max_tokens_by_thoughts"))["usageMetadata"]
    assert usage["thoughtsTokenCount"] == bench.simulator.bills[0].output > 0
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["thoughtsTokenCount"]


async def test_no_candidates_no_usage_another_name_and_more_fields(bench: Bench) -> None:
    assert (await gemini(bench, "empty_choices"))["candidates"] == []
    assert all("usageMetadata" not in c for c in await gemini(bench, "usage_missing", stream=True))
    assert (await gemini(bench, "wrong_model"))["modelVersion"] == "another-model"
    for chunk in await gemini(bench, "extra_fields", stream=True):
        assert chunk["event"]["type"] == "execute"


# --- other answers, OpenAI's dialect


async def shaped(bench: Bench, upstream: str, name: str, *, stream: bool, **params: Any) -> Any:
    bench.simulator.fault(upstream, "*", name, **params)
    response = await bench.ask(upstream, "SAY: one two three four", stream=stream)
    assert response.status_code == 200
    return events(response) if stream else response.json()


@pytest.mark.parametrize(
    ("upstream", "name", "reason", "ends"),
    [
        ("openai", "content_filter", "content_filter", "finished"),
        ("deepseek", "insufficient_system_resource", "insufficient_system_resource", "cut"),
    ],
)
async def test_an_answer_ends_early_with_a_reason(
    bench: Bench, upstream: str, name: str, reason: str, ends: str
) -> None:
    chunks = await shaped(bench, upstream, name, stream=True, after=1)
    assert chunks[-1]["choices"][0]["finish_reason"] == reason
    assert "four" not in texts(chunks)
    whole = await shaped(bench, upstream, name, stream=False)
    assert whole["choices"][0]["finish_reason"] == reason
    assert [bill.status for bill in bench.simulator.bills] == [ends, ends]


@pytest.mark.parametrize("stream", [True, False])
async def test_the_finish_may_be_empty_or_eos(bench: Bench, stream: bool) -> None:
    for name, reason in (("finish_empty", ""), ("eos", "eos")):
        answer = await shaped(bench, "siliconflow", name, stream=stream)
        last = answer[-1] if stream else answer
        assert last["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize("upstream", sorted(SHAPED))
async def test_an_empty_answer_has_a_finish_and_no_content(bench: Bench, upstream: str) -> None:
    chunks = await shaped(bench, upstream, "empty_answer", stream=True)
    assert texts(chunks) == ""
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any(chunk["choices"][0]["delta"].get("reasoning_content") for chunk in chunks)
    whole = await shaped(bench, upstream, "empty_answer", stream=False)
    assert whole["choices"][0]["message"]["content"] == ""
    assert bench.simulator.bills[0].output == 0


async def test_no_choices_no_usage_another_name_and_more_fields(bench: Bench) -> None:
    assert (await shaped(bench, "openai", "empty_choices", stream=False))["choices"] == []
    chunks = await shaped(bench, "openai", "empty_choices", stream=True)
    assert all(chunk["choices"] == [] for chunk in chunks)
    chunks = await shaped(bench, "siliconflow", "usage_missing", stream=True)
    assert not any("usage" in chunk for chunk in chunks)
    chunks = await shaped(bench, "openai", "wrong_model", stream=True, answers_as="gpt-x")
    assert {chunk["model"] for chunk in chunks} == {"gpt-x"}
    for chunk in await shaped(bench, "openai", "extra_fields", stream=True):
        assert chunk["event"]["type"] == "execute"
        assert chunk["selected_model_id"]
        assert chunk["choices"][0]["content_filter_results"]["hate"] == {"filtered": False}


@pytest.mark.parametrize("stream", [True, False])
async def test_tool_calls_may_come_without_ids(bench: Bench, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "get_weather"}}
    bench.simulator.fault("openai", "*", "drop_tool_ids")
    response = await bench.ask("openai", "weather", tools=[tool], stream=stream)
    assert "get_weather" in response.text
    assert "call_simulated" not in response.text


async def test_done_may_be_missing(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "missing_done")
    response = await bench.ask("openai", stream=True)
    assert "[DONE]" not in response.text
    assert events(response)[-1]["choices"][0]["finish_reason"] == "stop"
    assert bench.simulator.bills[0].status == "finished"
