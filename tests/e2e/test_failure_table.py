"""Every row of the design's failure table, from real bodies, through real sockets."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portico.routing.attempts import Kind
from tests.serving import PNG as PICTURE
from tests.serving import house

pytestmark = pytest.mark.anyio

V3 = ("deepseek-v3", "siliconflow", "deepseek-ai/DeepSeek-V3")
FLASH = ("gemini-3-flash", "gemini", "gemini-3-flash-preview")


@dataclass(frozen=True)
class Row:
    """A fault of a provider, what we call it, and what a caller sees if nobody else is left."""

    kind: Kind
    who: tuple[str, str, str]
    fault: str
    status: int
    code: str = "unanswered"
    params: dict[str, Any] = field(default_factory=dict)
    stream: bool = True
    rests: str | None = None

    @property
    def name(self) -> str:
        told = "-".join(str(value) for value in self.params.values())
        return f"{self.kind}-{self.who[1]}-{self.fault}{told and '-' + told}"


LIMITED = "upstream_rate_limited"
TYPES = {
    429: "rate_limit_error",
    **dict.fromkeys((400, 413, 422), "invalid_request_error"),
}
LEADS = {
    LIMITED: "The upstream's limit is reached. ",
    "upstream_rejected": "The upstream rejected the request. ",
    "context_length_exceeded": "The request is too long for the model. ",
    "no_capable_target": "The model does not take this request. ",
}
ROWS = [
    Row(Kind.UNAVAILABLE, V3, "cut", 502, params={"before_headers": True}),
    Row(Kind.UNAVAILABLE, V3, "cut", 502, params={"after": 0}),
    Row(Kind.SILENT, V3, "silent", 504),
    Row(Kind.SILENT, FLASH, "slow_first", 504, params={"seconds": 30}),
    Row(Kind.UNAVAILABLE, V3, "overloaded", 502),
    Row(Kind.UNAVAILABLE, FLASH, "overloaded", 502),
    Row(Kind.UNAVAILABLE, FLASH, "internal", 502),
    Row(Kind.UNAVAILABLE, V3, "bad_gateway", 502),
    Row(Kind.UNAVAILABLE, FLASH, "empty_answer", 502),
    Row(Kind.GARBLED, V3, "html_200", 502),
    Row(Kind.GARBLED, FLASH, "html_200", 502),
    Row(Kind.GARBLED, FLASH, "malformed_function_call", 502),
    Row(Kind.RATE_LIMITED, FLASH, "rate_limited_minute", 429, LIMITED, rests="rate_limited"),
    Row(Kind.RATE_LIMITED, V3, "rate_limited_minute", 429, LIMITED, rests="rate_limited"),
    Row(Kind.QUOTA_SPENT, FLASH, "rate_limited_day", 429, LIMITED, rests="quota_spent"),
    Row(Kind.ACCOUNT, V3, "invalid_key", 502, rests="account"),
    Row(Kind.ACCOUNT, FLASH, "invalid_key", 502, rests="account"),
    Row(Kind.ACCOUNT, FLASH, "credits_depleted", 502, rests="account"),
    Row(Kind.REGION, FLASH, "region", 502, rests="region"),
    Row(Kind.MODEL_GONE, V3, "model_gone", 502, rests="model_gone"),
    Row(Kind.MODEL_GONE, FLASH, "model_gone", 502, rests="model_gone"),
    Row(Kind.TOO_LONG, V3, "too_long", 413, "context_length_exceeded"),
    Row(Kind.TOO_LONG, FLASH, "too_long", 413, "context_length_exceeded"),
    Row(Kind.REJECTED, V3, "bad_request", 400, "upstream_rejected"),
    Row(Kind.REJECTED, FLASH, "bad_request", 400, "upstream_rejected"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_last_candidates_failure_is_said_as_the_table_says(
    row: Row, stream: bool, tmp_path: Path
) -> None:
    name, upstream, model = row.who
    async with house(tmp_path) as lab:
        lab.simulator.fault(upstream, model, row.fault, times=None, **row.params)
        answer = await lab.chat(model=name, stream=stream)
        error = answer.json()["error"]
        standing = (await lab.client.get("/api/standing")).json()["targets"]

    assert (answer.status_code, error["code"]) == (row.status, row.code)
    assert [(one["target"], one["kind"]) for one in error["attempts"]] == [(name, row.kind)]
    assert answer.headers["x-portico-attempts"] == "1"
    assert error["source"] == "upstream"
    assert error["type"] == TYPES.get(row.status, "api_error")
    assert error["message"].startswith(LEADS.get(row.code, "The model did not answer."))
    stands = next(one for one in standing if one["target"] == name)
    assert stands.get("reason") == row.rests
    if row.status == 429:
        assert int(answer.headers["retry-after"]) > 0


STOPS = {Kind.REJECTED}


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind not in STOPS], ids=lambda row: row.name
)
async def test_somebody_else_answers_where_the_table_says_next(row: Row, tmp_path: Path) -> None:
    name, upstream, model = row.who
    other = "qwen3-coder" if upstream == "gemini" else "gemini-3-flash"  # at another upstream
    role = {"targets": [name, other]}
    small = {"context_window": 1000, "max_output": 500}
    windows = {name: small} if row.kind is Kind.TOO_LONG else {}
    async with house(tmp_path, roles={"code": role}, targets=windows) as lab:
        lab.simulator.fault(upstream, model, row.fault, times=None, **row.params)
        answer = await lab.chat(stream=False)
        (told,) = await lab.requests()

    assert answer.status_code == 200
    assert answer.json()["model"] == answer.headers["x-portico-target"] == other
    assert answer.headers["x-portico-attempts"] == "2"
    assert [one["outcome"] for one in told["attempts"]] == ["failed", "answered"]
    assert told["attempts"][0]["kind"] == row.kind


async def test_nobody_at_the_address_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody will answer there
        taken.bind(("127.0.0.1", 0))
        nowhere = {"siliconflow": {"base_url": f"http://127.0.0.1:{taken.getsockname()[1]}/v1"}}
        async with house(tmp_path, upstreams=nowhere) as lab:
            alone = await lab.chat(model="deepseek-v3")
            chained = await lab.chat(model="code")

    assert alone.status_code == 502
    assert alone.json()["error"]["attempts"][0]["kind"] == "unreachable"
    assert chained.headers["x-portico-target"] == "gemini-3-flash"
    assert chained.headers["x-portico-attempts"] == "3"


async def test_what_a_dialect_cannot_say_is_no_refusal_of_the_upstreams(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat(model="gemini-3-flash", logit_bias={"5": 1})
        asked = [call for call in lab.simulator.calls if call.work != "models"]

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], asked) == (400, "upstream_rejected", [])
    assert error["message"].startswith("The request cannot be put to the model. gemini-3-flash: ")
    assert "logit_bias" in error["message"]


@pytest.mark.parametrize("who", [V3, FLASH], ids=["openai", "gemini"])
async def test_a_rejected_request_is_not_sent_to_anybody_else(
    who: tuple[str, str, str], tmp_path: Path
) -> None:
    role = {"targets": [who[0], "qwen3-coder"]}
    async with house(tmp_path, roles={"code": role}) as lab:
        lab.simulator.fault(who[1], who[2], "bad_request", times=None)
        answer = await lab.chat()
        asked = {call.model for call in lab.simulator.calls if call.work != "models"}

    assert answer.status_code == 400
    assert asked == {who[2]}


async def test_a_translation_failure_is_mended_once_at_the_same_target(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*FLASH[1:], "signature_missing", times=1)
        answer = await lab.chat(model="gemini-3-flash")
        (told,) = await lab.requests()

    assert answer.status_code == 200
    assert [one["kind"] for one in told["attempts"]] == ["translation", None]
    assert {one["target"] for one in told["attempts"]} == {"gemini-3-flash"}


async def test_a_translation_failure_that_stays_moves_on(tmp_path: Path) -> None:
    role = {"targets": ["gemini-3-flash", "qwen3-coder"]}
    async with house(tmp_path, roles={"code": role}) as lab:
        lab.simulator.fault(*FLASH[1:], "signature_missing", times=None)
        answer = await lab.chat()
        (told,) = await lab.requests()

    assert answer.headers["x-portico-target"] == "qwen3-coder"
    assert [one["kind"] for one in told["attempts"]] == ["translation", "translation", None]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_blocked_prompt_is_openais_content_filter(stream: bool, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*FLASH[1:], "blocked_prompt", times=None)
        answer = await lab.chat(model="design", stream=stream)
        (told,) = await lab.requests()

    assert answer.status_code == 200
    assert '"finish_reason":"content_filter"' in answer.text
    assert [one["kind"] for one in told["attempts"]] == ["refused"]


async def test_a_role_may_ask_the_next_after_a_refusal(tmp_path: Path) -> None:
    async with house(tmp_path, roles={"design": {"refused": "next"}}) as lab:
        lab.simulator.fault(*FLASH[1:], "blocked_prompt", times=None)
        answer = await lab.chat(model="design")

    assert answer.headers["x-portico-target"] == "deepseek-v3"


async def test_a_refusal_is_the_answer_when_nobody_else_is_left(tmp_path: Path) -> None:
    role = {"targets": ["qwen3-coder", "gemini-3-flash"], "refused": "next"}
    async with house(tmp_path, roles={"design": role}) as lab:
        lab.simulator.fault("siliconflow", "*", "overloaded", times=None)
        lab.simulator.fault(*FLASH[1:], "blocked_prompt", times=None)
        answer = await lab.chat(model="design")

    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"


async def test_an_incapable_model_is_passed_and_alone_it_is_422(tmp_path: Path) -> None:
    blind = {"deepseek-v3": {"accepts": ["text", "image"]}}  # the catalog is wrong
    picture = [{"type": "image_url", "image_url": {"url": PICTURE}}]
    async with house(tmp_path, targets=blind) as lab:
        alone = await lab.chat(picture, model="deepseek-v3")
        chained = await lab.chat(picture, model="code")

    assert (alone.status_code, alone.json()["error"]["code"]) == (422, "no_capable_target")
    assert chained.headers["x-portico-target"] == "gemini-3-flash"


async def test_every_candidate_limited_is_429_with_the_earliest_recovery(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "rate_limited_minute", times=None)
        lab.simulator.fault(*FLASH[1:], "rate_limited_day", times=None)
        first = await lab.chat()
        asked = len(lab.simulator.calls)
        again = await lab.chat()

    assert first.status_code == again.status_code == 429
    assert again.json()["error"]["code"] == "upstream_rate_limited"
    assert 0 < int(again.headers["retry-after"]) <= 60
    assert len(lab.simulator.calls) == asked, "nobody is asked before it can answer"
    assert {one["target"] for one in again.json()["error"]["resting"]} >= {"deepseek-v3"}


async def test_the_first_cause_is_not_masked_by_the_last(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3[1:], "invalid_key", times=None)
        lab.simulator.fault("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct", "internal")
        lab.simulator.fault(*FLASH[1:], "overloaded", times=None)
        answer = await lab.chat(model="code")

    error = answer.json()["error"]
    assert answer.status_code == 502
    assert error["attempts"][0]["kind"] == "account"
    assert error["message"].index("deepseek-v3") < error["message"].index("gemini-3-flash")
