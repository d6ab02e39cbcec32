"""Limits are learned and not run into, a spent day survives a restart, recovery costs nobody."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from portico.routing.attempts import Failure, Kind
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from tests.serving import PNG, House, house

pytestmark = pytest.mark.anyio

FLASH = ("gemini", "gemini-3-flash-preview")
V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")
DESIGN = {"design": {"targets": ["gemini-3-flash", "deepseek-v3"]}}
PICTURE = {"type": "image_url", "image_url": {"url": PNG}}


async def answered_by(lab: House, text: Any = "hello", model: str = "design") -> str:
    answer = await lab.chat(text, model=model)
    assert answer.status_code == 200, answer.text
    return f"{answer.headers['x-portico-target']} {answer.headers['x-portico-attempts']}"


async def stands(lab: House, target: str) -> dict[str, Any]:
    told = (await lab.client.get("/api/standing")).json()["targets"]
    found: dict[str, Any] = next(one for one in told if one["target"] == target)
    return found


async def until_it_stands(lab: House, target: str, state: str) -> None:
    async with asyncio.timeout(30):
        while (await stands(lab, target))["state"] != state:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.02)


async def explained(lab: House, text: Any, model: str = "design") -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    found: dict[str, Any] = (await lab.client.post("/v1/route/explain", json=body)).json()
    return found


async def test_a_limit_that_has_been_named_is_not_run_into_again(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        lab.simulator.fault(*FLASH, "rate_limited_minute", delay=0.05)  # 15 requests a minute
        assert await answered_by(lab) == "deepseek-v3 2"
        await until_it_stands(lab, "gemini-3-flash", "ok")
        served = [await answered_by(lab) for _ in range(17)]
        told = await explained(lab, "hello")
        standing = await stands(lab, "gemini-3-flash")

    assert served == ["gemini-3-flash 1"] * 15 + ["deepseek-v3 1"] * 2
    assert lab.simulator.counts[FLASH] == 1 + 15
    assert [one["target"] for one in told["candidates"]] == ["deepseek-v3", "gemini-3-flash"]
    assert (standing["state"], standing["reason"]) == ("resting", "quota")
    assert standing["detail"] == "15 of 15 requests a minute, as we count"


async def test_alone_and_spent_it_is_a_429_that_says_when(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*FLASH, "rate_limited_minute", delay=0.05)
        await lab.chat(model="gemini-3-flash")
        await until_it_stands(lab, "gemini-3-flash", "ok")
        for _ in range(15):
            await answered_by(lab, model="gemini-3-flash")
        refused = await lab.chat(model="gemini-3-flash")

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "upstream_rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 62
    assert refused.json()["error"]["resting"][0]["reason"] == "quota"
    assert lab.simulator.counts[FLASH] == 16


async def test_concurrent_callers_do_not_overrun_a_limit_together(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        lab.simulator.fault(*FLASH, "rate_limited_minute", delay=0.05)
        await answered_by(lab)
        await until_it_stands(lab, "gemini-3-flash", "ok")
        served = await asyncio.gather(*(answered_by(lab) for _ in range(40)))

    assert served.count("gemini-3-flash 1") == 15
    assert served.count("deepseek-v3 1") == 25
    assert lab.simulator.counts[FLASH] == 16


async def test_a_limit_on_tokens_turns_away_many_pictures_and_lets_one_pass(
    tmp_path: Path,
) -> None:
    many, one = [PICTURE] * 12, [{"type": "text", "text": "see"}, PICTURE]
    roles = {"vision": {"targets": ["gemini-3-flash", "qwen-vl"]}}
    async with house(tmp_path, roles=roles) as lab:
        lab.simulator.fault(*FLASH, "rate_limited_tokens", delay=30)
        assert await answered_by(lab, many, "vision") == "qwen-vl 2"
        routes = [await explained(lab, text, "vision") for text in (many, one)]
        assert await answered_by(lab, many, "vision") == "qwen-vl 1"
        assert await answered_by(lab, one, "vision") == "gemini-3-flash 1"
        assert await answered_by(lab, "hello", "vision") == "gemini-3-flash 1"
        standing = await stands(lab, "gemini-3-flash")

    assert [route["candidates"][0]["target"] for route in routes] == ["qwen-vl", "gemini-3-flash"]
    assert routes[0]["candidates"][1]["standing"]["reason"] == "quota"
    assert routes[1]["candidates"][0]["standing"] == {"state": "ok"}
    assert (standing["state"], standing["reason"]) == ("ok", "quota")
    assert "up to 1536 are let through" in standing["detail"]


async def test_a_spent_day_stays_spent_over_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        lab.simulator.fault(*FLASH, "rate_limited_day")
        assert await answered_by(lab) == "deepseek-v3 2"

    kept = (tmp_path / "home" / "standing.json").read_text()
    assert "quota_spent" in kept
    assert "test-key" not in kept

    async with house(tmp_path, roles=DESIGN) as again:
        assert await answered_by(again) == "deepseek-v3 1"
        told = await explained(again, "hello")
        assert again.simulator.counts[FLASH] == 0
    assert {"target": "gemini-3-flash", "reason": "resting: quota_spent"} in told["passed"]

    other_key = {"google": {"api_key": "another-key"}}
    async with house(tmp_path, roles=DESIGN, upstreams=other_key) as mended:
        assert await answered_by(mended) == "gemini-3-flash 1"


async def test_an_account_that_died_lives_again_with_another_key(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        lab.simulator.fault(*FLASH, "invalid_key")
        assert await answered_by(lab) == "deepseek-v3 2"
        written = yaml.safe_load(lab.config.read_text())
        await lab.client.post("/api/catalog/reload")
        assert await answered_by(lab) == "deepseek-v3 1", "the same key is no news"
        written["upstreams"]["google"]["api_key"] = "another-key"
        lab.config.write_text(yaml.safe_dump(written))
        await lab.client.post("/api/catalog/reload")
        assert await answered_by(lab) == "gemini-3-flash 1"


async def test_two_keys_of_one_project_are_not_two_quotas(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        written = yaml.safe_load(lab.config.read_text())
        first = written["upstreams"]["google"] | {"project": "lab"}
        written["upstreams"] |= {"google": first, "google-b": first | {"api_key": "second-key"}}
        second = {"upstream": "google-b", "model": FLASH[1]}
        written["targets"]["flash-b"] = second
        chain = ["gemini-3-flash", "flash-b", "deepseek-v3"]
        written["roles"] = {"design": {"targets": chain}}
        lab.config.write_text(yaml.safe_dump(written))
        assert (await lab.client.post("/api/catalog/reload")).status_code == 200

        lab.simulator.fault(*FLASH, "rate_limited_minute", delay=0.3)
        assert await answered_by(lab) == "deepseek-v3 2"
        assert lab.simulator.counts[FLASH] == 1, "the other key was not asked"
        await until_it_stands(lab, "flash-b", "ok")
        for _ in range(15):
            assert await answered_by(lab, model="gemini-3-flash") == "gemini-3-flash 1"
        assert await answered_by(lab) == "deepseek-v3 1"
        assert lab.simulator.counts[FLASH] == 16


async def test_of_two_hundred_callers_one_tries_a_target_that_may_be_back(tmp_path: Path) -> None:
    patient = {"patience": {"first_delta": 30, "total": 30}, "max_concurrency": 256}
    async with house(
        tmp_path,
        roles={"code": {"targets": ["deepseek-v3", "gemini-3-flash"]}},
        targets={"deepseek-v3": patient, "gemini-3-flash": patient},
        breaker={"failures": 1, "recovery": 30, "max_recovery": 30},
    ) as lab:
        gateway = lab.serving.gateway
        target = gateway.house.catalog.targets["deepseek-v3"]
        gateway.standing.blame(target, Failure(Kind.UNAVAILABLE), time.time() - 31)
        assert (await stands(lab, "deepseek-v3"))["state"] == "probing"
        lab.simulator.fault(*V3, "slow_first", times=None, seconds=6)
        served = await asyncio.gather(*(answered_by(lab, model="code") for _ in range(200)))
        after = await stands(lab, "deepseek-v3")

    assert served.count("deepseek-v3 1") == 1
    assert served.count("gemini-3-flash 1") == 199
    assert lab.simulator.counts[V3] == 1
    assert after["state"] == "ok"


async def test_whoever_was_unreachable_is_back_before_anybody_asks(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody will answer there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with house(
            tmp_path,
            upstreams={"siliconflow": {"base_url": f"http://127.0.0.1:{port}/siliconflow/v1"}},
            roles={"code": {"targets": ["deepseek-v3", "gemini-3-flash"]}},
            breaker={"failures": 1, "recovery": 0.2, "max_recovery": 60},
        ) as lab:
            assert await answered_by(lab, model="code") == "gemini-3-flash 2"
            taken.close()
            back = Simulator()
            async with serve_simulator(back, "127.0.0.1", port):
                await until_it_stands(lab, "deepseek-v3", "ok")
                asked = {call.work for call in back.calls}
                assert await answered_by(lab, model="code") == "deepseek-v3 1"

    assert asked == {"models"}, "no caller's request was spent on finding out"
