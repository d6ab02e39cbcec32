"""Several exits of one path: killed, frozen, refused for their place, and back again."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portico.egress.clients import ConnectionLost, HTTPRequest, TunnelDown
from portico.egress.health import Health, Sign, State
from portico.egress.hosts import belonging
from portico.egress.origins import Origin
from portico.egress.status import Exit, Receipt
from tests.egress.exits import BLOCKED, URL, Lab, lab
from tests.egress.servers import settled, until

pytestmark = pytest.mark.anyio

FIRST, SECOND, THIRD = "127.0.0.11", "127.0.0.12", "127.0.0.13"


async def asked(here: Lab, times: int) -> None:
    await until(lambda: len(here.provider.asked) == times)


async def elsewhere(here: Lab) -> str:
    """Ask as an upstream does: an exit that is refused for its place is blamed for it."""
    while True:
        async with here.pool.send(HTTPRequest(URL, body=b"{}", connect=3.0)) as answer:
            body = await answer.read()
            if body != BLOCKED or not answer.barred():
                return body.decode()


async def test_the_operators_first_exit_serves_and_the_answer_says_so(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        async with here.pool.send(HTTPRequest(URL)) as answer:
            assert await answer.read() == FIRST.encode()
            listener = f"http://127.0.0.1:{here.listeners[0].port}"
            assert answer.receipt == Receipt("google", listener)
        assert [await here.ask() for _ in range(3)] == [FIRST] * 3
        assert (here.listeners[0].accepted, here.listeners[1].accepted) == (1, 0)


async def test_a_killed_tunnel_is_left_at_once(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust) as here:
        assert await here.ask() == FIRST
        await here.kill(0)
        assert [await here.ask() for _ in range(2)] == [SECOND] * 2
        assert here.way(0).health.held is not State.HEALTHY
        assert len(here.provider.asked) == 3, "every request was asked once"


async def test_what_waits_on_a_tunnel_that_is_killed_is_asked_once_more_by_another(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.speaks.clear()
        asking = asyncio.create_task(here.ask())
        await asked(here, 1)
        here.provider.speaks.set()
        await here.kill(0)
        assert await asking == SECOND
        assert here.provider.asked == [FIRST, SECOND]


async def test_a_request_that_is_lost_twice_is_lost(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust, exits=3) as here:
        here.provider.hang_up = True
        with pytest.raises(ConnectionLost):
            await here.ask()
        assert here.provider.asked == [FIRST, SECOND]


async def test_with_one_exit_nothing_is_asked_twice(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust, exits=1) as here:
        here.provider.hang_up = True
        with pytest.raises(ConnectionLost):
            await here.ask()
        assert here.provider.asked == [FIRST]


async def test_after_the_head_nothing_is_asked_again(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust) as here:
        here.provider.cut = True
        async with here.pool.send(HTTPRequest(URL)) as answer:
            chunks = aiter(answer.chunks())
            assert await anext(chunks) == b"1"
            await here.kill(0)
            with pytest.raises(ConnectionLost, match="midway"):
                await anext(chunks)
        assert here.provider.asked == [FIRST]


async def test_a_tunnel_that_is_frozen_when_dialled_is_overtaken(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.freeze(0)
        assert await here.ask() == SECOND
        assert here.states() == ["suspect", "healthy"]
        assert await here.ask() == SECOND
        assert here.provider.asked == [SECOND, SECOND]


async def test_a_tunnel_that_freezes_under_a_kept_connection_is_found_out(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        assert await here.ask() == FIRST
        here.freeze(0)
        assert await here.ask() == SECOND
        assert here.states() == ["down", "healthy"]
        assert here.provider.asked == [FIRST, SECOND]
        assert here.way(0).kept == 0


async def test_with_nowhere_else_to_go_a_request_waits_for_the_frozen_tunnel(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust, exits=1) as here:
        assert await here.ask() == FIRST
        here.freeze(0)
        asking = asyncio.create_task(here.ask())
        await until(lambda: here.states() == ["down"])
        here.outlets[0].thawed.set()
        assert await asking == FIRST


async def test_a_model_that_thinks_for_long_is_no_dead_tunnel(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.speaks.clear()
        asking = asyncio.create_task(here.ask())
        await until(lambda: here.listeners[0].accepted == 2)  # somebody has looked
        await until(lambda: here.way(0).kept == 1)
        here.provider.speaks.set()
        assert await asking == FIRST
        assert here.provider.asked == [FIRST]
        assert here.states() == ["healthy", "healthy"]


@pytest.mark.parametrize("status", [b"500 Oops", b"503 Busy", b"429 Slow down", b"401 Who"])
async def test_a_providers_own_trouble_is_no_tunnels(
    status: bytes, tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.status = status
        assert [await here.ask() for _ in range(3)] == [FIRST] * 3
        assert here.states() == ["healthy", "healthy"]


async def test_a_geo_blocked_exit_is_left_for_another_and_one_request_is_charged(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.abroad = {FIRST}
        assert await elsewhere(here) == SECOND
        assert here.provider.asked == [FIRST, SECOND]
        assert here.provider.charged == 1
        assert here.states() == ["geo-blocked", "healthy"]
        assert await elsewhere(here) == SECOND, "and nobody asks there again"
        assert here.provider.asked == [FIRST, SECOND, SECOND]
        await settled(here.pool, 1)  # what was kept through it is hung up


async def test_with_every_exit_refused_the_refusal_is_the_answer(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.abroad = {FIRST, SECOND}
        assert await elsewhere(here) == BLOCKED.decode()
        assert here.provider.asked == [FIRST, SECOND]
        assert not here.pool.status.up


async def test_a_blocked_exit_is_no_help_when_the_other_is_away(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.abroad = {FIRST}
        await elsewhere(here)
        await here.kill(1)
        for _ in range(3):
            with pytest.raises((TunnelDown, ConnectionLost)):
                await here.ask()
        assert here.provider.asked == [FIRST, SECOND]


async def test_a_blocked_exit_is_tried_by_one_request_when_its_time_has_come(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.abroad = {FIRST}
        await elsewhere(here)
        _long_ago(here, 0)
        assert await elsewhere(here) == SECOND
        assert here.provider.asked[-2:] == [FIRST, SECOND], "it was, and is refused again"
        assert here.way(0).health.rest == 600
        here.provider.abroad = set()
        _long_ago(here, 0)
        assert [await here.ask() for _ in range(2)] == [FIRST] * 2
        assert here.states() == ["healthy", "healthy"]


def _long_ago(here: Lab, number: int) -> None:
    """Let the time of a way's rest be over."""
    way = here.way(number)
    way.health = replace(way.health, until=0.0)
    here.pool.ways.note(way, Sign.BARRED)  # changes nothing
    here.pool.ways.rank()


async def test_a_wrong_exit_is_never_used_and_without_another_nothing_leaves(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.pool.ways.note(here.way(0), Sign.ASTRAY, "in another country")
        assert await here.ask() == SECOND
        here.pool.ways.note(here.way(1), Sign.ASTRAY, "in another country")
        with pytest.raises(TunnelDown, match="no exit of the path may be used"):
            await here.ask()
        assert here.provider.asked == [SECOND]
        here.pool.ways.note(here.way(0), Sign.RIGHT)
        assert await here.ask() == FIRST


async def test_a_tunnel_that_is_back_gets_its_traffic_back(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        await here.kill(0)
        assert await here.ask() == SECOND
        await here.revive(0)
        here.way(0).health = Health(State.DOWN, rest=5.0, until=0.0)
        here.pool.ways.rank()
        await here.kill(1)  # so that somebody has to dial
        await here.revive(1)
        await here.ask()
        await until(lambda: here.states()[0] == "healthy")
        assert await here.ask() == FIRST


async def test_a_stream_on_a_tunnel_that_went_down_goes_on(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        async with here.pool.send(HTTPRequest(URL)) as answer:
            for _ in range(2):
                here.pool.ways.note(here.way(0), Sign.FAILED, "no way through")
            assert here.states() == ["down", "healthy"]
            assert await answer.read() == FIRST.encode()
        await settled(here.pool, 0)  # but nothing is kept there


async def test_what_is_kept_through_a_tunnel_is_hung_up_when_it_goes_down(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        await here.ask()
        here.pool.ways.note(here.way(0), Sign.FAILED, "no way through")
        assert here.way(0).kept == 1, "one failure is a suspicion"
        here.pool.ways.note(here.way(0), Sign.FAILED, "no way through")
        assert here.way(0).kept == 0
        await settled(here.pool, 0)


async def test_a_look_at_a_host_that_belongs_elsewhere_by_now_ends(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        origin = _origin(here)
        here.pool.ways.note(here.way(0), Sign.OVERTAKEN)
        here.pool.belong(belonging([("direct", URL)]))
        assert not await here.pool.lines.look(here.way(0), origin)
        assert here.provider.asked == []
        assert here.states() == ["suspect", "healthy"]


@pytest.mark.parametrize("frozen", [False, True])
async def test_cancelling_at_any_turn_of_the_loop_leaves_nothing_in_use(
    frozen: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        if frozen:
            here.freeze(0)
        for turns in range(0, 60, 3):
            here.way(0).usual = 0.001
            task = asyncio.create_task(here.ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        here.way(0).usual = None  # it may take its time: the second is not dialled as well at once
        assert await here.ask() == (SECOND if frozen else FIRST)
        await here.pool.aclose()
        assert here.pool.connections == 0


async def test_closing_the_pool_gives_up_whoever_looks_at_a_tunnel(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.freeze(0)
        look = asyncio.create_task(here.pool.lines.look(here.way(0), _origin(here)))
        await until(lambda: here.listeners[0].accepted == 1)
        await here.pool.aclose()
        assert await look is False
        assert here.pool.connections == 0
        assert here.states() == ["healthy", "healthy"], "a look that was given up has seen nothing"


def _origin(here: Lab) -> Origin:
    return here.pool.address(HTTPRequest(URL))[0]


async def test_the_status_tells_how_every_listener_does(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust) as here:
        await here.ask()
        here.way(0).exit = Exit(FIRST, "SG")
        here.way(0).verified = asyncio.get_running_loop().time()
        here.pool.ways.note(here.way(1), Sign.BARRED, "not here")
        status = here.pool.status
        assert (status.name, status.kind, status.up, status.connections) == (
            "google",
            "tunnel",
            True,
            1,
        )
        first, second = status.listeners
        assert (first.state, first.kept, first.exit, first.retry_in) == (
            "healthy",
            1,
            Exit(FIRST, "SG"),
            None,
        )
        assert first.connects_in is not None
        assert first.exit_age is not None
        assert (second.state, second.reason) == ("geo-blocked", "not here")
        assert second.retry_in is not None
        async with here.pool.send(HTTPRequest(URL)) as answer:
            await answer.read()
            assert (answer.receipt.exit, answer.receipt.age is None) == (Exit(FIRST, "SG"), False)


async def failing(send: Callable[[], Awaitable[str]]) -> None:
    with pytest.raises(TunnelDown):
        await send()


async def test_with_every_tunnel_dead_each_is_tried_and_the_path_is_down(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        for number in range(2):
            await here.kill(number)
        for _ in range(2):
            await failing(here.ask)
        assert {way.health.held for way in here.pool.ways.all} == {State.DOWN}
        assert not here.pool.status.up
        await here.revive(1)
        assert await here.ask() == SECOND, "what was down is tried where nobody else is left"
