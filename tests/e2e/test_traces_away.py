"""Whatever the store of traces does, chats go on, it is said, and afterwards all is there once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from scripts.services import mongo

from portico.errors import ConfigError
from portico.traces.mongo import open_mongo
from portico.traces.recorder import Pace
from tests.serving import House, house

pytestmark = pytest.mark.anyio


class Gate:
    """Stands between the gateway and a real server: open, shut, or a hole that swallows all."""

    def __init__(self, server: str) -> None:
        self.server = urlsplit(server)
        self.state = "open"
        self.url = ""
        self._ways: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ways.append(writer)
        if self.state == "hole":
            return
        if self.state == "shut":
            writer.close()
            return
        there = await asyncio.open_connection(self.server.hostname, self.server.port)
        self._ways.append(there[1])
        await asyncio.gather(
            self._carry(reader, there[1]), self._carry(there[0], writer), return_exceptions=True
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.state == "hole":
                await asyncio.Event().wait()
            if self.state == "shut":
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    def turn(self, state: str) -> None:
        """Be *state* from now on; what was connected is cut, or hangs."""
        self.state = state
        if state == "shut":
            self.hang_up()

    def hang_up(self) -> None:
        for way in self._ways:
            way.close()
        self._ways.clear()


@asynccontextmanager
async def gate(server: str) -> AsyncIterator[Gate]:
    one = Gate(server)
    listening = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    database = f"test_{uuid4().hex}" if "mongodb" in server else urlsplit(server).path[1:]
    at = f"127.0.0.1:{port}"
    user, mark, _ = urlsplit(server).netloc.rpartition("@")
    one.url = urlsplit(server)._replace(netloc=f"{user}{mark}{at}", path=f"/{database}").geturl()
    try:
        yield one
    finally:
        one.hang_up()
        listening.close()


@pytest.fixture(params=["mongo", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A real server of each store that may be away."""
    if request.param == "postgres":
        yield request.getfixturevalue("database")
    else:
        yield request.getfixturevalue("mongodb")


async def readiness(lab: House) -> tuple[str, str]:
    told: dict[str, Any] = (await lab.client.get("/readyz")).json()
    return told["status"], told["stores"]["traces"]


async def chats(lab: House, count: int) -> list[str]:
    answers = await asyncio.gather(*(lab.chat(f"number {number}") for number in range(count)))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.headers["x-portico-request-id"] for answer in answers]


def hurry(lab: House) -> None:
    """Let a test not wait as long as an operator would."""
    lab.serving.traces.recorder._pace = Pace(patience=0.6, retry=0.05)
    lab.serving.traces.store._patience = 0.5  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", ["shut", "hole"])
@pytest.mark.parametrize("when", ["at start", "later"])
async def test_chats_go_on_and_every_trace_is_there_once_afterwards(
    server: str, state: str, when: str, tmp_path: Path
) -> None:
    async with gate(server) as way:
        if when == "at start":
            way.turn(state)
        async with house(tmp_path, stores={"traces": way.url}) as lab:
            hurry(lab)
            recorder = lab.serving.traces.recorder
            idents = []
            if when == "later":
                idents += await chats(lab, 3)
                await recorder.flush()
                assert recorder.stored == 3
                way.turn(state)
            idents += await chats(lab, 5)
            await recorder.flush()
            idents += await chats(lab, 5)
            await recorder.flush()
            assert recorder.spooled == 10
            assert (await readiness(lab))[1] == "away"
            reading = await lab.client.get(f"/api/requests/{idents[-1]}/trace")
            assert reading.status_code == 503
            assert reading.json()["error"]["code"] == "store_unavailable"

            way.turn("open")
            way.hang_up()
            while recorder.stored < len(idents):
                await recorder.flush()
                await asyncio.sleep(0.05)
            assert (await readiness(lab))[1] == "ok"
            listed = await _listed(lab)
            assert sorted(listed) == sorted(idents)
            assert (recorder.dropped, recorder.bared) == (0, 0)


async def _listed(lab: House) -> list[str]:
    """Ask until the breaker lets somebody through."""
    while True:
        listing = await lab.client.get("/api/traces", params={"limit": 200})
        if listing.status_code == 200:
            return [card["id"] for card in listing.json()["traces"]]
        await asyncio.sleep(0.1)


async def test_an_address_that_cannot_be_read_is_said_and_not_repeated() -> None:
    wrong = "mongodb://user:p@ss@word:x@host:27017/portico"
    with pytest.raises(ConfigError, match="write mongodb://") as told:
        async with open_mongo(wrong):
            pass
    assert "p@ss" not in str(told.value)


def test_the_stand_in_for_mongodb_starts_and_ends(tmp_path: Path) -> None:
    first = mongo.up(tmp_path / "mongodb")
    assert mongo.up(tmp_path / "mongodb") == first
    mongo.down(tmp_path / "mongodb")
    assert not (tmp_path / "mongodb").exists()
