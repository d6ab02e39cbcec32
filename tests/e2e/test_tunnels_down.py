"""All tunnels of a path are down: others answer and it is said, or nobody does; never directly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.test_egress import Lab, lab

pytestmark = pytest.mark.anyio

ROLE = {"roles": {"design": {"targets": ["gemini-3-flash", "deepseek-v3"]}}}
DIRECT = "deepseek-v3"


@asynccontextmanager
async def dead(folder: Path, on_down: str) -> AsyncIterator[Lab]:
    """Open a house both of whose tunnels have just died."""
    async with lab(folder, on_down=on_down) as here:
        for number in range(2):
            await here.kill(number)
        yield here


async def asked(here: Lab, stream: bool = False, model: str = "design") -> httpx.Response:
    return await here.house.chat(model=model, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_others_answer_and_say_so_from_the_first_request_on(
    tmp_path: Path, stream: bool
) -> None:
    async with dead(tmp_path, "reroute") as here:
        for _ in range(4):  # two find out, the others know
            answer = await asked(here, stream)
            assert answer.status_code == 200
            assert answer.headers["x-portico-target"] == DIRECT
            assert answer.headers["x-portico-degraded"] == "egress-rerouted"
        assert answer.headers["x-portico-attempts"] == "1"
        rows = await here.house.requests()
    google = [one for row in rows for one in row["attempts"] if one["egress"] == "google"]
    assert {one["outcome"] for one in google} == {"failed"}
    assert {one["tunnel"] for one in google} == {None}
    assert {row["degraded"] for row in rows} == {"egress-rerouted"}


async def test_with_fail_nobody_else_is_asked(tmp_path: Path) -> None:
    async with dead(tmp_path, "fail") as here:
        for _ in range(4):
            answer = await asked(here)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (503, "egress_unavailable")
            assert error["source"] == "gateway"
            assert int(answer.headers["retry-after"]) >= 1
        explained = await here.house.client.post(
            "/v1/route/explain",
            json={"model": "design", "messages": [{"role": "user", "content": "hello"}]},
        )
        rows = await here.house.requests()
        other = await asked(here, model=DIRECT)
    assert {one["target"] for row in rows for one in row["attempts"]} <= {"gemini-3-flash"}
    assert (other.status_code, other.headers.get("x-portico-degraded")) == (200, None)
    told = explained.json()
    assert told["candidates"] == []
    assert told["error"]["code"] == "egress_unavailable"
    assert {one["reason"] for one in told["passed"]} == {"the egress path google is down"}


async def test_whose_turn_it_is_not_is_not_said_to_be_rerouted(tmp_path: Path) -> None:
    async with dead(tmp_path, "fail") as here:
        for _ in range(2):
            await asked(here)
        answer = await asked(here, model="code")  # deepseek-v3 first, Google last
    assert (answer.status_code, answer.headers["x-portico-target"]) == (200, DIRECT)
    assert "x-portico-degraded" not in answer.headers


async def test_while_the_tunnels_live_nothing_of_it_is_said(tmp_path: Path) -> None:
    async with lab(tmp_path, on_down="fail") as here:
        answer = await asked(here)
    assert (answer.status_code, answer.headers["x-portico-target"]) == (200, "gemini-3-flash")
    assert "x-portico-degraded" not in answer.headers
