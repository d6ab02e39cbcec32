"""POST /v1/embeddings over real sockets: whose vectors they are, and what happens if nobody can."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from portico.simulator.listings import embed
from tests.serving import House, house

pytestmark = pytest.mark.anyio

TEXTS = ["a red button", "docker logs", "a red button here"]


def space(upstream: str, model: str, **more: Any) -> dict[str, Any]:
    """Return an embedding target."""
    return {"upstream": upstream, "model": model, "kind": "embedding", **more}


TARGETS = {
    "first": space("siliconflow", "BAAI/bge-m3", dimensions=256),
    "twin": space("deepseek", "bge-m3-hosted", space="baai/BGE-m3", dimensions=256),
    "other": space("siliconflow", "Qwen/Qwen3-Embedding-4B", dimensions=256),
    "longer": space("deepseek", "bge-long", space="BAAI/bge-m3", dimensions=512),
    "google": space("google", "gemini-embedding-001", context_window=2048),
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, targets=TARGETS) as opened:
        yield opened


async def ask(here: House, model: str = "first", **fields: Any) -> httpx.Response:
    body = {"model": model, "input": TEXTS, **fields}
    return await here.client.post("/v1/embeddings", json=body)


def vectors(answer: httpx.Response) -> list[list[float]]:
    assert answer.status_code == 200, answer.text
    return [entry["embedding"] for entry in answer.json()["data"]]


async def test_vectors_come_in_order_with_usage_and_who_made_them(here: House) -> None:
    answer = await ask(here)
    assert vectors(answer) == [embed(text) for text in TEXTS]
    told = answer.json()
    assert [entry["index"] for entry in told["data"]] == [0, 1, 2]
    assert told["model"] == "first"
    assert told["usage"]["prompt_tokens"] == told["usage"]["total_tokens"] > 0
    assert answer.headers["x-portico-target"] == "first"
    assert answer.headers["x-portico-attempts"] == "1"
    assert "x-portico-simulated" not in answer.headers


async def test_one_text_is_one_vector(here: House) -> None:
    assert vectors(await ask(here, input="a red button")) == [embed("a red button")]


async def test_base64_holds_the_same_numbers(here: House) -> None:
    plain = vectors(await ask(here))
    packed = (await ask(here, encoding_format="base64")).json()["data"]
    for numbers, entry in zip(plain, packed, strict=True):
        raw = base64.b64decode(entry["embedding"])
        assert struct.unpack("<256f", raw) == pytest.approx(numbers, abs=1e-6)


async def test_openai_s_own_client_reads_them(here: House) -> None:
    http = httpx.AsyncClient(trust_env=False)
    async with openai.AsyncOpenAI(
        api_key="none", base_url=f"{here.url}/v1", http_client=http
    ) as client:
        answer = await client.embeddings.create(model="first", input=TEXTS, dimensions=64)
    assert [len(entry.embedding) for entry in answer.data] == [64, 64, 64]
    assert answer.usage.prompt_tokens > 0


async def test_google_is_asked_in_its_own_dialect_and_counts_nothing(here: House) -> None:
    answer = await ask(here, "google", dimensions=128)
    assert [len(vector) for vector in vectors(answer)] == [128, 128, 128]
    assert "usage" not in answer.json()
    call = here.simulator.calls[-1]
    assert call.path.endswith("/models/gemini-embedding-001:batchEmbedContents")
    assert call.body["requests"][0]["outputDimensionality"] == 128
    (row, *_) = await here.requests()
    assert row["operation"] == "embeddings"
    assert row["attempts"][0]["input"] is None


async def test_more_texts_than_a_provider_takes_at_once_are_asked_in_parts(here: House) -> None:
    many = [f"text {number}" for number in range(70)]
    assert vectors(await ask(here, input=many)) == [embed(text) for text in many]
    calls = [call for call in here.simulator.calls if call.work == "embeddings"]
    assert [len(call.body["input"]) for call in calls] == [32, 32, 6]
    (row, *_) = await here.requests()
    assert len(row["attempts"]) == 1
    assert row["attempts"][0]["input"] == sum(bill.input for bill in here.simulator.bills)


async def test_a_twin_in_the_same_space_stands_in(here: House) -> None:
    here.simulator.fault("siliconflow", "*", "overloaded", times=None, where="embeddings")
    answer = await ask(here)
    assert vectors(answer) == [embed(text) for text in TEXTS]
    assert answer.headers["x-portico-target"] == answer.json()["model"] == "twin"
    assert answer.headers["x-portico-attempts"] == "2"
    (row, *_) = await here.requests()
    assert [one["target"] for one in row["attempts"]] == ["first", "twin"]


async def test_another_model_s_vectors_never_stand_in(here: House) -> None:
    for upstream in ("siliconflow", "deepseek"):
        here.simulator.fault(upstream, "*", "overloaded", times=None, where="embeddings")
    answer = await ask(here)
    assert answer.status_code == 502
    error = answer.json()["error"]
    assert error["code"] == "unanswered"
    assert [one["target"] for one in error["attempts"]] == ["first", "twin"]
    asked = {call.model for call in here.simulator.calls if call.work == "embeddings"}
    assert asked == {"BAAI/bge-m3", "bge-m3-hosted"}


async def test_vectors_of_an_unknown_length_are_not_believed(here: House) -> None:
    here.simulator.sizes["BAAI/bge-m3"] = 300
    answer = await ask(here)
    assert answer.headers["x-portico-target"] == "twin"
    (row, *_) = await here.requests()
    assert row["attempts"][0]["kind"] == "garbled"


async def test_a_short_limit_is_waited_out_because_uploads_do_not_ask_again(here: House) -> None:
    here.simulator.fault("siliconflow", "*", "rate_limited_header", delay=0.2, where="embeddings")
    here.simulator.fault("deepseek", "*", "rate_limited_header", delay=0.2, where="embeddings")
    answer = await ask(here)
    assert vectors(answer) == [embed(text) for text in TEXTS]
    assert answer.headers["x-portico-attempts"] == "3"


async def test_a_long_limit_is_told(here: House) -> None:
    here.simulator.fault("siliconflow", "*", "rate_limited_header", delay=300, where="embeddings")
    answer = await ask(here, "other")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "upstream_rate_limited"
    assert 290 <= int(answer.headers["retry-after"]) <= 300


async def test_a_burst_is_queued_and_answered(tmp_path: Path) -> None:
    narrow = {**TARGETS["other"], "max_concurrency": 2}
    async with house(tmp_path, targets={"other": narrow}) as here:
        answers = await asyncio.gather(*(ask(here, "other") for _ in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20


@pytest.mark.parametrize(
    ("fields", "param", "code", "status"),
    [
        ({"input": ""}, "input[0]", "malformed_request", 400),
        ({"input": []}, "input", "malformed_request", 400),
        ({"input": ["a", ""]}, "input[1]", "malformed_request", 400),
        ({"input": ["a", [1, 2]]}, "input[1]", "malformed_request", 400),
        ({"input": [1, "a"]}, "input[0]", "malformed_request", 400),
        ({"input": {"a": 1}}, "input", "malformed_request", 400),
        ({"input": ["x"] * 2049}, "input", "malformed_request", 400),
        ({"dimensions": 0}, "dimensions", "malformed_request", 400),
        ({"encoding_format": "hex"}, "encoding_format", "malformed_request", 400),
        ({"model": "design"}, "model", "model_not_found", 404),
        ({"model": "qwen-vl"}, "model", "model_not_found", 404),
        ({"model": "firs"}, "model", "model_not_found", 404),
        ({"model": "google", "input": "x " * 9000}, "input", "context_length_exceeded", 413),
        ({"input": [[1, 2, 3]]}, None, "no_capable_target", 422),
    ],
)
async def test_what_cannot_be_asked_names_its_field(
    here: House, fields: dict[str, Any], param: str | None, code: str, status: int
) -> None:
    answer = await ask(here, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["request_id"] == answer.headers["x-portico-request-id"]


async def test_nobody_chats_with_an_embedding_target(here: House) -> None:
    answer = await here.chat(model="first")
    assert answer.status_code == 404
    assert "/v1/embeddings" in answer.json()["error"]["message"]


async def test_the_list_shows_them_but_not_to_those_who_want_to_chat(here: House) -> None:
    (row,) = [
        one for one in (await here.client.get("/v1/models")).json()["data"] if one["id"] == "first"
    ]
    assert row["portico"]["makes"] == "embeddings"
    assert row["portico"]["dimensions"] == 256
    assert row["info"]["meta"]["hidden"] is True
    one = await here.client.get("/v1/models/first")
    assert one.json() == row


async def test_without_a_key_they_are_simulated_and_say_so(tmp_path: Path) -> None:
    changes = {"upstreams": {"siliconflow": {"api_key": ""}}, "targets": TARGETS}
    async with house(tmp_path, **changes) as here:
        answer = await ask(here)
        assert answer.headers["x-portico-simulated"] == "true"
        assert answer.headers["x-portico-target"] == "first"
        one, two, three = vectors(answer)
        assert _near(one, three) > _near(one, two) + 0.3
        (row, *_) = await here.requests()
        assert row["simulated"] is True
        assert row["attempts"][0]["cost_usd"] is None


async def test_a_simulated_target_never_stands_in_for_a_real_one(tmp_path: Path) -> None:
    changes = {"upstreams": {"deepseek": {"api_key": ""}}, "targets": TARGETS}
    async with house(tmp_path, **changes) as here:
        here.simulator.fault("siliconflow", "*", "overloaded", times=None, where="embeddings")
        answer = await ask(here)
        assert answer.status_code == 502
        assert [one["target"] for one in answer.json()["error"]["attempts"]] == ["first"]


async def test_token_ids_go_to_a_server_of_one_s_own(tmp_path: Path) -> None:
    own = {"base_url": "", "simulate": True}
    changes = {
        "upstreams": {"own": own | {"base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"mine": space("own", "tokens-and-all")},
    }
    async with house(tmp_path, **changes) as here:
        answer = await ask(here, "mine", input=[[1, 2, 3], [4]])
        assert len(vectors(answer)) == 2
        single = await ask(here, "mine", input=[1, 2, 3])
        assert vectors(single)[0] == vectors(answer)[0]


def _near(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


async def test_a_name_like_no_other_is_told_who_makes_embeddings(here: House) -> None:
    answer = await ask(here, "%%%%")
    assert answer.status_code == 404
    told = answer.json()["error"]["message"]
    assert "Did you mean" not in told
    assert "These do: " in told


async def test_who_stays_silent_is_passed_on_within_their_patience(tmp_path: Path) -> None:
    quick = {"first": {**TARGETS["first"], "patience": {"total": 0.3}}, "twin": TARGETS["twin"]}
    async with house(tmp_path, targets=quick) as here:
        here.simulator.fault("siliconflow", "*", "silent", where="embeddings", seconds=30)
        answer = await ask(here)
        (row, *_) = await here.requests()
    assert answer.json()["model"] == "twin"
    assert row["attempts"][0]["kind"] == "silent"


async def test_whoever_leaves_is_nobodys_fault(here: House) -> None:
    here.simulator.fault("siliconflow", "*", "silent", where="embeddings", seconds=30)
    body = {"model": "first", "input": TEXTS}
    with pytest.raises(httpx.ReadTimeout):
        await here.client.post("/v1/embeddings", json=body, timeout=1)
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not rows:
            rows = await here.requests()
    assert [one["outcome"] for one in rows[0]["attempts"]] == ["abandoned"]
    assert here.serving.gateway.standing.report(0.0) == {}


async def test_a_trace_says_that_it_was_and_neither_texts_nor_vectors(here: House) -> None:
    answer = await ask(here)
    refused = await ask(here, model="nobody")
    for one, outcome in ((answer, "answered"), (refused, "refused")):
        ident = one.headers["x-portico-request-id"]
        told = (await here.client.get(f"/api/requests/{ident}/trace")).json()
        card = told["card"]
        assert (card["operation"], card["outcome"]) == ("embeddings", outcome)
        assert (card["capture"], card["fidelity"]) == ("metadata-only", "redacted")
        assert not told["story"].keys() & {"request", "answer", "pictures"}
        assert "red button" not in str(told)
    story = (await here.client.get(f"/api/requests/{ident_of(answer)}/trace")).json()["story"]
    assert [one["target"] for one in story["attempts"]] == ["first"]
    assert story["route"]["candidates"][0] == "first"


def ident_of(answer: httpx.Response) -> str:
    return answer.headers["x-portico-request-id"]
