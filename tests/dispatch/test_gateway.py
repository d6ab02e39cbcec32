"""What the ledger is told where nobody keeps what is said."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portico.api.wire import parse
from portico.chat.reply import Batch
from portico.dispatch.gateway import FROM_CACHE
from portico.dispatch.journey import Journey
from portico.upstreams.base import Ask
from tests.dispatch.sights import Sees, eye, studio

pytestmark = pytest.mark.anyio


async def test_an_answer_of_the_cache_is_booked_and_asks_nobody(tmp_path: Path) -> None:
    sees = Sees(lambda put: "never asked")
    body = {"model": "vision", "messages": [{"role": "user", "content": "again"}]}
    request = parse(json.dumps(body).encode())
    async with studio(tmp_path, {eye("one"): sees}) as here:
        here.gateway.given_again(Journey("req_1", request, time.time(), time.monotonic()), "one")
        (row,) = await here.rows()
    assert (row.outcome, row.target, row.status) == ("answered", "one", 200)
    assert (row.decided_by, row.attempts) == (FROM_CACHE, ())
    assert sees.puts == []


@dataclass
class Clings(Sees):
    """An upstream that cannot be left: hanging up waits for ever."""

    left: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        async with super().open(ask) as batches:
            try:
                yield batches
            finally:
                self.left.set()
                await asyncio.Event().wait()


async def test_who_is_cancelled_while_hanging_up_is_booked_and_in_flight_no_longer(
    tmp_path: Path,
) -> None:
    clings = Clings(lambda put: "half of it")
    body = {"model": "vision", "messages": [{"role": "user", "content": "go"}]}
    request = parse(json.dumps(body).encode())

    async def asks() -> None:
        async with here.gateway.chat(Journey("req_1", request, time.time(), time.monotonic())):
            assert here.gateway.in_flight == 1

    async with studio(tmp_path, {eye("one"): clings}) as here:
        caller = asyncio.create_task(asks())
        await clings.left.wait()
        caller.cancel()
        await asyncio.wait([caller])
        assert caller.cancelled()
        assert here.gateway.in_flight == 0
        (row,) = await here.rows()
    assert (row.id, row.target) == ("req_1", "one")
