"""What an operator orders of one target, by the API."""

from pathlib import Path

import pytest

from tests.serving import house

pytestmark = pytest.mark.anyio

BARE = {"upstreams": {"siliconflow": {"api_key": ""}}}


async def test_a_target_is_parked_and_unparked(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        first = await lab.client.post("/api/targets/deepseek-v3/park", json={"why": "too dear"})
        second = await lab.client.post("/api/targets/deepseek-v3/park", json={})
        body = {"model": "code", "messages": [{"role": "user", "content": "hi"}]}
        route = (await lab.client.post("/v1/route/explain", json=body)).json()
        last = await lab.client.post("/api/targets/deepseek-v3/unpark")
        nobody = await lab.client.post("/api/targets/nobody/park", json={})
    assert first.json() == {
        "target": "deepseek-v3",
        "parked": True,
        "down": False,
        "changed": True,
        "outlives_restart": True,
    }
    assert second.json()["parked"]
    assert {"target": "deepseek-v3", "reason": "parked by an operator"} in route["passed"]
    assert route["candidates"][0]["target"] == "qwen3-coder"
    assert (last.json()["parked"], last.json()["changed"]) == (False, True)
    assert nobody.status_code == 404


async def test_where_everybody_is_parked_the_error_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for name in ("gemini-3-flash", "qwen-vl"):
            await lab.client.post(f"/api/targets/{name}/park", json={})
        answer = await lab.chat(model="vision")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["code"], error["source"]) == ("target_parked", "gateway")
    assert "gemini-3-flash, qwen-vl" in error["message"]


async def test_only_a_simulated_target_is_switched_off(tmp_path: Path) -> None:
    async with house(tmp_path, **BARE) as lab:
        off = await lab.client.post("/api/targets/deepseek-v3/off")
        answer = await lab.chat()
        on = await lab.client.post("/api/targets/deepseek-v3/on")
        again = await lab.client.post("/api/targets/deepseek-v3/on")
        real = await lab.client.post("/api/targets/gemini-3-flash/off")
    assert off.json()["down"]
    assert answer.headers["x-portico-target"] == "qwen3-coder"
    assert (on.json()["down"], on.json()["changed"], again.json()["changed"]) == (
        False,
        True,
        False,
    )
    assert real.status_code == 400


async def test_a_reason_has_an_end(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.client.post("/api/targets/qwen-vl/park", json={"why": "x" * 201})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "why"
