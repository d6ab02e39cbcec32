"""What the ledger is told where nobody keeps what is said."""

import json
import time
from pathlib import Path

import pytest

from portico.api.wire import parse
from portico.dispatch.gateway import FROM_CACHE
from portico.dispatch.journey import Journey
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
