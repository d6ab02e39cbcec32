"""A real Postgres goes away under a gate, in three ways, and comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from portico.access.gate import RECENT, STALE, Gate, Rule
from portico.access.keyring import Keyring
from portico.access.postgres import open_postgres
from portico.access.watch import open_gate
from portico.errors import StoreUnavailable, Unauthenticated

from .keys import bearer, text

pytestmark = pytest.mark.anyio

PAUSE = 0.02


class Relay:
    """A way to a server, which can be cut, or made to swallow what is sent."""

    def __init__(self, host: str, port: int) -> None:
        self.how = "well"
        self._far = (host, port)
        self._lines: set[asyncio.StreamWriter] = set()

    async def __call__(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._lines.add(back)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self.how == "down":
                return back.close()
            reader, writer = await asyncio.open_connection(*self._far)
            self._lines.add(writer)
            await asyncio.gather(self._pass(near, writer), self._pass(reader, back))
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self.how == "well":
                    writer.write(data)
                    await writer.drain()
        writer.close()

    def turn(self, how: str) -> None:
        """Be *how* from now on: well, down or hanging."""
        self.how = how
        if how == "down":
            for line in self._lines:
                line.close()
            self._lines.clear()

    def hang_up(self) -> None:
        """End what goes on."""
        self.turn("down")


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[tuple[str, Relay]]:
    parts = urlsplit(url)
    relay = Relay(parts.hostname or "", parts.port or 5432)
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = parts.netloc.rpartition("@")[0]
    netloc = f"{who}@127.0.0.1:{port}" if who else f"127.0.0.1:{port}"
    try:
        yield parts._replace(netloc=netloc).geturl(), relay
    finally:
        relay.hang_up()
        server.close()


async def until(what: object) -> None:
    for _ in range(1500):
        if what():  # type: ignore[operator]
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never became true")


class Clock:
    """Goes with the loop's, and further where it is told."""

    ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


@pytest.mark.parametrize("trouble", ["down", "hanging"])
async def test_known_keys_go_on_nobody_is_called_unknown_and_it_comes_back(
    trouble: str, database: str, tmp_path: Path
) -> None:
    clock = Clock()
    gate, stranger = Gate(Rule(True), clock), bearer(text())
    async with relayed(database) as (url, relay), open_postgres(url) as store:
        ring = Keyring(store, tmp_path / "secret")
        for _ in range(100):  # the tables are made in the background
            with suppress(StoreUnavailable):
                made = await ring.issue("anna")
                break
            await asyncio.sleep(0.05)
        mine = bearer(made.text)
        async with open_gate(gate, ring.roster, PAUSE):
            await until(lambda: gate.roster is not None)
            assert gate.admit(mine).key == made.key.id
            with pytest.raises(Unauthenticated):
                gate.admit(stranger)
            relay.turn(trouble)
            with pytest.raises(StoreUnavailable):
                await ring.roster()
            clock.ahead += RECENT + 1
            assert gate.store_away
            assert gate.admit(mine).key == made.key.id
            with pytest.raises(StoreUnavailable):
                gate.admit(stranger)
            clock.ahead += STALE
            with pytest.raises(StoreUnavailable):
                gate.admit(mine)
            relay.turn("well")
            if trouble == "hanging":
                relay.turn("down")  # what was swallowed does not come back: new connections do
                relay.turn("well")
            await until(lambda: not gate.store_away)
            assert gate.admit(mine).key == made.key.id
            with pytest.raises(Unauthenticated):
                gate.admit(stranger)
