"""What every store of blobs promises. A further backend is one more line in BACKENDS."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.artifacts.archive import open_archive
from portico.artifacts.base import BlobMissing, Blobs, Stored
from portico.artifacts.files import open_files
from portico.artifacts.s3 import Bucket, bucket_of, open_s3
from portico.artifacts.shelf import Shelf
from portico.artifacts.sqlite import open_sqlite
from portico.artifacts.sweep import DAY, Rules, Swept, sweep
from portico.errors import StoreUnavailable
from tests.artifacts.shelves import PNG, opened, seen, shown

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]  # a cluster may be installed

type Opener = Callable[[], AbstractAsyncContextManager[Blobs]]

BACKENDS = ("files", "s3")
NOT_KEYS = [
    *("", "/", "/a", "a/", "a//b", "..", "../a", "a/..", "a/../b", ".", "./a", "a/./b", ".new/a"),
    *("a b", "A", "a\\b", "a\n", "a\0b", "ä", "a?b", "a#b", "%2e%2e/a", "a/.hidden", "a" * 501),
]


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one and the same empty store, again and again."""
    if request.param == "files":
        return lambda: open_files(tmp_path / "artifacts")
    bucket = bucket_of(request.getfixturevalue("s3"))
    mine = replace(bucket, prefix=f"test/{uuid4().hex}")
    return lambda: open_s3(mine, {}, patience=20)


@pytest.fixture
async def blobs(opener: Opener) -> AsyncIterator[Blobs]:
    async with opener() as opened:
        yield opened


async def listed(blobs: Blobs, prefix: str = "") -> dict[str, int]:
    found = [stored async for stored in blobs.keys(prefix)]
    assert len({stored.key for stored in found}) == len(found)
    return {stored.key: stored.size for stored in found}


async def told(blobs: Blobs, key: str) -> Stored:
    (found,) = [stored async for stored in blobs.keys("") if stored.key == key]
    return found


async def test_what_was_put_is_given_back(blobs: Blobs) -> None:
    data = bytes(range(256)) * 40_000  # 10 MB
    await blobs.put("blobs/sha256/ab/cd/x.y_z-1", data)
    assert await blobs.get("blobs/sha256/ab/cd/x.y_z-1") == data
    assert await blobs.size("blobs/sha256/ab/cd/x.y_z-1") == len(data)


async def test_nothing_can_be_kept_too(blobs: Blobs) -> None:
    await blobs.put("empty", b"")
    assert await blobs.get("empty") == b""
    assert await blobs.get("empty", (0, 10)) == b""
    assert await blobs.size("empty") == 0


@pytest.mark.parametrize(
    ("span", "part"),
    [
        ((0, 10), b"0123456789"),
        ((0, 1), b"0"),
        ((3, 6), b"345"),
        ((9, 10), b"9"),
        ((8, 100), b"89"),
        ((10, 20), b""),
        ((50, 60), b""),
        ((4, 4), b""),
        ((6, 3), b""),
        ((-5, 2), b"01"),
    ],
)
async def test_a_span_is_what_a_slice_would_be(
    blobs: Blobs, span: tuple[int, int], part: bytes
) -> None:
    await blobs.put("a", b"0123456789")
    assert await blobs.get("a", span) == part


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    await blobs.put("folder/file", b"x")
    for key in ("nobody", "folder", "folder/file2", "folder/file/below"):
        with pytest.raises(BlobMissing):
            await blobs.get(key)
        with pytest.raises(BlobMissing):
            await blobs.get(key, (0, 1))
        with pytest.raises(BlobMissing):
            await blobs.size(key)
        await blobs.delete(key)
    assert await blobs.get("folder/file") == b"x"


async def test_putting_again_replaces_and_renews(blobs: Blobs) -> None:
    await blobs.put("a/b", b"first")
    before = (await told(blobs, "a/b")).modified
    await asyncio.sleep(1.1)  # S3 tells whole seconds
    await blobs.put("a/b", b"second")
    assert await blobs.get("a/b") == b"second"
    assert (await told(blobs, "a/b")).modified > before


async def test_the_time_told_is_that_of_putting(blobs: Blobs) -> None:
    before = time.time()
    await blobs.put("a", b"1")
    assert before - 2 <= (await told(blobs, "a")).modified <= time.time() + 2


async def test_what_was_deleted_is_gone(blobs: Blobs) -> None:
    await blobs.put("a", b"1")
    await blobs.delete("a")
    await blobs.delete("a")
    with pytest.raises(BlobMissing):
        await blobs.get("a")
    assert await listed(blobs) == {}


async def test_keys_are_listed_below_whole_parts_of_a_key(blobs: Blobs) -> None:
    for key in ("a/b/c", "a/bc/d", "ab", "a/b/e/f"):
        await blobs.put(key, key.encode())
    assert await listed(blobs) == {"a/b/c": 5, "a/bc/d": 6, "ab": 2, "a/b/e/f": 7}
    assert set(await listed(blobs, "a/b")) == {"a/b/c", "a/b/e/f"}
    assert set(await listed(blobs, "a/b/")) == {"a/b/c", "a/b/e/f"}
    assert await listed(blobs, "nowhere") == {}


async def test_many_keys_are_listed_once_each(blobs: Blobs) -> None:
    keys = [f"many/{number:04}" for number in range(1100)]  # more than a page of S3's
    gate = asyncio.Semaphore(32)

    async def put(key: str) -> None:
        async with gate:
            await blobs.put(key, b"x")

    await asyncio.gather(*map(put, keys))
    assert sorted(await listed(blobs)) == keys


@pytest.mark.parametrize("key", NOT_KEYS)
async def test_what_is_no_key_is_refused_whatever_is_asked(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await blobs.put(key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        await blobs.get(key)
    with pytest.raises(ValueError, match="not a key"):
        await blobs.size(key)
    with pytest.raises(ValueError, match="not a key"):
        await blobs.delete(key)
    assert await listed(blobs) == {}


async def test_two_who_put_the_same_leave_one(blobs: Blobs) -> None:
    data = b"\x89PNG" * 250_000
    await asyncio.gather(*(blobs.put("same/one", data) for _ in range(8)))
    assert await blobs.get("same/one") == data
    assert await listed(blobs) == {"same/one": 1_000_000}


KEYS = st.sampled_from(["a", "b/c", "b/d", "e/f/g", "e/f/h"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=40)),
        st.tuples(st.just("get"), KEYS, st.tuples(st.integers(-5, 45), st.integers(-5, 45))),
        st.tuples(st.just("delete"), KEYS, st.none()),
        st.tuples(st.just("keys"), st.sampled_from(["", "b", "e/f", "e", "x"]), st.none()),
    ),
    max_size=12,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # emptied before each example
)
@given(steps=STEPS)
async def test_a_store_is_a_dictionary(
    opener: Opener, steps: list[tuple[str, str, object]]
) -> None:
    model: dict[str, bytes] = {}
    async with opener() as blobs:
        for key in [stored.key async for stored in blobs.keys("")]:
            await blobs.delete(key)  # left by the example before
        for action, key, value in steps:
            await as_the_model(blobs, model, action, key, value)
        assert await listed(blobs) == {key: len(data) for key, data in model.items()}


async def as_the_model(
    blobs: Blobs, model: dict[str, bytes], action: str, key: str, value: object
) -> None:
    if action == "put":
        assert isinstance(value, bytes)
        await blobs.put(key, value)
        model[key] = value
    elif action == "delete":
        await blobs.delete(key)
        model.pop(key, None)
    elif action == "keys":
        below = {name for name in model if not key or name.startswith(f"{key}/")}
        assert set(await listed(blobs, key)) == below
    elif key in model:
        assert isinstance(value, tuple)
        first, end = (max(0, edge) for edge in value)
        assert await blobs.get(key) == model[key]
        assert await blobs.get(key, value) == model[key][first:end]
        assert await blobs.size(key) == len(model[key])
    else:
        with pytest.raises(BlobMissing):
            await blobs.get(key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret_access_key": "wrong-secret"}, "the object store does not accept our key"),
        ({"access_key_id": "NOBODY"}, "the object store does not accept our key"),
        ({"name": "no-such-bucket"}, "the object store has no such bucket"),
    ],
)
async def test_a_bucket_that_is_not_ours_is_a_store_that_is_away(
    s3: str, change: dict[str, str], said: str
) -> None:
    bucket: Bucket = replace(bucket_of(s3), **change)
    async with open_s3(bucket, {}) as blobs:
        with pytest.raises(StoreUnavailable, match=said):
            await blobs.put("a", b"1")
        with pytest.raises(StoreUnavailable, match=said):
            await blobs.get("a")
        with pytest.raises(StoreUnavailable, match=said):
            await listed(blobs)


async def test_an_archive_over_it_keeps_once_and_sweeps(opener: Opener, tmp_path: Path) -> None:
    now = [time.time()]
    async with opener() as blobs, open_sqlite(tmp_path / "index.db") as index:
        shelf = Shelf(blobs, index, lambda: now[0])
        async with open_archive(shelf, opened) as archive:
            made = [await archive.add(PNG, owner) for owner in ("ann", "bob")]
            for number in range(100):
                archive.keep(seen(PNG, f"req_{number}", shown=shown(PNG)))
            await archive.flush()
            assert await listed(blobs) == {made[0].key: len(PNG)}
            assert await archive.read(made[1], (1, 4)) == b"PNG"
            for one, owner in zip(made, ("ann", "bob"), strict=True):
                assert await sweep(shelf, Rules()) == Swept()
                await archive.delete(one.id, owner)
            now[0] += 8 * DAY
            assert await sweep(shelf, Rules(), dry_run=False) == Swept(blobs=1, bytes=len(PNG))
            assert await listed(blobs) == {}
