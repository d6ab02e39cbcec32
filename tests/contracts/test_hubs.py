"""Both hubs do the same: the thread beside the workers, and the script in Valkey."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis import Redis

from portico.shared.base import Ask, Hub, Short
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub
from portico.shared.valkey import ValkeyHub

type Make = Callable[[], Hub]

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["unix", "valkey"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(kind: str, valkey_server: str) -> Iterator[Make]:
    if kind == "unix":
        with keep_hub() as path:
            yield lambda: UnixHub(path)
        return
    with Redis.from_url(valkey_server) as server:
        server.flushdb()
    yield lambda: ValkeyHub(valkey_server)


@asynccontextmanager
async def together(make: Make, count: int = 2) -> AsyncIterator[list[Sharing]]:
    async with AsyncExitStack() as stack:
        sides = [
            await stack.enter_async_context(Sharing(make(), within=5).opened())
            for _ in range(count)
        ]
        await until(
            lambda: not any(side.away for side in sides)
        )  # a busy machine's first word is late
        yield sides


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)


def window(most: int, want: int = 1) -> Ask:
    return Ask("window", most, want, window=True)


async def test_of_fifty_at_once_ten_are_let_in(make: Make) -> None:
    async with together(make) as (one, other):
        draws = [side.draw((window(10),)) for _ in range(25) for side in (one, other)]
        found = await asyncio.gather(*draws)

    assert sum(isinstance(drawing, Drawing) for drawing in found) == 10
    waits = [short.wait for short in found if isinstance(short, Short)]
    assert len(waits) == 40
    assert all(58 < wait <= 61 for wait in waits)


async def test_places_are_free_again_once_they_are_given_back(make: Make) -> None:
    async with together(make) as (one, other):
        had = [await one.draw((Ask("places", 2),)) for _ in range(2)]
        assert isinstance(await other.draw((Ask("places", 2),)), Short)
        assert isinstance(had[0], Drawing)
        one.give_back(had[0])
        one.give_back(had[0])
        await one.draw((window(10),))  # by now it is handed in
        again = [await other.draw((Ask("places", 2),)) for _ in range(2)]

    assert [type(drawing) for drawing in again] == [Drawing, Short]


async def test_tokens_that_were_not_used_are_given_back_to_all(make: Make) -> None:
    async with together(make) as (one, other):
        drawing = await one.draw((window(100, 100),))
        assert isinstance(drawing, Drawing)
        assert isinstance(await other.draw((window(100, 100),)), Short)
        one.give_back(drawing, (30,))
        await one.draw((Ask("else", 1),))

        assert isinstance(await other.draw((window(100, 100),)), Drawing)


async def test_most_requests_are_let_in_without_a_word_to_the_hub(make: Make) -> None:
    async with together(make, 1) as (one,):
        before = one.guard.asked
        for _ in range(200):
            drawing = await one.draw((Ask("p", 320), window(100_000)))
            assert isinstance(drawing, Drawing)
            one.give_back(drawing, (0, 0))

        assert one.guard.asked - before < 20


async def test_spares_go_back_when_nobody_uses_them(make: Make) -> None:
    async with together(make) as (one, other):
        drawing = await one.draw((Ask("p", 33),))
        assert isinstance(drawing, Drawing)
        one.give_back(drawing)
        async with asyncio.timeout(10):
            taken = 0
            while taken < 33:
                taken += isinstance(await other.draw((Ask("p", 33),)), Drawing)


async def test_who_waits_for_a_place_has_it_before_those_who_come_later(make: Make) -> None:
    ask = (Ask("p", 1, queue=True),)
    async with together(make) as (one, other):
        first = await one.draw(ask)
        assert isinstance(first, Drawing)
        assert isinstance(await other.draw(ask), Short)
        one.give_back(first)

        assert isinstance(await one.draw(ask), Short)
        assert isinstance(await other.draw(ask), Drawing)


async def test_news_reach_all_others_and_whoever_comes_later(make: Make) -> None:
    heard: list[list[tuple[str, str | None]]] = [[], [], []]
    async with together(make) as (one, other):
        for side, says in zip((one, other), heard, strict=False):
            side.hear("a ", lambda key, value, says=says: says.append((key, value)))  # type: ignore[misc]
        one.say("a 1", "kept")
        one.say("b 1", "of no interest")
        one.say("a 2", "gone", kept=False)
        await until(lambda: len(heard[1]) == 2)
        late = Sharing(make(), within=5)
        late.hear("a ", lambda key, value: heard[2].append((key, value)))
        async with late.opened():
            await until(lambda: heard[2])
            other.say("a 1", None)
            await until(lambda: len(heard[2]) == 2)
            await until(lambda: len(heard[0]) == 1)

    assert sorted(heard[1]) == [("a 1", "kept"), ("a 2", "gone")]
    assert heard[2] == [("a 1", "kept"), ("a 1", None)]
    assert heard[0] == [("a 1", None)]


async def test_who_leaves_frees_what_it_had(make: Make) -> None:
    async with together(make, 1) as (one,):
        async with Sharing(make(), within=5).opened() as leaving:
            assert isinstance(await leaving.draw((Ask("p", 1),)), Drawing)
            assert isinstance(await one.draw((Ask("p", 1),)), Short)

        assert isinstance(await one.draw((Ask("p", 1),)), Drawing)


async def test_who_did_not_wait_for_the_answer_has_nothing(make: Make) -> None:
    async with together(make) as (one, other):
        drawing = asyncio.create_task(one.draw((Ask("p", 1),)))
        await asyncio.sleep(0)
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        async with asyncio.timeout(5):
            while not isinstance(await other.draw((Ask("p", 1),)), Drawing):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_what_one_keeps_for_all_all_have_until_it_is_over(make: Make) -> None:
    large = bytes(range(256)) * 4000
    async with together(make) as (one, other):
        assert await other.get("a") is None
        await one.put("a", large, 60)
        await one.put("b", b"", 0.05)
        found = await other.get("a"), await other.get("b")
        await other.put("a", b"new", 60)
        again = await one.get("a")
        await asyncio.sleep(0.1)
        over = await one.get("b")
        await one.put("a", None, 60)
        none = await other.get("a")

    assert found == (large, b"")
    assert (again, over, none) == (b"new", None, None)


async def test_many_can_keep_things_at_once(make: Make) -> None:
    async with together(make, 1) as (one,):
        names = [f"n{number}" for number in range(30)]
        await asyncio.gather(*(one.put(name, name.encode(), 60) for name in names))
        found = await asyncio.gather(*(one.get(name) for name in names))

    assert [data and data.decode() for data in found] == names
