"""Two standings that share: one learns, both know, and one of all lets somebody through."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from portico.chat.reply import Usage
from portico.routing.attempts import Answered, Failed, Failure, Kind, Limit, Metric, Window
from portico.routing.tiers import Breaker, Target
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub
from portico.upstreams.standing import Standing
from portico.upstreams.standing_shared import standing_shared

pytestmark = pytest.mark.anyio

TARGET = Target("t", "up", "m", breaker=Breaker(failures=1, recovery=60, max_recovery=60))
OUT = Failure(Kind.UNAVAILABLE, "HTTP 503")
ROOM = Limit(Metric.REQUESTS, Window.MINUTE, 2, "")


@dataclass(frozen=True)
class Side:
    standing: Standing
    sharing: Sharing

    def rests(self) -> set[str]:
        return set(self.standing.report(time.time()))


@asynccontextmanager
async def joining(hub: Path, mark: str = "key", *, paths: bool = True) -> AsyncIterator[Side]:
    standing, sharing = Standing(), Sharing(UnixHub(hub), within=5)
    telling = standing_shared(standing, sharing, lambda: {"up": mark}, paths=paths)
    async with telling, sharing.opened():
        yield Side(standing, sharing)


@asynccontextmanager
async def sides(
    one: str = "key", other: str = "key", *, paths: bool = True
) -> AsyncIterator[tuple[Side, Side]]:
    with keep_hub() as hub:
        async with (
            joining(hub, one, paths=paths) as first,
            joining(hub, other, paths=paths) as second,
        ):
            yield first, second


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)


async def handed_in(one: Side, other: Side) -> None:
    """Wait until *other* has heard whatever *one* has said so far."""
    heard: list[str] = []
    other.sharing.hear("mark", lambda key, value: heard.append(key))
    one.sharing.say("mark", "x", kept=False)
    await until(lambda: heard)


async def test_a_rest_that_one_begins_and_ends_both_keep() -> None:
    async with sides() as (one, other):
        one.standing.blame(TARGET, OUT, time.time())
        await until(lambda: other.rests() == {"target t"})
        assert other.standing.report(time.time())["target t"].detail == "HTTP 503"
        assert other.standing.clear("t")

        await until(lambda: not one.rests())


async def test_one_of_all_is_let_through_and_its_answer_lifts_the_rest_for_all() -> None:
    async with sides() as (one, other):
        now = time.time()
        one.standing.blame(TARGET, OUT, now)
        await until(other.rests)
        due = now + 61
        assert other.standing.admit(TARGET, due)
        await handed_in(other, one)

        assert not one.standing.admit(TARGET, due + 1)
        other.standing.praise(TARGET)
        await until(lambda: not one.rests())


async def test_who_comes_later_is_told_what_all_know() -> None:
    with keep_hub() as hub:
        async with joining(hub) as one, joining(hub) as other:
            now = time.time()
            one.standing.blame(TARGET, Failure(Kind.QUOTA_SPENT, "a day", until=now + 99), now)
            await handed_in(one, other)
            async with joining(hub) as late:
                assert late.rests() == {"target t"}


async def test_what_was_learned_with_another_key_is_not_ours() -> None:
    async with sides("key", "another") as (one, other):
        one.standing.blame(TARGET, OUT, time.time())
        await handed_in(one, other)

        assert not other.rests()


@pytest.mark.parametrize("paths", [True, False])
async def test_a_path_rests_for_others_only_if_theirs_is_the_same(paths: bool) -> None:
    async with sides(paths=paths) as (one, other):
        one.standing.blame(TARGET, Failure(Kind.REGION, "not here"), time.time())
        await handed_in(one, other)

        assert bool(other.rests()) is paths


async def test_a_heavier_rest_of_ones_own_stays() -> None:
    async with sides() as (one, other):
        other.standing.tell = None
        gone = Failure(Kind.MODEL_GONE, "retired")
        other.standing.blame(TARGET, gone, time.time())
        one.standing.blame(TARGET, OUT, time.time())
        await handed_in(one, other)

        assert other.standing.report(time.time())["target t"].reason == "model_gone"


async def test_counts_and_limits_are_those_of_all() -> None:
    limited = Failure(Kind.RATE_LIMITED, "minute", delay=1.0, limit=ROOM)
    async with sides() as (one, other):
        for side in (one, other):
            begun = side.standing.quotas.begin(TARGET, 5, time.time())
            side.standing.quotas.end(TARGET, begun, Answered(Usage(input=7)))
        begun = one.standing.quotas.begin(TARGET, 5, time.time())
        one.standing.blame(TARGET, limited, time.time(), begun)
        one.standing.quotas.end(TARGET, begun, Failed(limited))
        view = other.standing.quotas.view

        await until(lambda: view(TARGET, time.time()))
        await until(lambda: "2 of 2" in (view(TARGET, time.time()) or OUT).detail)
        await until(lambda: one.standing.quotas.view(TARGET, time.time()))
        other.standing.quotas.forget("t")
        await until(lambda: one.standing.quotas.view(TARGET, time.time()) is None)
