import base64
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.simulator.listings import embed

from .conftest import Bench

pytestmark = pytest.mark.anyio


async def listed(bench: Bench, path: str) -> list[str]:
    return [entry["id"] for entry in (await bench.client.get(path)).json()["data"]]


async def test_an_upstream_lists_its_ids_the_added_and_not_the_gone(bench: Bench) -> None:
    bench.simulator.models.add("brand-new")
    bench.simulator.gone.add("deepseek-ai/DeepSeek-V3")
    assert await listed(bench, "/siliconflow/v1/models") == [
        "Qwen/Qwen3-VL-32B-Instruct",
        "Qwen/Qwen2-VL-72B-Instruct",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "BAAI/bge-m3",
        "brand-new",
    ]
    assert await listed(bench, "/deepseek/models") == [
        "deepseek-flash",
        "deepseek-v4-pro",
        "brand-new",
    ]


async def test_gemini_lists_models_by_resource_name(bench: Bench) -> None:
    models = (await bench.client.get("/v1beta/models")).json()["models"]
    assert [model["name"] for model in models] == [
        "models/gemini-3-flash-preview",
        "models/gemini-embedding-001",
    ]
    one = await bench.client.get("/v1beta/models/gemini-3-flash-preview")
    assert one.json()["inputTokenLimit"] == 1_048_576


async def test_one_model_can_be_read_unless_it_is_gone(bench: Bench) -> None:
    path = "/siliconflow/v1/models/deepseek-ai/DeepSeek-V3"
    assert (await bench.client.get(path)).json()["id"] == "deepseek-ai/DeepSeek-V3"
    bench.simulator.gone.add("deepseek-ai/DeepSeek-V3")
    assert (await bench.client.get(path)).json()["code"] == 20012


async def test_a_list_fails_only_if_told_so(bench: Bench) -> None:
    bench.simulator.fault("siliconflow", "*", "overloaded", times=None)
    assert (await bench.client.get("/siliconflow/v1/models")).is_success
    bench.simulator.fault("siliconflow", "*", "internal", where="models")
    assert (await bench.client.get("/siliconflow/v1/models")).status_code == 500
    assert (await bench.client.get("/siliconflow/v1/models")).is_success


async def test_embeddings_come_as_floats_or_packed_and_are_billed(bench: Bench) -> None:
    body = {"model": "m", "input": ["a red button", "docker logs"]}
    plain = (await bench.client.post("/siliconflow/v1/embeddings", json=body)).json()
    packed = await bench.client.post(
        "/siliconflow/v1/embeddings", json=body | {"encoding_format": "base64"}
    )
    raw = base64.b64decode(packed.json()["data"][1]["embedding"])
    assert struct.unpack("<256f", raw) == pytest.approx(plain["data"][1]["embedding"], abs=1e-6)
    assert plain["usage"]["prompt_tokens"] == 6
    assert bench.simulator.bills[0].input == 6


async def test_fewer_dimensions_are_given_when_asked_for(bench: Bench) -> None:
    body = {"model": "m", "input": "x", "dimensions": 64}
    answer = (await bench.client.post("/v1/embeddings", json=body)).json()
    assert len(answer["data"][0]["embedding"]) == 64


async def test_gemini_embeds_a_batch_and_counts_nothing_in_its_answer(bench: Bench) -> None:
    asked = [{"content": {"parts": [{"text": text}]}} for text in ("a red button", "docker logs")]
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    answer = (await bench.client.post(path, json={"requests": asked})).json()
    assert [entry["values"] for entry in answer["embeddings"]] == [
        embed("a red button"),
        embed("docker logs"),
    ]
    assert "usageMetadata" not in answer
    assert bench.simulator.bills[0].input == 6


@given(st.text(min_size=1))
def test_an_embedding_is_a_unit_vector_and_always_the_same(text: str) -> None:
    vector = embed(text)
    assert len(vector) == 256
    assert math.isclose(sum(value * value for value in vector), 1)
    assert vector == embed(text)


def test_texts_that_share_words_are_nearer() -> None:
    def near(a: str, b: str) -> float:
        return sum(x * y for x, y in zip(embed(a), embed(b), strict=True))

    assert near("red button here", "a red button") > near("red button here", "docker logs")
