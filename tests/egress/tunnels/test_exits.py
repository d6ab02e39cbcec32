"""The real programs again: killed, stopped, and with an exit where the provider does not serve."""

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.origins import Origin
from portico.egress.probe import Prober, Questions
from portico.egress.status import Exit
from tests.egress.exits import BLOCKED, URL
from tests.egress.servers import until
from tests.egress.tunnels.engines import Engines
from tests.egress.tunnels.exits import ADDRESSES, Exits, exits, stop

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

FIRST, SECOND = ADDRESSES
ORIGIN = Origin(True, "upstream.test", 443)


@pytest.fixture
async def here(
    engines: Engines, tmp_path: Path, tls: ssl.SSLContext, trust: Path
) -> AsyncIterator[Exits]:
    async with exits(engines, tmp_path, tls, trust) as opened:
        assert await opened.pool.lines.look(opened.pool.ways.all[0], ORIGIN)
        yield opened
        for process in (*opened.near, *opened.far):
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)


async def test_requests_come_out_at_the_first_exit_and_keep_their_connection(here: Exits) -> None:
    assert [await here.ask() for _ in range(3)] == [FIRST] * 3
    assert here.pool.connections == 1
    prober = Prober(here.pool, Questions("https://upstream.test/", "https://upstream.test/trace"))
    await prober.once()
    assert [way.exit for way in here.pool.ways.all] == [Exit(FIRST, "XX"), Exit(SECOND, "XX")]
    async with here.pool.send(HTTPRequest(URL)) as answer:
        assert answer.receipt.exit == Exit((await answer.read()).decode(), "XX")


@pytest.mark.parametrize("side", ["near", "far"])
async def test_a_killed_program_costs_no_request(here: Exits, side: str) -> None:
    assert await here.ask() == FIRST
    process = getattr(here, side)[0]
    process.kill()
    await process.wait()
    assert [await here.ask() for _ in range(3)] == [SECOND] * 3
    assert here.provider.asked == [FIRST, SECOND, SECOND, SECOND]


@pytest.mark.parametrize("side", ["near", "far"])
async def test_a_request_under_way_when_the_program_is_killed_is_asked_once_more(
    here: Exits, side: str
) -> None:
    here.provider.speaks.clear()
    asking = asyncio.create_task(here.ask())
    await until(lambda: here.provider.asked == [FIRST])
    getattr(here, side)[0].kill()
    here.provider.speaks.set()
    assert await asking in (FIRST, SECOND), "it had answered, or another did"
    assert len(here.provider.asked) <= 2


@pytest.mark.parametrize("side", ["near", "far"])
@pytest.mark.parametrize("kept", [False, True])
async def test_a_stopped_program_costs_no_request(here: Exits, side: str, kept: bool) -> None:
    if kept:
        assert await here.ask() == FIRST
    else:
        here.pool.ways.all[0].sweep(float("inf"))
    before = len(here.provider.asked)
    await stop(getattr(here, side)[0])
    assert await here.ask() == SECOND
    assert here.provider.asked[before:] == [SECOND]
    assert here.states()[0] in ("suspect", "down", "half-open")
    getattr(here, side)[0].send_signal(signal.SIGCONT)
    assert await here.pool.lines.look(here.pool.ways.all[0], ORIGIN)
    assert await here.ask() == FIRST, "and it gets its traffic back"


async def test_a_geo_blocked_exit_costs_one_request_and_no_charge(here: Exits) -> None:
    here.provider.abroad = {FIRST}
    assert await here.ask() == SECOND
    assert (here.provider.asked, here.provider.charged) == ([FIRST, SECOND], 1)
    assert here.states() == ["geo-blocked", "healthy"]
    assert await here.ask() == SECOND
    assert here.provider.asked == [FIRST, SECOND, SECOND]
    here.provider.abroad = {FIRST, SECOND}
    assert await here.ask() == BLOCKED.decode()


async def test_with_both_killed_nothing_arrives_by_any_way(here: Exits) -> None:
    for process in here.near:
        process.kill()
        await process.wait()
    for _ in range(3):
        with pytest.raises(EgressError):
            await here.ask()
    assert here.provider.asked == []
    assert not here.pool.status.up
