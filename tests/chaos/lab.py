"""One house for many schedules: a gateway and upstreams that remember what they did to whom."""

import asyncio
import gc
import json
import logging
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from portico.api.deps import Lobby, Serving
from portico.app import create_app
from portico.dispatch.failover import Failover
from portico.dispatch.gateway import Gateway
from portico.dispatch.hedging import Hedging
from portico.dispatch.places import Places
from portico.egress.clients import HTTPRequest
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from portico.ledger.base import By, Entry, RequestRow, UsageQuery
from portico.ledger.rows import row_of
from portico.settings import load_settings
from portico.simulator.answers import Answer, answer
from portico.simulator.calls import Call
from portico.simulator.dialects import Dialect
from portico.simulator.faults import Fault
from portico.simulator.flavours import FLAVOURS
from portico.simulator.gemini_replies import Gemini
from portico.simulator.openai_replies import OpenAI
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.upstreams.standing import Standing
from portico.wiring import open_serving
from tests.chaos.accidents import PLACES
from tests.chaos.replies import Reply, read
from tests.chaos.wishes import TARGETS, Wish
from tests.serving import config, served

PATIENCE = {"connect": 2, "first_delta": 0.2, "idle": 0.2, "total": 0.25}
CLOCKS = 20.0
"""Seconds that no request may take: far more than all of its attempts' clocks together."""

CHAIN = list(TARGETS)
ROLES: dict[str, Any] = {
    "code": {"targets": CHAIN, "max_attempts": 5},
    "hedged": {"description": "asks two", "targets": CHAIN, "hedge_after": 0.005},
    "unrescued": {"description": "cuts", "targets": CHAIN, "rescue": "off"},
    "bold": {"description": "asks on", "targets": CHAIN[::-1], "refused": "next"},
}
FLASH = {
    "upstream": "deepseek",
    "model": "deepseek-flash",
    "accepts": ["text", "image"],
    "features": ["tools", "json_object", "thinking", "prefill"],
    "context_window": 1_000_000,
}


@dataclass(frozen=True, slots=True)
class Met:
    """A call that arrived upstream, and what it met there."""

    call: Call
    fault: Fault | None

    @property
    def target(self) -> str:
        """Who was asked, by its public name."""
        place = (self.call.upstream, self.call.model)
        return next(name for name, where in PLACES.items() if where == place)

    @property
    def voice(self) -> Answer:
        """What the model says to this call, all of it."""
        upstream = self.call.upstream
        dialect: Dialect = Gemini() if upstream == "gemini" else OpenAI(FLAVOURS[upstream])
        said = answer(dialect.read(self.call))
        if self.fault is None or self.fault.name != "huge_chunk":
            return said
        return replace(said, text="x" * self.fault.params["bytes"], calls=(), finish="stop")


class Upstreams(Simulator):
    """All upstreams, each with its own accidents to come; says afterwards what happened."""

    def reset(self) -> None:
        super().reset()
        self.met: list[Met] = []
        self.coming: defaultdict[tuple[str, str], deque[Fault | None]] = defaultdict(deque)

    def take(self, call: Call) -> Fault | None:
        coming = self.coming[call.upstream, call.model]
        fault = coming.popleft() if coming else None
        self.met.append(Met(call, fault))
        return fault


@dataclass(frozen=True, slots=True)
class Noted:
    """The ledger, and a copy of what it is told."""

    ledger: Any
    entries: list[Entry]

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.ledger.record(entry)


class Alarms(logging.Handler):
    """Whatever goes wrong without anybody being told: logged errors, tasks that died alone."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"{record.name}: {self.format(record)}")


@dataclass(frozen=True, slots=True)
class Story:
    """One request from all sides: what was asked, seen upstream, and answered."""

    wish: Wish
    word: str
    reply: Reply | None  # None: the caller left before there was anything
    met: list[Met]


class Lab:
    """What a schedule works with. A fresh gateway for each; sockets, house and store stay."""

    def __init__(self, url: str, upstreams: Upstreams, serving: Serving, lobby: Lobby) -> None:
        self.upstreams = upstreams
        self.alarms = Alarms()
        self.seen: set[tuple[str, str]] = set()  # upstreams and the faults that they have had
        self.recorded = Counter[str]()
        self.entries: list[Entry] = []
        self._serving = serving
        self._lobby = lobby
        self._url = f"{url}/v1/chat/completions"
        self._client = Pool(Direct())
        self._asked = 0
        self.begin()

    def begin(self) -> None:
        """Forget everything that the last schedule has led to."""
        self.upstreams.reset()
        self.entries = []
        self.alarms.heard.clear()
        house, ledger = self._serving.gateway.house, self._serving.gateway.ledger
        failover = Failover(Standing(), Places(), Hedging(1.0))
        self.gateway = Gateway(house, failover, Noted(ledger, self.entries))
        self._lobby.enter(replace(self._serving, gateway=self.gateway))

    def end(self) -> None:
        """Count what the ledger was told in this schedule."""
        self.recorded["rows"] += len(self.entries)
        self.recorded["attempts"] += sum(len(entry.attempts) for entry in self.entries)

    async def ask(self, wishes: list[Wish]) -> list[Story]:
        """Let all these callers ask at once; return when everything has come to rest."""
        before = len(self.upstreams.met)
        words = [f"case{self._asked + at:07d}" for at in range(len(wishes))]
        self._asked += len(wishes)
        async with asyncio.timeout(CLOCKS):
            replies = await asyncio.gather(*map(self._ask, wishes, words))
            while not self.quiet:  # noqa: ASYNC110 - what is waited for happens in servers
                await asyncio.sleep(0.001)
        met = self.upstreams.met[before:]
        self.seen |= {(m.call.upstream, m.fault.name) for m in met if m.fault}
        told = [json.dumps(m.call.body) for m in met]
        return [
            Story(wish, word, reply, [m for m, body in zip(met, told, strict=True) if word in body])
            for wish, word, reply in zip(wishes, words, replies, strict=True)
        ]

    @property
    def quiet(self) -> bool:
        """True once nobody asks, nobody answers, and every call has its bill."""
        upstreams = self.upstreams
        return not self.gateway.in_flight and len(upstreams.bills) == len(upstreams.met)

    async def _ask(self, wish: Wish, word: str) -> Reply | None:
        headers = {"content-type": "application/json"}
        request = HTTPRequest(self._url, headers, json.dumps(wish.body(word)).encode())
        if wish.leaves == 0:
            return await self._ask_and_leave(request)
        body = bytearray()
        async with self._client.send(request) as got:
            left = wish.leaves
            async for chunk in got.chunks():
                body += chunk
                left = None if left is None else left - 1
                if left == 0:
                    break
            return read(got.status, got.headers, bytes(body), left=left == 0)

    async def _ask_and_leave(self, request: HTTPRequest) -> None:
        """Leave while somebody is being asked, or at least very soon."""
        asking = asyncio.create_task(self._client.send(request).__aenter__())
        await asyncio.sleep(0.004)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            await asking.result().__aexit__(None, None, None)

    def rows(self) -> list[RequestRow]:
        """Return what the ledger makes of what it was told in this schedule."""
        return [row_of(entry) for entry in self.entries]

    @property
    def connections(self) -> int:
        """How many connections to upstreams are open, in use and resting."""
        pool = self.gateway.house.upstreams["google"].account.client  # type: ignore[attr-defined]
        return int(pool.connections)

    async def kept(self) -> tuple[int, int]:
        """Return how many requests and attempts the store has kept, of all schedules."""
        await self._serving.gateway.ledger.flush()
        usage = await self._serving.ledger.usage(UsageQuery(By.ROLE))
        return sum(row.requests for row in usage), sum(row.attempts for row in usage)

    async def aclose(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def open_lab(folder: Path) -> AsyncIterator[Lab]:
    """Open the house on real sockets, and listen for alarms while it is open."""
    upstreams = Upstreams()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(serve_simulator(upstreams))
        file = folder / "portico.yaml"
        file.write_text(yaml.safe_dump(_settings(simulator), sort_keys=False))
        environ = {"PORTICO_HOME": str(folder / "home")}
        opened: list[Serving] = []

        @asynccontextmanager
        async def opening() -> AsyncIterator[Serving]:
            load = lambda: load_settings(file, environ)  # noqa: E731 - as in tests.serving
            async with open_serving(load, folder / "home", exposed=False, environ=environ) as one:
                opened.append(one)
                yield one

        app = create_app(opening)
        url = await stack.enter_async_context(served(app))
        lab = Lab(url, upstreams, opened[0], app.state.lobby)
        stack.push_async_callback(lab.aclose)
        logging.getLogger().addHandler(lab.alarms)
        stack.callback(logging.getLogger().removeHandler, lab.alarms)
        yield lab
        gc.collect()  # a task that died alone says so when it is collected


def _settings(simulator: str) -> dict[str, Any]:
    flash = {**FLASH, "patience": PATIENCE}
    targets = {name: {"patience": PATIENCE} for name in TARGETS} | {"deepseek-flash": flash}
    telemetry = {"log": "error"}
    return config(simulator, targets=targets, roles=ROLES, telemetry=telemetry)
