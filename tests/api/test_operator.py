"""What an operator asks and does: who stands how, what was asked, what was used, a new catalog."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import portico
from tests.api.wires import enveloped
from tests.serving import House, house

pytestmark = pytest.mark.anyio


async def get(lab: House, path: str, **params: Any) -> Any:
    answer = await lab.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_requests_are_paged_newest_first(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        sent = [(await lab.chat()).headers["x-portico-request-id"] for _ in range(5)]
        await lab.requests()
        first = await get(lab, "/api/requests", limit=2)
        second = await get(lab, "/api/requests", limit=2, before=first["next"])
        third = await get(lab, "/api/requests", limit=2, before=second["next"])
        beyond = await get(lab, "/api/requests", before="req_nobody")

    pages = [first, second, third]
    assert [row["id"] for page in pages for row in page["requests"]] == sent[::-1]
    assert third["next"] is None
    assert beyond == {"requests": [], "next": None}


async def test_a_series_reaches_up_to_now(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        await lab.requests()
        series = await get(lab, "/api/usage/series", step=3600, count=2)

    assert series["count"] == 2
    assert series["since"] % 3600 == 0
    [row] = series["rows"]
    assert (row["at"], row["target"], row["answered"]) == (1, "deepseek-v3", 1)


async def test_requests_are_filtered(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("gemini", "*", "bad_request")
        failed = (await lab.chat(model="gemini-3-flash")).headers["x-portico-request-id"]
        begun = time.time()
        done = (await lab.chat(model="code")).headers["x-portico-request-id"]
        await lab.requests()

        async def found(**params: Any) -> list[str]:
            rows = (await get(lab, "/api/requests", **params))["requests"]
            return [row["id"] for row in rows]

        assert await found(outcome="failed") == [failed]
        assert await found(outcome="answered") == [done]
        assert await found(kind="rejected") == [failed]
        assert await found(degraded="true") == []
        assert await found(modality="text", simulated="false") == [done, failed]
        assert await found(role="code", target="deepseek-v3") == [done]
        assert await found(target="qwen-vl") == []
        for whose in ("caller", "person", "team", "chat"):
            assert await found(**{whose: "nobody"}) == []
        assert await found(since=begun) == [done]
        assert await found(until=begun) == [failed]


async def test_one_request_is_told_with_its_attempts_and_without_its_body(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "deepseek-ai/DeepSeek-V3", "overloaded")
        ident = (await lab.chat("the quick brown fox")).headers["x-portico-request-id"]
        await lab.requests()
        told = await get(lab, f"/api/requests/{ident}")
        missing = await lab.client.get("/api/requests/req_nobody")

    assert [one["outcome"] for one in told["attempts"]] == ["failed", "answered"]
    assert "fox" not in json.dumps(told)
    assert enveloped(404, missing.headers, missing.json())["code"] == "not_found"


BAD_FILTERS = [
    ("/api/requests", "limit", "0"),
    ("/api/requests", "limit", "201"),
    ("/api/requests", "limit", "many"),
    ("/api/requests", "since", "yesterday"),
    ("/api/requests", "since", "-1"),
    ("/api/requests", "until", "nan"),
    ("/api/requests", "until", "1e12"),
    ("/api/requests", "outcome", "splendid"),
    ("/api/requests", "colour", "red"),
    ("/api/usage", "by", "colour"),
    ("/api/usage", "since", "inf"),
    ("/api/usage", "x" * 5000, "1"),
]


async def test_bad_filters_are_400_and_named(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for path, name, value in BAD_FILTERS:
            answer = await lab.client.get(path, params={name: value})
            error = enveloped(answer.status_code, answer.headers, answer.json())
            assert (answer.status_code, error["code"]) == (400, "malformed_request")
            assert error["param"] == name[:100]
            assert len(error["message"]) < 250


@pytest.mark.parametrize(
    "by", ["role", "target", "upstream", "day", "caller", "person", "team", "task"]
)
async def test_usage_is_added_up(by: str, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for _ in range(3):
            await lab.chat()
        await lab.requests()
        told = await get(lab, "/api/usage", by=by)
        later = await get(lab, "/api/usage", by=by, since=time.time() + 60)

    assert told["by"] == by
    assert [row["requests"] for row in told["usage"]] == [3]
    assert told["usage"][0]["input"] > 0
    assert later["usage"] == []


async def test_what_rests_is_told_until_a_person_clears_it(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        sound = await get(lab, "/api/standing")
        lab.simulator.fault("siliconflow", "*", "invalid_key")
        await lab.chat(model="deepseek-v3")
        rested = await get(lab, "/api/standing")
        cleared = await lab.client.post("/api/standing/siliconflow/clear")
        again = await get(lab, "/api/standing")
        twice = await lab.client.post("/api/standing/siliconflow/clear")

    assert sound["held"] == []
    assert {one["state"] for one in sound["targets"]} == {"ok"}
    assert [one["about"] for one in rested["held"]] == ["upstream siliconflow"]
    stands = {one["target"]: one["state"] for one in rested["targets"]}
    assert stands["deepseek-v3"] == stands["qwen3-coder"] == "resting"
    assert stands["gemini-3-flash"] == "ok"
    assert cleared.json() == {"cleared": "siliconflow"}
    assert again == sound
    assert enveloped(404, twice.headers, twice.json())["code"] == "not_found"


def rewrite(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    settings = yaml.safe_load(file.read_text())
    change(settings)
    file.write_text(yaml.safe_dump(settings, sort_keys=False))


def with_sketch(settings: dict[str, Any]) -> None:
    settings["roles"] = {"sketch": {"targets": ["qwen3-coder"]}}


def with_a_typo(settings: dict[str, Any]) -> None:
    settings["roles"] = {"sketch": {"targets": ["qwen3-coder"], "max_attemps": 2}}


async def test_a_good_file_replaces_the_catalog(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        before = lab.serving.gateway.house.catalog.version
        unknown = await lab.chat(model="sketch")
        rewrite(lab.config, with_sketch)
        answer = await lab.client.post("/api/catalog/reload")
        known = await lab.chat(model="sketch")

    assert unknown.status_code == 404
    assert answer.json()["version"] != before
    assert known.headers["x-portico-target"] == "qwen3-coder"


async def test_an_upstream_whose_key_is_taken_away_is_simulated_from_then_on(
    tmp_path: Path,
) -> None:
    def keyless(settings: dict[str, Any]) -> None:
        settings["upstreams"]["siliconflow"]["api_key"] = ""

    async with house(tmp_path) as lab:
        before = await lab.chat(model="deepseek-v3")
        rewrite(lab.config, keyless)
        await lab.client.post("/api/catalog/reload")
        await lab.client.post("/api/catalog/reload")
        after = await lab.chat(model="deepseek-v3")

    assert before.status_code == after.status_code == 200
    assert "x-portico-simulated" not in before.headers
    assert after.headers["x-portico-simulated"] == "true"


async def test_a_bad_file_is_refused_and_the_old_catalog_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        before = lab.serving.gateway.house
        rewrite(lab.config, with_a_typo)
        answer = await lab.client.post("/api/catalog/reload")
        still = await lab.chat()
        after = lab.serving.gateway.house
        line = 1 + lab.config.read_text().splitlines().index("    max_attemps: 2")

    error = enveloped(422, answer.headers, answer.json())
    assert (answer.status_code, error["code"]) == (422, "config_refused")
    assert error["param"] == "roles.sketch.max_attemps"
    assert f"portico.yaml:{line}: roles.sketch.max_attemps: " in error["message"]
    assert "`max_attempts`" in error["message"], "the remedy"
    assert after is before
    assert still.status_code == 200


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"roles: [", b"- 1\n", b"roles: {a: 1}"])
async def test_a_file_that_is_none_is_refused_too(content: bytes | None, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.config.unlink()
        if content is not None:
            lab.config.write_bytes(content)
        answer = await lab.client.post("/api/catalog/reload")
        still = await lab.chat()

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "config_refused")
    assert still.status_code == 200


async def test_running_streams_keep_the_catalog_they_began_with(tmp_path: Path) -> None:
    def elsewhere(settings: dict[str, Any]) -> None:
        settings["upstreams"]["siliconflow"]["base_url"] = "http://127.0.0.1:9/v1"

    body = {
        "model": "deepseek-v3",
        "stream": True,
        "messages": [{"role": "user", "content": "LONG 40 DELAY 10"}],
    }
    async with (
        house(tmp_path) as lab,
        lab.client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        rewrite(lab.config, elsewhere)
        reloaded = await lab.client.post("/api/catalog/reload")
        lost = await lab.chat(model="deepseek-v3")
        rest = [line async for line in lines if line]

    assert reloaded.status_code == 200
    assert lost.status_code == 502
    assert rest[-1] == "data: [DONE]"
    assert len(rest) > 40


@contextmanager
def running(config: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Run `portico up` on *config* and give the process, its address, and where its log is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    log = folder / "up.log"
    told = {"PORTICO_HOME": str(folder / "up"), "PATH": os.environ["PATH"]}
    source = {"PYTHONPATH": str(Path(portico.__file__).parents[1])}
    command = [sys.executable, "-m", "portico.cli", "up", "--config", str(config)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stderr=stream, env=told | source, cwd=folder
        )
    try:
        yield process, f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(20)


def until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is *true*; a process that has ended will not make it so."""
    while not true():
        assert process.poll() is None
        time.sleep(0.05)


def status(url: str) -> int:
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def test_sighup_reloads_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "portico.yaml"
    config.write_text("extends: builtin\ntargets: {deepseek-v3: {tier: 2}}\n")
    with running(config, tmp_path) as (process, url, log):
        until(lambda: status(f"{url}/healthz") == 200, process)
        unknown = status(f"{url}/v1/models/sketch")
        rewrite(config, with_sketch)
        process.send_signal(signal.SIGHUP)
        until(lambda: status(f"{url}/v1/models/sketch") == 200, process)
        rewrite(config, with_a_typo)
        process.send_signal(signal.SIGHUP)
        until(lambda: "the old one stays" in log.read_text(), process)
        still = status(f"{url}/v1/models/sketch")

    assert (unknown, still) == (404, 200)
    assert "roles.sketch.max_attemps" in log.read_text()
