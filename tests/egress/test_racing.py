import asyncio
from collections.abc import Awaitable, Callable

import pytest

from portico.egress.clients import ConnectFailed, TunnelDown
from portico.egress.http1 import Connection
from portico.egress.racing import race
from tests.egress.servers import until

pytestmark = pytest.mark.anyio


class Track:
    """Dials that come, fail or hang as told."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.made: dict[int, Connection] = {}
        self.gone: list[int] = []

    def dial(
        self, number: int, after: asyncio.Event | None = None, error: Exception | None = None
    ) -> Callable[[], Awaitable[Connection]]:
        async def dialled() -> Connection:
            self.started.append(number)
            try:
                if after is not None:
                    await after.wait()
                if error is not None:
                    raise error
            except asyncio.CancelledError:
                self.gone.append(number)
                raise
            self.made[number] = Connection(lambda _: None)
            return self.made[number]

        return dialled


async def test_the_first_that_comes_is_the_only_one_that_is_dialled() -> None:
    track = Track()
    raced = await race([track.dial(0), track.dial(1)])
    assert (raced.number, raced.connection, raced.overtaken) == (0, track.made[0], ())
    assert track.started == [0]


async def test_a_failure_lets_the_next_start_at_once() -> None:
    track = Track()
    dials = [track.dial(0, error=TunnelDown("no")), track.dial(1, error=ConnectFailed("no"))]
    raced = await race([*dials, track.dial(2)], stagger=3600)
    assert (raced.number, raced.overtaken, track.started) == (2, (), [0, 1, 2])


async def test_whoever_is_slow_is_overtaken_and_given_up() -> None:
    track, never = Track(), asyncio.Event()
    raced = await race([track.dial(0, never), track.dial(1, never), track.dial(2)], stagger=0.01)
    assert (raced.number, raced.overtaken) == (2, (0, 1))
    assert track.gone == [0, 1]


async def test_the_slow_one_wins_if_the_others_are_worse() -> None:
    track, soon = Track(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, soon.set)
    raced = await race([track.dial(0, soon), track.dial(1, error=TunnelDown("no"))], stagger=0.01)
    assert (raced.number, raced.connection) == (0, track.made[0])


async def test_of_two_that_come_together_the_preferred_stays_and_the_other_is_hung_up() -> None:
    track, both = Track(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, both.set)
    raced = await race([track.dial(0, both), track.dial(1, both)], stagger=0.01)
    await asyncio.sleep(0)
    assert (raced.number, raced.overtaken) == (0, ())
    assert (track.made[0].closed, track.made[1].closed) == (False, True)


async def test_with_all_failed_the_last_failure_is_told() -> None:
    track = Track()
    with pytest.raises(TunnelDown, match="two"):
        await race(
            [track.dial(0, error=ConnectFailed("one")), track.dial(1, error=TunnelDown("two"))]
        )
    with pytest.raises(ConnectFailed, match="nobody"):
        await race([])


@pytest.mark.parametrize("number", [0, 1])
async def test_what_is_no_failure_to_connect_is_not_taken_for_one(number: int) -> None:
    track = Track()
    dials = [track.dial(0, error=TunnelDown("no")), track.dial(1)]
    dials[number] = track.dial(number, error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await race(dials)


async def test_whoever_is_cancelled_gives_up_every_dial() -> None:
    track, never = Track(), asyncio.Event()
    racing = asyncio.create_task(race([track.dial(0, never), track.dial(1, never)], stagger=0.01))
    await until(lambda: len(track.started) == 2)
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert track.gone == [0, 1]
