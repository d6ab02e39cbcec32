"""Places and turns of processes that share: nobody has more than there is, or is forgotten."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced

from portico.access.base import Bound, Caller, Terms
from portico.access.limits import Limits
from portico.dispatch.places import Places
from portico.dispatch.reserving import Counted, reserve, settle
from portico.dispatch.turns import Turns
from portico.errors import Overloaded, QuotaExceeded
from portico.routing.attempts import Failure, Kind
from portico.routing.roles import Role
from portico.routing.routes import Needs, Route
from portico.routing.tiers import Breaker, Patience, Target
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub
from portico.upstreams.standing import Standing
from tests.dispatch.test_failover import journey

pytestmark = pytest.mark.anyio

ONE = Target("one", "up", "m", max_concurrency=1, breaker=Breaker(failures=1, recovery=60))
TWO = replace(ONE, name="two")
WAY = Route(Role("code", ("one", "two")), Needs(), (ONE, TWO))


@asynccontextmanager
async def sharing(hub: Path, **given: int) -> AsyncIterator[Places]:
    async with Sharing(UnixHub(hub), within=5).opened() as shares:
        places = Places(**given)
        places.sharing = shares
        yield places


@asynccontextmanager
async def both(**given: int) -> AsyncIterator[tuple[Places, Places]]:
    with keep_hub() as hub:
        async with sharing(hub, **given) as one, sharing(hub, **given) as other:
            yield one, other


async def test_a_caller_has_as_many_under_way_as_they_may_in_all_processes_together() -> None:
    async with both(per_caller=1) as (one, other):
        await one.enter("anna")
        await other.enter("bert")
        with pytest.raises(QuotaExceeded):
            await other.enter("anna", 0.05)
        waiting = asyncio.create_task(other.enter("anna", 5))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        one.leave("anna")
        await waiting

        other.leave("anna")
        other.leave("bert")
        await one.enter("anna", 5)


async def test_who_finds_every_place_taken_by_others_waits_for_one() -> None:
    async with both() as (one, other):
        first = Turns(replaced(WAY, candidates=(ONE,)), "a", Standing(), one)
        assert await first.next() == ONE
        second = Turns(replaced(WAY, candidates=(ONE,)), "b", Standing(), other)
        waiting = asyncio.create_task(second.next())
        await asyncio.sleep(0.03)
        assert not waiting.done()
        first.close()  # claimed, and never taken

        assert await waiting == ONE
        claimed = second.claimed(ONE)
        assert isinstance(claimed, Drawing)
        other.take(ONE)
        other.give_back(ONE, claimed)
        assert isinstance(await one.claim(ONE, waits=True), Drawing)


async def test_nobody_waits_for_longer_than_they_may_for_a_place_that_others_keep() -> None:
    hasty = replace(ONE, patience=Patience(first_delta=0.1))
    async with both() as (one, other):
        assert isinstance(await other.claim(ONE), Drawing)

        async with asyncio.timeout(5):
            with pytest.raises(Overloaded):
                await Turns(replaced(WAY, candidates=(hasty,)), "a", Standing(), one).next()


async def test_who_is_full_elsewhere_is_passed_over() -> None:
    async with both() as (one, other):
        assert isinstance(await other.claim(ONE), Drawing)

        assert await Turns(WAY, "a", Standing(), one).next() == TWO
    async with both() as (one, other):
        assert isinstance(await other.claim(ONE), Drawing)

        assert await Turns(WAY, "a", Standing(), one).beside() == TWO


async def test_of_two_under_way_one_is_left_when_one_leaves() -> None:
    async with both(per_caller=2) as (one, other):
        await one.enter("anna")
        await one.enter("anna")
        one.leave("anna")
        await other.enter("anna", 5)
        with pytest.raises(QuotaExceeded):
            await one.enter("anna", 0.03)


@pytest.mark.parametrize("beside", [False, True])
async def test_a_claim_on_who_rests_is_given_up(beside: bool) -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.UNAVAILABLE, "503"), time.time())
    async with both() as (one, other):
        turns = Turns(replaced(WAY, candidates=(ONE,)), "a", standing, one)
        assert await (turns.beside() if beside else turns.next()) is None

        async with asyncio.timeout(5):
            while not isinstance(await other.claim(ONE), Drawing):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_what_is_mended_and_asked_again_has_a_place_again() -> None:
    mend = Failure(Kind.TRANSLATION, "signature", mend="signatures")
    async with both() as (one, other):
        turns = Turns(WAY, "a", Standing(), one)
        assert await turns.next() == ONE
        turns.close()
        turns.note(ONE, mend)

        assert await turns.next() == ONE
        assert await other.claim(ONE) is False
        turns.close()


@pytest.mark.parametrize("terms", [Terms(), Terms(tokens_per_minute=1, concurrency=1)])
async def test_what_others_have_used_up_refuses_and_leaves_nothing_behind(terms: Terms) -> None:
    caller = Caller(bounds=(Bound("key:k", "the key", terms),))
    asked = replaced(journey(), caller=caller)
    async with both() as (one, other):
        counted = [Counted(Limits(), places.sharing) for places in (one, other)]
        first = await reserve(counted[0], asked, WAY)
        if terms.bounded:
            with pytest.raises(QuotaExceeded, match="as many as may be"):
                await reserve(counted[1], asked, WAY)
            used = counted[1].limits.used("key:k", time.time())
            assert (used.under_way, used.requests, used.tokens) == (0, 0, 0)
        settle(counted[0], first, [])
        async with asyncio.timeout(5):
            while True:
                try:
                    settle(counted[1], await reserve(counted[1], asked, WAY), [])
                    break
                except QuotaExceeded:
                    await asyncio.sleep(0.005)
