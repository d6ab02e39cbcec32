"""A hub that is away, slow or back again costs no request more than a moment, and no place."""

import asyncio
from pathlib import Path

import pytest
from scripts.services import valkey
from scripts.services.base import Unavailable

from portico.shared.base import Ask, Batch, Reply, Short
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub
from portico.shared.valkey import ValkeyHub

pytestmark = pytest.mark.anyio

PLACE = (Ask("p", 1),)


async def until_back(sharing: Sharing) -> None:
    async with asyncio.timeout(10):
        while sharing.away:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)


async def test_nobody_waits_for_a_hub_that_is_not_there(tmp_path: Path) -> None:
    async with Sharing(UnixHub(tmp_path / "none"), within=60).opened() as sharing:
        assert sharing.away
        assert await sharing.draw(PLACE) is None
        sharing.say("a", "b")


class Slow(UnixHub):
    """A hub whose word comes late: whoever drew may go before it."""

    held = False

    async def swap(self, batch: Batch) -> Reply:
        reply = await super().swap(batch)
        while self.held:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)
        return reply


async def test_a_place_that_is_granted_too_late_goes_back() -> None:
    with keep_hub() as path:
        slow = Slow(path)
        async with (
            Sharing(slow, within=0.02).opened() as one,
            Sharing(UnixHub(path), within=5).opened() as other,
        ):
            slow.held = True
            assert await one.draw(PLACE) is None
            slow.held = False
            async with asyncio.timeout(5):
                while not isinstance(await other.draw(PLACE), Drawing):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)


async def test_a_hub_that_went_away_is_taken_up_again_with_all_that_one_has(
    tmp_path: Path,
) -> None:
    try:
        url = valkey.up(tmp_path / "valkey")[valkey.VARIABLE]
    except Unavailable as exc:
        pytest.skip(f"VALKEY IS NOT TESTED: {exc}")
    try:
        heard: list[tuple[str, str | None]] = []
        async with (
            Sharing(ValkeyHub(url), within=2).opened() as one,
            Sharing(ValkeyHub(url), within=2).opened() as other,
        ):
            other.hear("rest", lambda key, value: heard.append((key, value)))
            had = await one.draw(PLACE)
            assert isinstance(had, Drawing)
            one.say("rest", "before")
            await asyncio.to_thread(valkey.stop, tmp_path / "valkey")
            assert await one.draw(PLACE) is None
            assert one.away
            assert "Valkey" in one.guard.why
            assert await one.draw(PLACE) is None

            await asyncio.to_thread(valkey.start, tmp_path / "valkey")  # and it is empty
            await until_back(one)
            await until_back(other)
            assert isinstance(await other.draw(PLACE), Short)
            async with asyncio.timeout(5):
                while ("rest", "before") not in heard:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.005)
    finally:
        await asyncio.to_thread(valkey.down, tmp_path / "valkey")
