"""Failover over upstreams that do just what a test says; the real ones are in tests/e2e."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from portico.chat.messages import Message
from portico.chat.reply import Batch, Delta, Usage
from portico.chat.request import ChatRequest
from portico.dispatch.failover import Failover
from portico.dispatch.journey import Journey
from portico.dispatch.places import Places
from portico.dispatch.refusals import unanswered
from portico.errors import StreamBroken, Unanswered
from portico.routing.attempts import Broken, Failure, Kind
from portico.routing.roles import Role
from portico.routing.routes import Needs, Route
from portico.routing.tiers import Target
from portico.upstreams.base import Ask, Upstream, UpstreamFailed
from portico.upstreams.standing import Standing

pytestmark = pytest.mark.anyio

DOWN = Failure(Kind.UNAVAILABLE, "down")
HI: list[Delta | Failure] = [Delta("hi"), Delta(finish="stop")]


@dataclass(frozen=True)
class Plays:
    """An upstream that says its deltas one by one, after a pause, and fails where it must."""

    script: list[Delta | Failure]
    pause: float = 0.0

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        await asyncio.sleep(self.pause)
        yield self._said()

    async def _said(self) -> AsyncIterator[Batch]:
        for step in self.script:
            if isinstance(step, Failure):
                raise UpstreamFailed(step)
            yield [step]

    async def models(self) -> frozenset[str] | None:
        return None


def journey() -> Journey:
    request = ChatRequest("code", [Message("user", "hello")], stream=True)
    return Journey("req_1", request, time.time(), time.monotonic())


def route(names: str, **role: object) -> Route:
    targets = tuple(Target(name, name, "m") for name in names)
    return Route(Role("code", tuple(names), **role), Needs(), targets)  # type: ignore[arg-type]


async def said(way: Route, upstreams: dict[str, Upstream], told: Journey | None = None) -> str:
    failover = Failover(Standing(), Places())
    async with failover.open(told or journey(), way, upstreams) as answer:
        return "".join([d.text async for batch in answer.batches() for d in batch])


FILTERED: list[Delta | Failure] = [Delta(finish="content_filter", usage=Usage(7, 0))]


@pytest.mark.parametrize("hedged", [None, 5.0])
async def test_an_answer_that_was_blocked_before_its_first_word_is_a_refusal(
    hedged: float | None,
) -> None:
    told = journey()
    way = route("ab", refused="next", hedge_after=hedged)
    assert await said(way, {"a": Plays(FILTERED), "b": Plays(HI)}, told) == "hi"
    outcome = told.attempts[0].outcome
    assert isinstance(outcome, Broken)
    assert (outcome.failure.kind, outcome.usage) == (Kind.REFUSED, Usage(7, 0))


@pytest.mark.parametrize(
    ("names", "policy", "first"),
    [("ab", "stop", FILTERED), ("a", "next", FILTERED), ("ab", "next", [Delta("par"), *FILTERED])],
)
async def test_a_blocked_answer_is_given_where_nobody_else_is_to_be_asked(
    names: str, policy: str, first: list[Delta | Failure]
) -> None:
    told = journey()
    way = route(names, refused=policy)
    assert await said(way, {"a": Plays(first), "b": Plays(HI)}, told) in ("", "par")
    assert [attempt.target.name for attempt in told.attempts] == ["a"]


async def test_when_both_of_a_race_fail_the_next_is_asked() -> None:
    slow_and_down = Plays([DOWN], 0.1)
    upstreams: dict[str, Upstream] = {"a": slow_and_down, "b": Plays([DOWN]), "c": Plays(HI)}

    assert await said(route("abc", hedge_after=0.01), upstreams) == "hi"


async def test_the_slower_of_a_race_is_booked_as_abandoned() -> None:
    told = journey()
    upstreams: dict[str, Upstream] = {"a": Plays(HI, 5.0), "b": Plays(HI)}

    assert await said(route("ab", hedge_after=0.01), upstreams, told) == "hi"
    assert {one.target.name for one in told.attempts} == {"a", "b"}


async def test_a_break_that_is_the_requests_own_fault_is_not_gone_on_with() -> None:
    told = journey()
    rejected = Failure(Kind.REJECTED, "no such parameter")
    upstreams: dict[str, Upstream] = {"a": Plays([Delta("h"), rejected]), "b": Plays(HI)}

    with pytest.raises(StreamBroken):
        await said(route("ab"), upstreams, told)
    assert [one.target.name for one in told.attempts] == ["a"]


async def test_who_was_passed_over_without_resting_was_busy() -> None:
    way = route("a")
    error = unanswered(journey(), way, way.candidates, Standing())

    assert isinstance(error, Unanswered)
    assert [(one.target, one.reason) for one in error.resting] == [("a", "busy")]
