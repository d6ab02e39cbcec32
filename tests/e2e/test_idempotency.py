"""A client that retries under its Idempotency-Key gets one answer, and the upstream one bill."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from portico.wiring import keyring
from tests.e2e.test_streams import until
from tests.serving import House, house

pytestmark = pytest.mark.anyio

REPLAY = "x-portico-idempotent-replay"


async def ask(lab: House, text: str = "hello", key: str = "k-1", **fields: Any) -> httpx.Response:
    messages = [{"role": "user", "content": text}]
    return await lab.client.post(
        "/v1/chat/completions",
        json={"model": "qwen3-coder", "messages": messages, **fields},
        headers={"idempotency-key": key},
    )


async def test_a_retry_gets_the_same_answer_and_says_that_it_is_a_replay(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        first, second = await ask(lab), await ask(lab)
        other = await ask(lab, key="k-2")
        rows = await lab.requests()

    assert first.content == second.content
    assert REPLAY not in first.headers
    assert second.headers[REPLAY] == "true"
    for name in ("content-type", "x-portico-request-id", "x-portico-target", "x-portico-attempts"):
        assert first.headers[name] == second.headers[name]
    assert other.json()["id"] != first.json()["id"]
    assert len(lab.simulator.bills) == len(rows) == 2
    assert {f"chatcmpl-{row['id']}" for row in rows} == {first.json()["id"], other.json()["id"]}


async def test_whoever_asks_while_the_first_is_still_running_waits_for_it(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.3)
        answers = await asyncio.gather(*(ask(lab) for _ in range(20)))

    assert len({answer.content for answer in answers}) == 1
    assert sum(REPLAY in answer.headers for answer in answers) == 19
    assert [bill.status for bill in lab.simulator.bills] == ["finished"]


@pytest.mark.parametrize("wait", [False, True], ids=["while it runs", "when it is done"])
async def test_a_dropped_connection_and_a_retry_are_one_bill(wait: bool, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.5)
        dropped = asyncio.create_task(ask(lab))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        dropped.cancel()
        if wait:
            await until(lambda: lab.simulator.bills)
            await until(lambda: lab.serving.gateway.in_flight == 0)
        answer = await ask(lab)
        (row,) = await lab.requests()

    assert answer.status_code == 200
    assert answer.headers[REPLAY] == "true"
    assert [bill.status for bill in lab.simulator.bills] == ["finished"]
    assert (row["outcome"], row["status"], len(row["attempts"])) == ("answered", 200, 1)


async def test_work_that_nobody_comes_back_for_is_given_up(tmp_path: Path) -> None:
    patient = {"qwen3-coder": {"patience": {"total": 60}}}
    async with house(tmp_path, targets=patient, server={"replay_window": 0.1}) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        dropped = asyncio.create_task(ask(lab))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        dropped.cancel()
        await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])
        await until(lambda: lab.serving.gateway.in_flight == 0)
        (row,) = await lab.requests()

    assert row["outcome"] == "abandoned"


async def test_stopping_ends_work_that_nobody_waits_for(tmp_path: Path) -> None:
    patient = {"qwen3-coder": {"patience": {"total": 60}}}
    async with house(tmp_path, targets=patient) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        dropped = asyncio.create_task(ask(lab))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        dropped.cancel()
        gateway = lab.serving.gateway

    assert gateway.in_flight == 0


@pytest.mark.parametrize("running", [False, True], ids=["after it", "while it runs"])
async def test_the_key_of_another_question_is_refused(running: bool, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.3)
        first = asyncio.create_task(ask(lab))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        if not running:
            await first
        refused = await ask(lab, "something else")
        await first

    error = refused.json()["error"]
    assert refused.status_code == 422, "not 409: clients retry that"
    assert (error["code"], error["param"]) == ("idempotency_key_reused", "Idempotency-Key")
    assert error["request_id"] == refused.headers["x-portico-request-id"]
    assert len(lab.simulator.bills) == 1


async def test_a_failure_that_a_retry_can_mend_is_asked_again(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "overloaded", times=1)
        failed, well = await ask(lab), await ask(lab)

    assert (failed.status_code, well.status_code) == (502, 200)
    assert REPLAY not in well.headers


async def test_an_honest_refusal_is_not_asked_again(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "bad_request", times=1)
        first, second = await ask(lab), await ask(lab)

    assert first.status_code == second.status_code == 400
    assert first.json() == second.json()
    assert second.headers[REPLAY] == "true"
    assert len([call for call in lab.simulator.calls if call.work == "chat"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "a\tb"])
async def test_a_key_that_is_none_is_refused(key: str, tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        messages = [{"role": "user", "content": "hi"}]
        headers = {b"idempotency-key": key.encode("latin-1")}
        body = json.dumps({"model": "code", "messages": messages})
        refused = await lab.client.post("/v1/chat/completions", content=body, headers=headers)
        longest = await ask(lab, key="x" * 255)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "Idempotency-Key"
    assert longest.status_code == 200
    assert len(lab.simulator.bills) == 1


async def test_a_stream_takes_no_notice_of_a_key(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answers = [await ask(lab, "LONG 3", key="x" * 300, stream=True) for _ in range(2)]

    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)
    assert len(lab.simulator.bills) == 2


async def test_a_large_body_is_told_apart_too(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        long = "word " * 80_000
        first, again = await ask(lab, long), await ask(lab, long)
        other = await ask(lab, long + "!")

    assert (first.content, first.status_code) == (again.content, 200)
    assert other.status_code == 422
    assert len(lab.simulator.bills) == 1


async def test_callers_do_not_share_keys(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    keys = keyring(tmp_path / "home")
    ann, ben = [await keys.issue(name) for name in ("ann", "ben")]
    async with house(tmp_path) as lab:
        answers = []
        for issued in (ann, ben, ann):
            lab.client.headers["authorization"] = f"Bearer {issued.text}"
            answers.append(await ask(lab))

    assert [REPLAY in answer.headers for answer in answers] == [False, False, True]


async def test_openais_client_retries_for_free(tmp_path: Path) -> None:
    """Its first attempt times out; its second joins the work that is under way."""
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.8)
        url = f"{lab.url}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="any", timeout=0.3) as client:
            found = await client.with_options(max_retries=5).chat.completions.create(
                model="qwen3-coder",
                messages=[{"role": "user", "content": "SAY: once"}],
                extra_headers={"Idempotency-Key": "k"},
            )

    assert found.choices[0].message.content == "once"
    assert [bill.status for bill in lab.simulator.bills] == ["finished"]
