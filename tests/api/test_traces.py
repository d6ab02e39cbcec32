"""What was said can be read again: by whom it was said, and by those who look after the house."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from portico.access.base import Caller
from portico.api.traces import _theirs
from portico.traces.base import Keep
from tests.serving import House, house
from tests.traces.made import trace as made

pytestmark = pytest.mark.anyio

V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")
CODER = ("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct")


async def trace(lab: House, ident: str) -> dict[str, Any]:
    answer = await lab.client.get(f"/api/requests/{ident}/trace")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def of(lab: House, answer: httpx.Response) -> dict[str, Any]:
    return await trace(lab, answer.headers["x-portico-request-id"])


async def listed(lab: House, **filters: Any) -> list[str]:
    await lab.serving.traces.recorder.flush()
    answer = await lab.client.get("/api/traces", params=filters)
    assert answer.status_code == 200, answer.text
    return [card["id"] for card in answer.json()["traces"]]


async def test_a_trace_tells_what_came_what_was_sent_and_what_came_back(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat("say something", temperature=0.5)
        told = await of(lab, answer)

    card, story = told["card"], told["story"]
    assert (card["outcome"], card["role"], card["target"]) == ("answered", "code", "deepseek-v3")
    assert (card["capture"], card["fidelity"], card["life"]) == ("full", "complete", "interactive")
    assert card["expires"] == card["started"] + 30 * 86_400
    assert story["request"] == {
        "model": "code",
        "messages": [{"role": "user", "content": "say something"}],
        "temperature": 0.5,
    }
    [attempt] = story["attempts"]
    assert attempt["request"] == {
        "temperature": 0.5,
        "model": V3[1],
        "messages": {"$ref": "#/request/messages"},
    }
    said = answer.json()["choices"][0]["message"]["content"]
    assert story["answer"]["choices"] == [{"text": said, "finish": "stop"}]
    assert story["answer"]["complete"] is True
    assert story["route"]["role"] == "code"
    assert story["route"]["candidates"][0] == "deepseek-v3"
    assert "authorization" not in story["headers"]


async def test_every_attempt_is_told_with_what_was_sent_for_it_and_why_it_failed(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, "overloaded")
        lab.simulator.fault(*CODER, "overloaded")
        told = await of(lab, await lab.chat("hello"))

    first, second, third = told["story"]["attempts"]
    assert [one["outcome"] for one in (first, second, third)] == [
        "unavailable",
        "unavailable",
        "answered",
    ]
    assert first["request"]["model"], second["request"]["model"] == (V3[1], CODER[1])
    assert first["detail"]
    assert third["request"]["contents"] == [{"role": "user", "parts": [{"text": "hello"}]}]
    assert told["card"]["attempts"] == 3


async def test_a_stream_is_told_as_what_it_came_to(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.chat("SAY: " + "word " * 300, stream=True)
        told = await of(lab, answer)

    [choice] = told["story"]["answer"]["choices"]
    assert choice["text"] == "word " * 300
    assert told["card"]["streamed"]
    assert told["story"]["answer"]["complete"] is True


async def test_of_a_broken_stream_there_is_what_came_and_it_is_kept_for_longer(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, roles={"code": {"rescue": "off"}}) as lab:
        lab.simulator.fault(*V3, "cut", after=3)
        answer = await lab.chat("SAY: one two three four five six seven", stream=True)
        told = await of(lab, answer)

    card, said = told["card"], told["story"]["answer"]
    assert said["complete"] is False
    assert said["choices"][0]["text"].startswith("one")
    assert "seven" not in said["choices"][0]["text"]
    assert (card["outcome"], card["error"]) == ("broken", "stream_broken")
    assert (card["life"], card["flags"]) == ("flagged", ["error"])
    assert card["expires"] == card["started"] + 180 * 86_400


async def test_a_client_that_leaves_is_told_of_and_what_it_was_told(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault(*V3, "stall", after=2, seconds=30)
        body = {"model": "code", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with lab.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            ident = answer.headers["x-portico-request-id"]
            async for line in answer.aiter_lines():
                if "content" in line and '"content":""' not in line:
                    break
        while lab.serving.gateway.in_flight:
            await lab.client.get("/healthz")
        told = await trace(lab, ident)

    assert (told["card"]["outcome"], told["card"]["error"]) == ("abandoned", None)
    assert told["story"]["answer"]["complete"] is False
    assert told["story"]["answer"]["choices"][0]["text"]


async def test_a_request_that_asked_nobody_has_a_trace_that_says_why(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        picture = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        refused = await lab.chat([{"role": "user", "content": [picture]}], model="qwen3-coder")
        told = await of(lab, refused)

    assert told["card"]["error"] == "no_capable_target"
    assert told["card"]["life"] == "interactive", "the caller can mend it"
    assert "attempts" not in told["story"]
    assert told["story"]["route"]["passed"][0]["target"] == "qwen3-coder"


async def test_background_tasks_are_kept_for_three_days(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        body = {"model": "code", "messages": [{"role": "user", "content": "a title, please"}]}
        answer = await lab.client.post(
            "/v1/chat/completions", json=body, headers={"x-openwebui-task": "title_generation"}
        )
        card = (await of(lab, answer))["card"]

    assert (card["task"], card["life"]) == ("title_generation", "background")
    assert card["expires"] == card["started"] + 3 * 86_400


async def test_traces_are_found_by_what_they_were(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        well = (await lab.chat("hello")).headers["x-portico-request-id"]
        lab.simulator.fault(*V3, "overloaded", times=None)
        bad = (await lab.chat("hello", model="deepseek-v3")).headers["x-portico-request-id"]

        assert await listed(lab) == [bad, well]
        assert await listed(lab, error=True) == [bad]
        assert await listed(lab, error=False) == [well]
        assert await listed(lab, role="code") == [well]
        assert await listed(lab, target="deepseek-v3") == [well]
        assert await listed(lab, modality="text", outcome="failed", life="flagged") == [bad]
        assert await listed(lab, limit=1) == [bad]
        assert await listed(lab, before=bad) == [well]
        assert await listed(lab, person="nobody") == []
        wrong = await lab.client.get("/api/traces", params={"colour": "red"})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "colour")


async def test_a_trace_is_flagged_and_pinned_and_both_can_be_taken_back(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        ident = (await lab.chat("hello")).headers["x-portico-request-id"]

        async def done(method: str, what: str, **params: str) -> dict[str, Any]:
            path = f"/api/requests/{ident}/{what}"
            answer = await lab.client.request(method, path, params=params)
            assert answer.status_code == 200, answer.text
            card: dict[str, Any] = answer.json()
            assert (await trace(lab, ident))["card"] == card
            return card

        card = await done("POST", "flag", flag="thumbs-down")
        card = await done("POST", "flag", flag="thumbs-down")
        assert (card["life"], card["flags"]) == ("flagged", ["thumbs-down"])
        assert card["expires"] == card["started"] + 180 * 86_400
        card = await done("POST", "pin")
        assert (card["life"], card["expires"]) == ("pinned", None)
        card = await done("DELETE", "flag", flag="thumbs-down")
        assert (card["life"], card["flags"]) == ("pinned", [])
        card = await done("DELETE", "pin")
        assert card["life"] == "interactive"
        assert card["expires"] == Keep().until(card["life"], card["started"])

        wrong = await lab.client.post(f"/api/requests/{ident}/flag", params={"flag": "no spaces"})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "flag")
        for method, what in (("POST", "flag"), ("DELETE", "flag"), ("POST", "pin")):
            unknown = await lab.client.request(method, f"/api/requests/req_nobody/{what}")
            assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (Caller(admin=True), True),
        (Caller(key="key_1"), True),
        (Caller(key="key_2"), False),
        (Caller(), False),
    ],
)
def test_everybody_sees_their_own_traces_and_an_admin_all(caller: Caller, theirs: bool) -> None:
    assert _theirs(made(caller="key_1").card, caller) is theirs
    assert _theirs(made(caller=None).card, caller) is caller.admin


async def test_metadata_only_keeps_no_word(tmp_path: Path) -> None:
    async with house(tmp_path, traces={"capture": "metadata-only"}) as lab:
        lab.simulator.fault(*V3, "overloaded")
        answer = await lab.chat("a word that is nowhere", user="nobody-in-particular")
        told = await of(lab, answer)

    card, story = told["card"], told["story"]
    assert (card["capture"], card["fidelity"], card["attempts"]) == ("metadata-only", "redacted", 2)
    assert story.keys() == {"route", "attempts", "left_out"}
    assert [one.get("detail") for one in story["attempts"]] == [None, None]
    said = json.dumps(told)
    for word in ("nowhere", "nobody-in-particular", "simulated deepseek", "busy"):
        assert word not in said
