"""Stories that are too long for their store: apart, put together again, or cut for good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from portico.artifacts.base import Blobs
from portico.artifacts.files import open_files
from portico.artifacts.s3 import Bucket, open_s3
from portico.dispatch.overflowing import Overflowing, key_of, place_of, request_of
from portico.stores.whom import Whom
from portico.traces.base import LARGEST, Fidelity, Trace, TraceQuery, TraceStore, pinned
from portico.traces.sqlite import open_sqlite
from tests.traces.made import trace

pytestmark = pytest.mark.anyio

LONG: dict[str, Any] = {"request": {"messages": ["a word " * 200_000]}, "left_out": []}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Overflowing, TraceStore, Blobs]]:
    async with open_sqlite(folder / "traces.db") as store, open_files(folder / "a") as blobs:
        yield Overflowing(store, blobs), store, blobs


async def keys(blobs: Blobs) -> list[str]:
    return [stored.key async for stored in blobs.keys("")]


async def test_a_long_story_lies_apart_and_is_found_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as (traces, store, blobs):
        long, short = trace(LONG, person="anna"), trace({"request": "short"}, person="anna")
        for _ in range(2):  # twice is once
            await traces.append([long, short])
        assert await keys(blobs) == [key_of(long.card)]
        assert request_of(key_of(long.card)) == long.card.id
        kept = await store.find(long.card.id)
        assert kept is not None
        assert len(bytes(kept.story)) <= LARGEST
        told = msgspec.json.decode(kept.story)
        assert told["overflow"] == {"key": key_of(long.card), "bytes": len(bytes(long.story))}
        assert await traces.find(long.card.id) == long
        assert await traces.find(short.card.id) == short
        assert await traces.mark(pinned(long.card))
        assert await traces.find(long.card.id) == Trace(pinned(long.card), long.story)
        assert len(await traces.cards(TraceQuery())) == 2
        assert [one.card.id async for one in traces.export()] == [long.card.id, short.card.id]
        assert await traces.forget(Whom.named("anna"), dry_run=True) == 2
        assert await traces.sweep() == 0


@pytest.mark.parametrize("fidelity", [Fidelity.COMPLETE, Fidelity.REDACTED])
async def test_without_the_blob_the_trace_is_truncated_and_says_where_it_lay(
    fidelity: Fidelity, tmp_path: Path
) -> None:
    async with opened(tmp_path) as (traces, _, blobs):
        long = trace(LONG, fidelity=fidelity)
        await traces.append([long])
        await blobs.put(key_of(long.card), b"not what it was")
        damaged = await traces.find(long.card.id)
        await blobs.delete(key_of(long.card))
        missing = await traces.find(long.card.id)
    assert damaged == missing
    assert missing is not None
    lost = fidelity is Fidelity.COMPLETE
    assert missing.card.fidelity is (Fidelity.TRUNCATED if lost else Fidelity.REDACTED)
    assert msgspec.json.decode(missing.story)["left_out"] == ["the middles of long texts"]


async def test_where_nothing_takes_it_a_long_story_is_cut_for_good(tmp_path: Path) -> None:
    nowhere = Bucket("portico", None, "http://127.0.0.1:9", "x", "a", "b")
    async with open_sqlite(tmp_path / "traces.db") as store, open_s3(nowhere, {}) as blobs:
        traces, long = Overflowing(store, blobs), trace(LONG)
        odd, masked = trace(LONG, id="No Key"), trace(LONG, fidelity=Fidelity.REDACTED)
        await traces.append([long, odd, masked])
        found = [await traces.find(one.card.id) for one in (long, odd, masked)]
    said = [one.card.fidelity for one in found if one is not None]
    assert said == [Fidelity.TRUNCATED, Fidelity.TRUNCATED, Fidelity.REDACTED]
    for one in found:
        assert one is not None
        assert len(bytes(one.story)) <= LARGEST
        assert "overflow" not in msgspec.json.decode(one.story)


async def test_what_somebody_said_of_an_overflow_is_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as (traces, _, _):
        said = trace({"request": {"overflow": {"key": "told/x", "bytes": 1}}})
        await traces.append([said])
        assert await traces.find(said.card.id) == said


def test_whole_stories_lie_below_their_person_or_their_key() -> None:
    assert place_of("anna", "key_1") == place_of("anna", None)
    assert place_of(None, "key_1") != place_of("anna", "key_1")
    assert Raw(b"{}") == trace().story
