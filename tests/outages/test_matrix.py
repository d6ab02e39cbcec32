"""
A store that is away in every way there is: nobody's chat fails, no key is refused, nothing is lost.

What a store costs a chat is not measured in time. It is counted: while a store swallows everything,
whole chats are answered, and the calls that the store was sent are few.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from pymongo import AsyncMongoClient
from scripts.services import mongo

from tests.outages.lab import AWAY, Lab, lab

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

STORES = ("postgres", "s3", "mongodb", "qdrant", "all")
HELD_UP = ("down", "black hole", "slow")
CHATS = 24
QDRANT = os.environ.get("PORTICO_TEST_QDRANT", "")
"""A real one's URL; without it the stand-in of the contract suite takes its place."""

FEW = 30
"""Connections that one store may be sent during an outage: far fewer than there are calls."""


@pytest.fixture(params=STORES)
def servers(request: pytest.FixtureRequest) -> dict[str, str]:
    return given(request, {"postgres": "database"})


@pytest.fixture(params=STORES)
def small_servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Servers whose disks may be full: nobody else uses them."""
    return given(request, {"postgres": "database", "mongodb": "own_mongodb"})


def given(request: pytest.FixtureRequest, fixtures: Mapping[str, str]) -> dict[str, str]:
    names = tuple(AWAY) if request.param == "all" else (request.param,)
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
        await stage.until_searched(CHATS // 3)  # what was shown meanwhile, without a rebuild
        assert (await stage.house.serving.recalling.remembering.rebuild()).points > 0
        await stage.until_searched(1)
    await exactly_once(stage, count + 3)


def test_the_manual_has_every_row_and_column_of_this() -> None:
    manual = Path(__file__).parents[2] / "docs/operations/stores.md"
    _, _, table = manual.read_text("utf-8").partition("<!-- outages -->\n")
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.partition("\n\n")[0].splitlines()
    )
    assert head == ["", *HELD_UP, "absent at the start", "disk full, or it refuses"]
    assert {row[0] for row in rows} == {f"`{AWAY.get(store, store)}`" for store in STORES}
    assert all(len(row) == len(head) and all(row) for row in rows)


@pytest.mark.parametrize("mode", HELD_UP)
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


async def test_a_store_whose_disk_is_full_costs_no_chat(
    small_servers: dict[str, str], tmp_path: Path
) -> None:
    async with lab(tmp_path, small_servers) as stage:
        answered(await stage.chats(3))
        if "postgres" in small_servers:
            await exactly_once(stage, 3)
        await filled(stage, small_servers)
        await afflicted(stage, 3)
        await emptied(small_servers)
        await recovered(stage, 3 + CHATS)


@pytest.fixture
def own_mongodb() -> Iterator[str]:
    """Give the URL of a stand-in that no other test has: it is going to refuse everybody."""
    server, url = mongo.launched()
    yield url
    server.terminate()
    server.wait(10)


async def filled(stage: Lab, servers: Mapping[str, str]) -> None:
    """Let each server refuse as its kind does when its disk is full."""
    for name, proxy in stage.proxies.items():
        if name == "postgres":
            await read_only(servers[name], "on")
        if name == "mongodb":
            await refusing(servers[name], on=True)
        # Connections that are open to a Postgres go on writing.
        await proxy.become("refusing" if name in ("s3", "qdrant") else "well")


async def emptied(servers: Mapping[str, str]) -> None:
    if "postgres" in servers:
        await read_only(servers["postgres"], "off")
    if "mongodb" in servers:
        await refusing(servers["mongodb"], on=False)


async def refusing(url: str, *, on: bool) -> None:
    """Let the writes of a MongoDB fail with OutOfDiskSpace."""
    data = {"failCommands": ["insert", "update", "createIndexes"], "errorCode": 14031}
    async with AsyncMongoClient(url) as client:
        mode = "alwaysOn" if on else "off"
        await client.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)


async def read_only(url: str, how: str) -> None:
    name = urlsplit(url).path.lstrip("/")
    connection = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {how}")
    await connection.close()
