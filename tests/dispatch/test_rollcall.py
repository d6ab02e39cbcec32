import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from portico.chat.reply import Batch
from portico.dispatch.gateway import House
from portico.dispatch.rollcall import RollCall
from portico.routing.attempts import Failure, Kind
from portico.routing.roles import Catalog
from portico.routing.tiers import Breaker, Target
from portico.upstreams.base import Ask, Upstream, UpstreamFailed
from portico.upstreams.standing import Standing

pytestmark = pytest.mark.anyio

BREAKER = Breaker(1, 0.01, 10.0)
ONE = Target("one", "lab", "m-1", breaker=BREAKER)
TWO = Target("two", "lab", "m-2", breaker=BREAKER)
OTHER = Target("other", "elsewhere", "m-3", breaker=BREAKER)
ALL = (ONE, TWO, OTHER)


class Lists:
    """An upstream that only lists; what it says next is set from outside."""

    def __init__(self, *names: str) -> None:
        self.names: frozenset[str] | None = frozenset(names)
        self.down: Failure | None = None
        self.held = asyncio.Event()
        self.held.set()
        self.asked = 0

    async def models(self) -> frozenset[str] | None:
        self.asked += 1
        await self.held.wait()
        if self.down is not None:
            raise UpstreamFailed(self.down)
        return self.names

    def open(self, ask: Ask) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        raise AssertionError("nobody asks a question here")


class Scene:
    def __init__(self) -> None:
        self.lab, self.elsewhere = Lists("m-1", "m-2"), Lists("m-3")
        upstreams: dict[str, Upstream] = {"lab": self.lab, "elsewhere": self.elsewhere}
        self.house = House(Catalog({one.name: one for one in ALL}, {}), upstreams)
        self.standing = Standing()
        self.roll = RollCall(lambda: self.house, self.standing)

    def fails(self, kind: Kind, who: Target = ONE) -> None:
        self.standing.blame(who, Failure(kind), time.time())

    def resting(self) -> set[str]:
        return set(self.standing.view(ALL, time.time()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.roll.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until(self, lists: Lists, asked: int) -> None:
        async with asyncio.timeout(30):
            while lists.asked < asked:  # noqa: ASYNC110 - a list has no event for a test
                await asyncio.sleep(0.001)


async def test_a_vanished_model_rests_and_a_list_that_does_not_come_changes_nothing() -> None:
    scene = Scene()
    scene.lab.names = frozenset({"m-1"})
    scene.elsewhere.down = Failure(Kind.UNAVAILABLE, "500")
    await scene.roll.once()
    assert scene.resting() == {"two"}
    scene.lab.names = None
    await scene.roll.once()
    assert scene.resting() == {"two"}


async def test_a_list_that_takes_too_long_changes_nothing_and_is_away() -> None:
    scene = Scene()
    scene.roll = RollCall(lambda: scene.house, scene.standing, within=0.01)
    scene.lab.held.clear()
    await scene.roll.once()
    scene.fails(Kind.SILENT)
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == {"one"}
    scene.lab.held.set()
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == set()


async def test_the_roll_is_called_again() -> None:
    scene = Scene()
    scene.roll = RollCall(lambda: scene.house, scene.standing, every=0.001)
    async with scene.running():
        await scene.until(scene.elsewhere, 3)


async def test_the_ailing_are_looked_after_and_nobody_else_is_asked() -> None:
    scene = Scene()
    scene.lab.down = Failure(Kind.UNREACHABLE)
    async with scene.running():
        scene.fails(Kind.UNREACHABLE)
        await scene.until(scene.lab, 4)
        assert scene.resting() == {"one"}
        assert scene.elsewhere.asked == 1, "the roll call at the start"
        scene.lab.down = None
        async with asyncio.timeout(30):
            while scene.resting():  # noqa: ASYNC110 - standing has no event for a test
                await asyncio.sleep(0.001)


async def test_one_list_is_read_at_a_time() -> None:
    scene = Scene()
    scene.fails(Kind.UNREACHABLE, OTHER)
    async with scene.running():
        await scene.until(scene.elsewhere, 1)
        scene.lab.held.clear()
        scene.fails(Kind.UNREACHABLE)
        scene.fails(Kind.UNREACHABLE, TWO)
        await scene.until(scene.lab, 2)
        scene.elsewhere.down = Failure(Kind.UNREACHABLE)
        scene.fails(Kind.SILENT, OTHER)
        await scene.until(scene.elsewhere, scene.elsewhere.asked + 5)
        assert scene.lab.asked == 2
        assert scene.roll.ailing(scene.house) <= {"elsewhere"}
        scene.lab.held.set()
        async with asyncio.timeout(30):
            while scene.resting() & {"one", "two"}:  # noqa: ASYNC110 - no event for a test
                await asyncio.sleep(0.001)


async def test_a_list_that_was_away_and_is_back_vouches_for_the_silent() -> None:
    scene = Scene()
    scene.fails(Kind.SILENT)
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == {"one"}, "the list came all the while: it proves nothing"
    scene.lab.down = Failure(Kind.SILENT)
    assert scene.roll.ailing(scene.house) == {"lab"}
    await scene.roll.probe("lab", scene.house)
    scene.lab.down = None
    assert scene.roll.ailing(scene.house) == {"lab"}
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == set()


async def test_a_list_that_was_away_in_another_outage_vouches_for_nobody() -> None:
    scene = Scene()
    scene.fails(Kind.SILENT)
    scene.lab.down = Failure(Kind.SILENT)
    await scene.roll.probe("lab", scene.house)
    assert scene.standing.clear("one")
    assert scene.roll.ailing(scene.house) == frozenset()
    scene.lab.down = None
    scene.fails(Kind.SILENT)
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == {"one"}


async def test_upstreams_without_a_list_are_asked_in_vain() -> None:
    scene = Scene()
    scene.fails(Kind.UNREACHABLE)
    scene.lab.names = None
    await scene.roll.probe("lab", scene.house)
    assert scene.resting() == {"one"}


async def test_an_upstream_that_a_reload_took_away_is_not_asked() -> None:
    scene = Scene()
    scene.fails(Kind.UNREACHABLE)
    scene.fails(Kind.UNREACHABLE, OTHER)
    scene.house = House(scene.house.catalog, {"lab": scene.lab})
    assert scene.roll.ailing(scene.house) == {"lab"}


async def test_without_any_target_there_is_nobody_to_look_after() -> None:
    scene = Scene()
    scene.house = House(Catalog({}, {}), {})
    async with scene.running():
        await asyncio.sleep(0)
    assert scene.lab.asked == 0
