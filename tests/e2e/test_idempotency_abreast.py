"""A retry that reaches another worker, or another gateway, is the same request all the same."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portico.shared.unix import keep_hub
from tests.e2e.test_abreast import PATIENT, two, until
from tests.e2e.test_idempotency import REPLAY, ask
from tests.serving import House

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["workers", "gateways"])
def beside(request: pytest.FixtureRequest, valkey_server: str) -> Iterator[dict[str, Any]]:
    """What makes a house share with others: the hub of one gateway's workers, or a Valkey."""
    if request.param == "workers":
        with keep_hub() as path:
            yield {"hub": path, **PATIENT}
        return
    with Redis.from_url(valkey_server) as server:
        server.flushdb()
    yield {"stores": {"shared": valkey_server}, **PATIENT}


def asked(*houses: House) -> int:
    return sum(call.work == "chat" for lab in houses for call in lab.simulator.calls)


async def test_a_retry_anywhere_gets_the_one_answer(beside: dict[str, Any], tmp_path: Path) -> None:
    async with two(tmp_path, beside) as (one, other):
        first, second = await ask(one), await ask(other)
        again = await ask(other)
        refused = await ask(other, "something else")
        another = await ask(other, key="k-2")
        await other.serving.gateway.ledger.flush()
        rows = await one.requests()

        assert first.content == second.content == again.content
        assert REPLAY not in first.headers
        assert second.headers[REPLAY] == again.headers[REPLAY] == "true"
        assert first.headers["x-portico-request-id"] == second.headers["x-portico-request-id"]
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            422,
            "idempotency_key_reused",
        )
        assert another.json()["id"] != first.json()["id"]
        assert asked(one, other) == 2
        assert len(rows) == 2, "one row, one bill for each"


async def test_of_many_at_once_one_is_worked_on(beside: dict[str, Any], tmp_path: Path) -> None:
    async with two(tmp_path, beside) as houses:
        for lab in houses:
            lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.4)
        asks = [asyncio.create_task(ask(lab)) for _ in range(5) for lab in houses]
        await until(lambda: asked(*houses))
        refused = await asyncio.gather(*(ask(lab, "something else") for lab in houses))
        answers = await asyncio.gather(*asks)

        assert {answer.status_code for answer in refused} == {422}
        assert len({answer.content for answer in answers}) == 1
        assert sum(REPLAY in answer.headers for answer in answers) == 9
        assert asked(*houses) == 1


async def test_a_failure_that_a_retry_can_mend_is_asked_again_elsewhere(
    beside: dict[str, Any], tmp_path: Path
) -> None:
    async with two(tmp_path, beside) as (one, other):
        one.simulator.fault("siliconflow", "*", "bad_gateway", times=1)
        failed, well = await ask(one, model="deepseek-v3"), await ask(other, model="deepseek-v3")
        again = await ask(one, model="deepseek-v3")

        assert (failed.status_code, well.status_code) == (502, 200)
        assert REPLAY not in well.headers
        assert (again.content, again.headers[REPLAY]) == (well.content, "true")


async def test_work_of_a_worker_that_ends_is_taken_up_by_another(
    beside: dict[str, Any], tmp_path: Path
) -> None:
    async with two(tmp_path, beside) as (one, other):
        one.simulator.fault("siliconflow", "*", "silent", times=None)
        lost = asyncio.create_task(ask(one))
        await until(lambda: asked(one))
        waiting = asyncio.create_task(ask(other))
        await asyncio.sleep(0.2)
        assert asked(other) == 0
        lost.cancel()
        for errand in list(one.serving.once._errands._tasks):
            errand.cancel()  # what leaving does to it
        answer = await waiting

        assert answer.status_code == 200
        assert REPLAY not in answer.headers
        assert asked(other) == 1


async def test_what_lies_in_the_valkey_says_nothing(valkey_server: str, tmp_path: Path) -> None:
    with Redis.from_url(valkey_server) as server:
        server.flushdb()
        gateways = {"stores": {"shared": valkey_server}, **PATIENT}
        async with two(tmp_path, gateways) as (one, _):
            answer = await ask(one, "SAY: canary-in-a-valkey", key="canary-of-a-key")
            [name] = list(server.scan_iter("portico:kept:*"))
            kept = server.get(name)
            assert isinstance(kept, bytes)
            left = server.ttl(name)

        assert "canary" in answer.text
        assert b"canary" not in name + kept
        assert 0 < int(str(left)) <= 600


async def test_without_the_valkey_each_gateway_is_on_its_own(tmp_path: Path) -> None:
    nobody = {"stores": {"shared": "valkey://127.0.0.1:1"}, **PATIENT}
    async with two(tmp_path, nobody) as (one, other):
        answers = [await ask(lab) for lab in (one, other, one, other)]

    assert [REPLAY in answer.headers for answer in answers] == [False, False, True, True]
    assert {answer.status_code for answer in answers} == {200}
