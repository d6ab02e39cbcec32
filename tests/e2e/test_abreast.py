"""Two gateways beside each other, through real sockets: what one learns both know."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portico.access.base import Terms
from portico.ledger.base import RequestQuery
from portico.shared.unix import keep_hub
from portico.wiring import keyring
from tests.e2e.counting_upstream import counting_upstream
from tests.serving import House, house

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
PATIENT = {"server": {"share_within": 2}}
"""A busy machine is no Valkey that is away."""


@pytest.fixture
def workers() -> Iterator[dict[str, Any]]:
    """What makes a house share with other workers."""
    with keep_hub() as path:
        yield {"hub": path, **PATIENT}


@pytest.fixture
def gateways(valkey_server: str) -> dict[str, Any]:
    """What makes a house share with other gateways."""
    with Redis.from_url(valkey_server) as server:
        server.flushdb()
    return {"stores": {"shared": valkey_server}, **PATIENT}


@asynccontextmanager
async def two(folder: Path, beside: dict[str, Any], **changes: Any) -> AsyncIterator[list[House]]:
    """Open two houses over the same embedded stores, as workers are."""
    (folder / "home").mkdir()
    async with AsyncExitStack() as stack:
        houses = []
        for name in ("one", "other"):
            (folder / name).mkdir()
            (folder / name / "home").symlink_to(folder / "home")
            opening = house(folder / name, **beside, **changes)
            houses.append(await stack.enter_async_context(opening))
        yield houses


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)


def rests(lab: House) -> set[str]:
    return set(lab.serving.gateway.standing.report(time.time()))


@pytest.mark.parametrize("with_whom", ["workers", "gateways"])
async def test_what_one_learns_of_an_upstream_both_know(
    with_whom: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    beside = request.getfixturevalue(with_whom)
    async with two(tmp_path, beside) as (one, other):
        one.simulator.fault("siliconflow", "*", "rate_limited_header", retry_after=30)
        asked = await one.chat(model="deepseek-v3")
        await until(lambda: rests(other))
        refused = await other.chat(model="deepseek-v3")
        one.serving.gateway.standing.clear("deepseek-v3")
        await until(lambda: not rests(other))
        answered = await other.chat(model="deepseek-v3")

        assert asked.status_code == refused.status_code == 429
        assert not other.simulator.counts["siliconflow", "deepseek-ai/DeepSeek-V3"] > 1
        assert answered.status_code == 200


async def test_counts_of_all_meet_a_limit_that_one_was_told_of(
    tmp_path: Path, workers: dict[str, Any]
) -> None:
    async with two(tmp_path, workers) as (one, other):
        for lab in (one, other, one, other):
            assert (await lab.chat(model="deepseek-v3")).status_code == 200
        target = one.serving.gateway.house.catalog.targets["deepseek-v3"]
        key = target.project or target.upstream, target.model
        spent = [lab.serving.gateway.standing.quotas._spent[key] for lab in (one, other)]
        for spending in spent:
            cells = spending.day
            await until(lambda cells=cells: sum(n for n, _ in cells(time.time()).values()) == 4)  # type: ignore[misc]


async def key_of(houses: list[House], **terms: Any) -> dict[str, str]:
    """Make a key, and return the header that carries it once both know it."""
    ring = keyring(houses[0].config.parent / "home")
    await ring.issue("operator")
    made = await ring.issue("anna", terms=Terms(**terms), admin=False)
    for lab in houses:
        lab.serving.gate.know(await ring.roster())
    return {"authorization": f"Bearer {made.text}"}


async def test_rates_and_places_hold_for_both_together(
    tmp_path: Path, workers: dict[str, Any]
) -> None:
    async with counting_upstream(0.02) as upstream:
        catalog = {
            "upstreams": {"own": upstream.upstream()},
            "targets": {"m": {"upstream": "own", "model": "m", "max_concurrency": 4}},
        }
        async with two(tmp_path, workers, **catalog) as houses:
            mine = await key_of(houses, requests_per_minute=10)
            body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
            asks = [
                lab.client.post(CHAT, json=body, headers=mine) for _ in range(25) for lab in houses
            ]
            answers = await asyncio.gather(*asks)
            for lab in houses:
                await lab.serving.gateway.ledger.flush()
            query = RequestQuery(limit=200)
            rows = [row.id for row in await houses[1].serving.ledger.requests(query)]

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (10, 40)
    [told] = {answer.json()["error"]["param"] for answer in answers if answer.status_code == 429}
    assert told == "requests_per_minute"
    assert upstream.asked == 10
    assert upstream.peak <= 4
    numbers = [answer.headers["x-portico-request-id"] for answer in answers]
    assert sorted(rows) == sorted(numbers), "each is in the one ledger, once"


async def test_who_waits_for_a_place_gets_one_in_either_house(
    tmp_path: Path, workers: dict[str, Any]
) -> None:
    async with counting_upstream(0.01) as upstream:
        catalog = {
            "upstreams": {"own": upstream.upstream()},
            "targets": {"m": {"upstream": "own", "model": "m", "max_concurrency": 2}},
        }
        async with two(tmp_path, workers, **catalog) as houses:
            asks = [lab.chat(model="m") for _ in range(20) for lab in houses]
            answers = await asyncio.gather(*asks)

    assert {answer.status_code for answer in answers} == {200}
    assert upstream.asked == 40
    assert upstream.peak == 2
