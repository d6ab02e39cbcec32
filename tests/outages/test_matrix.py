"""
A store that is away in every way there is: nobody's chat fails, no key is refused, nothing is lost.

What a store costs a chat is not measured in time. It is counted: while a store swallows everything,
whole chats are answered, and the calls that the store was sent are few.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.outages.lab import AWAY, Lab, lab

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

STORES = ("postgres", "s3", "mongodb", "qdrant", "all")
CHATS = 24
QDRANT = os.environ.get("PORTICO_TEST_QDRANT", "")
"""A real one's URL; without it the stand-in of the contract suite takes its place."""

FEW = 30
"""Connections that one store may be sent during an outage: far fewer than there are calls."""


@pytest.fixture(params=STORES)
def servers(request: pytest.FixtureRequest) -> dict[str, str]:
    names = tuple(AWAY) if request.param == "all" else (request.param,)
    fixtures = {"postgres": "database"}
    return {
        name: QDRANT if name == "qdrant" else request.getfixturevalue(fixtures.get(name, name))
        for name in names
    }


def answered(answers: list[object]) -> None:
    assert Counter(answer.status_code for answer in answers) == {200: len(answers)}  # type: ignore[attr-defined]


async def exactly_once(stage: Lab, count: int) -> None:
    rows = await stage.booked(count)
    assert len(rows) == len({row["id"] for row in rows}) == count
    attempts = [one["id"] for row in rows for one in row["attempts"]]
    assert len(attempts) == len(set(attempts)) >= count
    usage = (await stage.get("/api/usage?by=task"))["usage"]
    chats = [(one["requests"], one["attempts"]) for one in usage if one["key"] != "memory"]
    assert chats == [(count, len(attempts))]


async def afflicted(stage: Lab, before: int) -> None:
    """Chat while every proxied store is away; *before* so many were answered already."""
    answered(await stage.chats(CHATS))
    unknown = {401, 503} if "postgres" in stage.proxies else {401}  # 503: nobody can say
    assert await stage.stranger() in unknown
    if "qdrant" in stage.proxies:
        await search_says_so(stage)
    for name, proxy in stage.proxies.items():
        await stage.until_ready(AWAY[name], "away")
        assert proxy.met <= FEW, f"{name} was called {proxy.met} times"
    assert (await stage.ready())["status"] == "degraded"


async def search_says_so(stage: Lab) -> None:
    """A memory that is away is no memory in which nothing is found."""
    for answer in await asyncio.gather(*(stage.search() for _ in range(6))):
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert int(answer.headers["retry-after"]) >= 1


async def recovered(stage: Lab, count: int) -> None:
    for proxy in stage.proxies.values():
        await proxy.become("well")
    if "qdrant" in stage.proxies:
        await stage.until_searched()
    for name in stage.proxies:
        await stage.until_ready(AWAY[name], "ok")
    answered(await stage.chats(3))
    if "qdrant" in stage.proxies:
        await stage.until_searched(1)
        assert (await stage.house.serving.recalling.remembering.rebuild()).points > 0
        await stage.until_searched(1)
    await exactly_once(stage, count + 3)


@pytest.mark.parametrize("mode", ["down", "black hole", "slow"])
async def test_no_chat_fails_while_a_store_is(
    mode: str, servers: dict[str, str], tmp_path: Path
) -> None:
    async with lab(tmp_path, servers) as stage:
        answered(await stage.chats(3))
        for proxy in stage.proxies.values():
            await proxy.become(mode)  # type: ignore[arg-type]
        await afflicted(stage, 3)
        await recovered(stage, 3 + CHATS)


async def test_a_store_that_is_absent_at_the_start_stops_neither_start_nor_chat(
    servers: dict[str, str], tmp_path: Path
) -> None:
    async with lab(tmp_path, servers, frozenset(servers)) as stage:
        await afflicted(stage, 0)
        await recovered(stage, CHATS)


@pytest.mark.parametrize("store", ["s3", "qdrant"])
async def test_a_store_whose_disk_is_full_costs_no_chat(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("s3") if store == "s3" else QDRANT
    async with lab(tmp_path, {store: url}) as stage:
        answered(await stage.chats(3))
        await stage.proxies[store].become("refusing")
        await afflicted(stage, 3)
        await recovered(stage, 3 + CHATS)


async def test_a_postgres_that_takes_no_writes_costs_no_chat(database: str, tmp_path: Path) -> None:
    async with lab(tmp_path, {"postgres": database}) as stage:
        answered(await stage.chats(3))
        await exactly_once(stage, 3)
        await read_only(database, "on")
        await stage.proxies["postgres"].become("well")  # connections that are open go on writing
        await afflicted(stage, 3)
        await read_only(database, "off")
        await recovered(stage, 3 + CHATS)


async def read_only(url: str, how: str) -> None:
    name = urlsplit(url).path.lstrip("/")
    connection = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {how}")
    await connection.close()
