"""A work goes on in the background, one of each kind, and its end is told."""

import asyncio

import pytest

from portico.dispatch.works import MOST_LINES, Kind, Say, Works
from portico.errors import NotFound, StoreUnavailable
from tests.egress.servers import until

pytestmark = pytest.mark.anyio


async def test_one_of_each_kind_goes_on_and_tells_its_latest_lines_and_its_end() -> None:
    gate = asyncio.Event()

    async def long(say: Say) -> bool:
        for number in range(100):
            say(f"{number} " + "x" * 1000)
        await gate.wait()
        return True

    async def away(say: Say) -> bool:
        raise StoreUnavailable("gone fishing")

    async def broken(say: Say) -> bool:
        raise RuntimeError("a bug")

    async def late(say: Say) -> bool:
        await asyncio.Event().wait()
        return True

    kinds = {"long": Kind(long, 60), "away": Kind(away, 60), "broken": Kind(broken, 60)}
    async with Works({**kinds, "late": Kind(late, 0.01), "ended": Kind(late, 60)}) as works:
        assert works.begin("long", "ada")
        assert not works.begin("long", "bert")
        with pytest.raises(NotFound):
            works.begin("nothing", "ada")
        for name in ("away", "broken", "late", "ended"):
            assert works.begin(name, "ada")
        for name in ("away", "broken", "late"):
            await until(lambda name=name: works.last[name].ended is not None)  # type: ignore[misc]
            assert works.last[name].well is False
        assert works.last["away"].lines == ("gone fishing",)
        assert "a bug" not in works.last["broken"].lines[0]
        assert works.last["late"].lines == ("It was given up after 0.01 s.",)
        assert works.last["long"].ended is None
        assert len(works.last["long"].lines) == MOST_LINES
        gate.set()
        await until(lambda: works.last["long"].well is True)
        assert works.begin("long", "bert")
    assert works.last["ended"].well is False
