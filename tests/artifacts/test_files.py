"""Blobs in a directory tree: what only files can do wrong."""

import asyncio
import os
import stat
import time
from pathlib import Path

import pytest

from portico.artifacts.files import LEFT, open_files, path_of
from portico.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///.portico/artifacts", ".portico/artifacts"),
        ("file:////var/lib/portico/artifacts", "/var/lib/portico/artifacts"),
    ],
)
def test_a_url_names_a_relative_or_an_absolute_folder(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


@pytest.mark.parametrize("url", ["file:///", "file://host/x", "s3://bucket", "/var/lib", ""])
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="file:///path"):
        path_of(url)


def modes_below(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


async def test_only_the_owner_of_the_process_may_read(tmp_path: Path) -> None:
    async with open_files(tmp_path / "store") as blobs:
        await blobs.put("a/b", b"1")
    assert modes_below(tmp_path) == {"store": 0o700, ".new": 0o700, "a": 0o700, "b": 0o600}


async def test_blobs_are_there_after_a_restart(tmp_path: Path) -> None:
    async with open_files(tmp_path) as blobs:
        await blobs.put("a/b", b"1")
    async with open_files(tmp_path) as blobs:
        assert await blobs.get("a/b") == b"1"


async def test_a_reader_never_sees_half_of_what_is_put(tmp_path: Path) -> None:
    old, new = b"o" * 3_000_000, b"n" * 3_000_000
    async with open_files(tmp_path) as blobs:
        await blobs.put("a", old)

        async def read() -> set[bytes]:
            return {await blobs.get("a") for _ in range(20)}

        seen, *_ = await asyncio.gather(read(), *(blobs.put("a", new) for _ in range(5)))
        assert seen <= {old, new}
        assert await blobs.get("a") == new


async def test_nothing_half_written_is_listed_and_old_leavings_go(tmp_path: Path) -> None:
    async with open_files(tmp_path):
        young, old = tmp_path / ".new/young", tmp_path / ".new/old"
        for path in (young, old):
            path.write_bytes(b"half")
        gone = time.time() - LEFT - 60
        os.utime(old, (gone, gone))
    async with open_files(tmp_path) as blobs:
        assert [stored async for stored in blobs.keys("")] == []
        assert (young.exists(), old.exists()) == (True, False)


async def test_a_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with open_files(tmp_path) as blobs:
        await blobs.put("a", b"a file")
        with pytest.raises(StoreUnavailable, match=r"ENOTDIR|EEXIST"):
            await blobs.put("a/b", b"1")
        (tmp_path / "folder/below").mkdir(parents=True)
        with pytest.raises(StoreUnavailable, match=r"EISDIR|ENOTEMPTY|EEXIST"):
            await blobs.put("folder", b"1")
        assert list((tmp_path / ".new").iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="the folder of artifacts did not answer: ENOTDIR"):
        async with open_files(tmp_path / "file/store"):
            pass


async def test_a_disk_that_hangs_costs_nobody_more_than_the_patience(tmp_path: Path) -> None:
    async with open_files(tmp_path, patience=0.2) as blobs:
        os.mkfifo(tmp_path / "hangs")  # nobody ever writes to it
        with pytest.raises(StoreUnavailable, match="in time"):
            await blobs.get("hangs")
        await blobs.put("other", b"1")
        assert await blobs.get("other") == b"1"
        (tmp_path / "hangs").write_bytes(b"")  # lets the thread go
