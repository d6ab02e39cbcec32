"""Alive whatever happens; ready, or degraded and by whom."""

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_pictures import asking
from tests.e2e.test_traces import SCREEN
from tests.serving import House, house

pytestmark = pytest.mark.anyio


async def readiness(lab: House) -> dict[str, Any]:
    answer = await lab.client.get("/readyz")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_sound_house_is_ready(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        told = await readiness(lab)

    assert told["status"] == "ok"
    assert told["stores"]["ledger"] == "ok"
    assert told["upstreams"] == {"google": "ok", "siliconflow": "ok"}


async def test_head_is_answered_as_get_is_without_a_body(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/v1/models", 200)):
            told, asked = await lab.client.head(path), await lab.client.get(path)
            assert (told.status_code, told.content) == (status, b"")
            assert told.headers["content-length"] == asked.headers["content-length"]
            assert told.headers["x-portico-request-id"].startswith("req_")
        refused = await lab.client.head("/v1/route/explain")

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_simulated_upstreams_are_said_and_do_not_degrade(tmp_path: Path) -> None:
    async with house(tmp_path, upstreams={"google": {"api_key": ""}}) as lab:
        told = await readiness(lab)

    assert told["status"] == "ok"
    assert told["upstreams"] == {"google": "simulated", "siliconflow": "ok"}


async def test_a_dead_account_degrades_until_a_person_acts(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "invalid_key")
        await lab.chat()
        dead = await readiness(lab)
        cleared = await lab.client.post("/api/standing/siliconflow/clear")
        again = await readiness(lab)

    assert dead["status"] == "degraded"
    assert dead["upstreams"] == {"google": "ok", "siliconflow": "account"}
    assert cleared.status_code == 200
    assert again["status"] == "ok"


async def test_what_a_provider_wrote_is_not_told_to_everybody(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "invalid_key")
        await lab.chat()
        open_to_all = (await lab.client.get("/readyz")).text
        held = (await lab.client.get("/api/standing")).json()["held"]

    assert held[0]["detail"]
    assert held[0]["detail"] not in open_to_all


async def test_a_tunnel_that_is_down_degrades(tmp_path: Path, nowhere: int) -> None:
    away = {"kind": "tunnel", "via": [f"socks5h://127.0.0.1:{nowhere}"]}
    async with house(
        tmp_path,
        egress={"google": away},
        upstreams={"google": {"egress": "google"}},
        breaker={"failures": 1},
    ) as lab:
        answer = await lab.chat(model="gemini-3-flash")
        told = await readiness(lab)

    assert answer.status_code == 502
    assert told["status"] == "degraded"
    assert told["upstreams"] == {"google": "unreachable", "siliconflow": "ok"}


async def test_one_model_that_is_gone_or_slow_does_not_degrade(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "deepseek-ai/DeepSeek-V3", "model_gone")
        lab.simulator.fault("gemini", "*", "rate_limited_minute")
        await lab.chat(model="deepseek-v3")
        await lab.chat(model="gemini-3-flash")
        told = await readiness(lab)
        resting = (await lab.client.get("/api/standing")).json()["held"]

    assert {one["reason"] for one in resting} == {"model_gone", "rate_limited"}
    assert told["status"] == "ok"


async def test_a_store_that_is_away_degrades_and_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "home" / "ledger.db"
    async with house(tmp_path) as lab:
        with sqlite3.connect(file) as store:
            store.execute("DROP TABLE attempts")
            store.execute("DROP TABLE requests")
        store.close()
        answer = await lab.chat()
        await lab.serving.gateway.ledger.flush()
        told = await readiness(lab)
        listed = await lab.client.get("/api/requests")
        alive = await lab.client.get("/healthz")

    assert answer.status_code == 200
    assert told["status"] == "degraded"
    assert told["stores"]["ledger"] == "away"
    assert listed.status_code == 503
    assert listed.json()["error"]["code"] == "store_unavailable"
    assert int(listed.headers["retry-after"]) > 0
    assert (alive.status_code, alive.text) == (200, "ok")


async def test_the_numbers_are_prometheus(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        answer = await lab.client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["x-portico-request-id"].startswith("req_")
    assert "# TYPE portico_" in answer.text


async def test_it_says_in_words_why_a_store_is_away_and_no_secret(
    tmp_path: Path, nowhere: int
) -> None:
    home = tmp_path / "home"
    at = f"portico:secret-word@127.0.0.1:{nowhere}/portico"
    keys = "access_key_id=secret-word&secret_access_key=secret-word"
    stores = {
        "ledger": f"postgresql://{at}",
        "traces": f"mongodb://{at}?serverSelectionTimeoutMS=100",
        "artifacts": f"s3://bucket?endpoint=http://127.0.0.1:{nowhere}&{keys}",
        "memory": f"http://127.0.0.1:{nowhere}?api_key=secret-word",
    }
    async with house(tmp_path, stores=stores, access={"required": False}) as lab:
        answer = await lab.chat(asking(SCREEN), model="vision")
        assert answer.status_code == 200
        for _ in range(5):
            await lab.client.post("/v1/design/search", json={"text": "a screen"})
        await lab.serving.gateway.ledger.flush()
        await lab.serving.archive.flush()
        await lab.serving.traces.recorder.flush()
        told = await readiness(lab)
    assert told["status"] == "degraded"
    assert told["stores"] == dict.fromkeys(told["stores"], "away")
    reasons = {name.removeprefix("stores."): why for name, why in told["reasons"].items()}
    assert reasons.keys() == told["stores"].keys()
    assert "is it running, and is the address right?" in reasons["ledger"]
    assert "the object store cannot be reached" in reasons["artifacts"]
    for why in reasons.values():
        assert len(why) > 10
        for hidden in ("secret-word", str(nowhere), str(home)):
            assert hidden not in why


async def test_what_is_well_has_no_reason(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        assert (await readiness(lab))["reasons"] == {}
        lab.simulator.fault("siliconflow", "*", "invalid_key")
        await lab.chat()
        told = await readiness(lab)
    why = "its key is refused or its balance is spent: a person has to act"
    assert told["reasons"] == {"upstreams.siliconflow": why}
