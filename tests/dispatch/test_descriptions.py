"""Descriptions belong to one caller and to pixels, and outlive the process that heard them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portico.artifacts.base import Blobs, Span, Stored
from portico.artifacts.files import open_files
from portico.dispatch.descriptions import KNOWN, MOST, Description, Descriptions
from portico.dispatch.errands import Errands
from portico.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

PIXELS = "ab" * 32
SAID = Description("gemini", "A form.", 1.0)


class Away(Blobs):
    """A store that is not there."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def put(self, key: str, data: bytes, *, lasting: bool = True) -> None:
        self.asked.set()
        raise StoreUnavailable("away")

    async def get(self, key: str, span: Span | None = None) -> bytes:
        raise StoreUnavailable("away")

    async def size(self, key: str) -> int:
        raise StoreUnavailable("away")

    async def delete(self, key: str) -> None:
        raise StoreUnavailable("away")

    async def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        raise StoreUnavailable("away")
        yield


async def test_nobody_is_told_what_anothers_model_said() -> None:
    async with Errands() as errands:
        descriptions = Descriptions(errands)
        descriptions.note("key-1", PIXELS, SAID)
        assert await descriptions.find("key-1", PIXELS) == SAID
        assert await descriptions.find("key-2", PIXELS) is None
        assert await descriptions.find(None, PIXELS) is None
        assert await descriptions.find("key-1", "cd" * 32) is None


async def test_what_is_said_later_counts_and_is_bounded() -> None:
    async with Errands() as errands:
        descriptions = Descriptions(errands)
        descriptions.note(None, PIXELS, SAID)
        descriptions.note(None, PIXELS, Description("qwen", "x" * 3 * MOST, 2.0))
        found = await descriptions.find(None, PIXELS)
    assert found == Description("qwen", "x" * MOST, 2.0)


async def test_a_store_keeps_them_for_the_next_start(tmp_path: Path) -> None:
    async with open_files(tmp_path) as store, Errands() as errands:
        Descriptions(errands, store).note("key-1", PIXELS, SAID)
        async with asyncio.timeout(10):
            while [key async for key in store.keys("described")] == []:
                pass
        again = Descriptions(errands, store)
        assert await again.find("key-1", PIXELS) == SAID
        assert await again.find("key-2", PIXELS) is None


async def test_a_store_that_is_away_changes_nothing_but_that() -> None:
    async with Errands() as errands:
        descriptions = Descriptions(errands, Away())
        descriptions.note("key-1", PIXELS, SAID)
        assert await descriptions.find("key-1", PIXELS) == SAID
        assert await descriptions.find("key-1", "cd" * 32) is None


async def test_what_was_said_long_ago_is_forgotten() -> None:
    async with Errands() as errands:
        descriptions = Descriptions(errands)
        for number in range(KNOWN + 1):
            descriptions.note(None, f"{number:064}", SAID)
        assert await descriptions.find(None, f"{0:064}") is None
        assert await descriptions.find(None, f"{KNOWN:064}") == SAID


async def test_a_store_that_refuses_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    store = Away()
    async with Errands() as errands, asyncio.timeout(10):
        Descriptions(errands, store).note(None, PIXELS, SAID)
        await store.asked.wait()
        await asyncio.sleep(0)
    assert caplog.records == []
