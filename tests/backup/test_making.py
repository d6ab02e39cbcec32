"""Backup, wipe, restore, verify: nothing is missing, from any kind of store into any other."""

import asyncio
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml
from scripts.services import ceph, mongo

from portico.artifacts.base import blob_key
from portico.backup.base import Manifest
from portico.backup.making import check
from portico.errors import ConfigError
from portico.ledger.base import By, RequestQuery, UsageQuery
from portico.ledger.rows import row_of
from portico.settings import Settings, load_settings
from portico.traces.base import Trace
from portico.wiring import open_keyring
from portico.wiring.backing import bring_back, make_backup
from portico.wiring.ledger import ledger_store
from portico.wiring.pictures import blobs_of
from portico.wiring.tracing import traces_of
from tests.ledger.entries import GEMINI, PRETEND, attempt, entry
from tests.servers import serving
from tests.traces.made import trace

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

PICTURE = b"\x89PNG certainly" * 1000
KEY = blob_key("ab" * 32)


def settings(folder: Path, **stores: str) -> Settings:
    """Return settings whose stores are embedded in *folder*, but for those given."""
    folder.mkdir(parents=True, exist_ok=True)
    embedded = {
        "ledger": f"sqlite:///{folder}/ledger.db",
        "traces": f"sqlite:///{folder}/traces.db",
        "artifacts": f"file:///{folder}/artifacts",
        "memory": f"local:///{folder}/memory",
    }
    file = folder / "portico.yaml"
    file.write_text(yaml.safe_dump({"stores": {**embedded, **stores}}))
    return load_settings(file, {"PORTICO_HOME": str(folder)})


async def fill(given: Settings, home: Path) -> None:
    async with open_keyring(given, home) as ring:
        for name in ("anna", "'; DROP TABLE keys; --"):
            await ring.issue(name)
    async with ledger_store(given) as ledger:
        rows = [row_of(entry(attempt(GEMINI), attempt(PRETEND), task="é'\"")) for _ in range(700)]
        await ledger.append(rows)
    async with traces_of(given) as traces:
        await traces.append([trace(id=f"req_{number}") for number in range(60)])
    async with blobs_of(given) as blobs:
        await blobs.put(KEY, PICTURE)


async def held(given: Settings, home: Path) -> Mapping[str, Any]:
    """Return everything, through the doors that the gateway uses."""
    async with open_keyring(given, home) as ring:
        keys = (await ring.roster()).keys
    async with ledger_store(given) as ledger:
        usage = {by: await ledger.usage(UsageQuery(by)) for by in By}
        rows = await ledger.requests(RequestQuery(limit=200))
    async with traces_of(given) as store:
        traces = [one async for one in store.export()]
    async with blobs_of(given) as blobs:
        picture = await blobs.get(KEY)
    return {"keys": keys, "usage": usage, "rows": rows, "traces": traces, "picture": picture}


async def test_what_was_wiped_is_back(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "all.tar"
    given = settings(home)
    await fill(given, home)
    before = await held(given, home)
    made = await make_backup(given, home, file)
    assert file.stat().st_mode & 0o077 == 0
    assert check(file) == made
    shutil.rmtree(home)
    given = settings(home)
    await bring_back(given, home, file, force=False)
    assert await held(given, home) == before
    again = await make_backup(given, home, tmp_path / "again.tar")
    assert again.parts == made.parts


@pytest.fixture
def full(request: pytest.FixtureRequest, database: str) -> Mapping[str, str]:
    """The stores of a lab that has all of them."""
    s3 = urlsplit(request.getfixturevalue("s3"))
    return {
        "ledger": database,
        "traces": request.getfixturevalue("mongodb"),
        "artifacts": s3._replace(path=f"/{uuid4().hex}").geturl(),
    }


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with serving(ceph, "s3") as url:
        yield url


@pytest.fixture(scope="session")
def mongodb() -> Any:
    with serving(mongo, "mongodb") as url:
        yield url.replace("/portico", "/backup")


async def test_the_embedded_stores_move_into_servers_and_back(
    tmp_path: Path, full: Mapping[str, str]
) -> None:
    small, large = settings(tmp_path / "small"), settings(tmp_path / "large", **full)
    await fill(small, tmp_path / "small")
    before = await held(small, tmp_path / "small")
    there = await make_backup(small, tmp_path / "small", tmp_path / "there.tar")
    await bring_back(large, tmp_path / "large", tmp_path / "there.tar", force=False)
    assert await held(large, tmp_path / "large") == before
    back = await make_backup(large, tmp_path / "large", tmp_path / "back.tar")
    assert back.parts == there.parts
    again = settings(tmp_path / "again")
    await bring_back(again, tmp_path / "again", tmp_path / "back.tar", force=False)
    assert await held(again, tmp_path / "again") == before


async def test_traces_that_have_expired_since_are_not_missed(tmp_path: Path) -> None:
    one, other = settings(tmp_path / "one"), settings(tmp_path / "other")
    async with traces_of(one) as traces:
        await traces.append([trace(id="req_1", expires=time() + 1.5), trace(id="req_2")])
    await make_backup(one, tmp_path / "one", tmp_path / "one.tar")
    await asyncio.sleep(1.6)
    await bring_back(other, tmp_path / "other", tmp_path / "one.tar", force=False)
    async with traces_of(other) as traces:
        assert [one.card.id async for one in traces.export()] == ["req_2"]


async def test_with_force_what_is_there_is_replaced(tmp_path: Path) -> None:
    one, other = settings(tmp_path / "one"), settings(tmp_path / "other")
    await fill(one, tmp_path / "one")
    await fill(other, tmp_path / "other")
    before, file = await held(one, tmp_path / "one"), tmp_path / "one.tar"
    made = await make_backup(one, tmp_path / "one", file)
    async with traces_of(other) as traces:
        await traces.append([trace(id="req_other")])
    await bring_back(other, tmp_path / "other", file, force=True)
    after = await held(other, tmp_path / "other")
    assert after.pop("traces") == [*before.pop("traces"), *await of_other(other)]
    assert after == before
    again = await make_backup(other, tmp_path / "other", tmp_path / "again.tar")
    assert again.parts.keys() == made.parts.keys()
    same = {name for name in made.parts if again.parts[name] == made.parts[name]}
    assert same == made.parts.keys() - {"traces"}, "what was there of traces stays beside"


async def of_other(given: Settings) -> list[Trace]:
    async with traces_of(given) as traces:
        found = await traces.find("req_other")
    assert found is not None
    return [found]


async def test_stores_that_hold_something_are_left_alone_unless_forced(tmp_path: Path) -> None:
    one, other = settings(tmp_path / "one"), settings(tmp_path / "other")
    await fill(one, tmp_path / "one")
    await fill(other, tmp_path / "other")
    file = tmp_path / "one.tar"
    await make_backup(one, tmp_path / "one", file)
    before = await held(other, tmp_path / "other")
    with pytest.raises(ConfigError, match="there is something already: secret, access, ledger"):
        await bring_back(other, tmp_path / "other", file, force=False)
    assert await held(other, tmp_path / "other") == before


async def made(folder: Path) -> tuple[Path, Manifest]:
    given = settings(folder / "home")
    await fill(given, folder / "home")
    return folder / "all.tar", await make_backup(given, folder / "home", folder / "all.tar")


@pytest.mark.parametrize("part", ["access", "ledger", "traces", "blobs", "secret"])
async def test_a_backup_of_which_a_byte_was_changed_is_refused(part: str, tmp_path: Path) -> None:
    file, _ = await made(tmp_path)
    with tarfile.open(file) as tar:
        entry_ = tar.getmember(f"parts/{part}")
        at = entry_.offset_data + entry_.size - 3
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=f"damaged: {part}"):
        check(file)
    empty = settings(tmp_path / "empty")
    with pytest.raises(ConfigError, match="damaged"):
        await bring_back(empty, tmp_path / "empty", file, force=False)
    assert not (tmp_path / "empty" / "secret").exists()


async def test_half_a_backup_and_what_is_none_are_refused(tmp_path: Path) -> None:
    file, _ = await made(tmp_path)
    data = file.read_bytes()
    for wrong in (data[: len(data) // 2], b"", b"a shopping list", data[:512]):
        file.write_bytes(wrong)
        with pytest.raises(ConfigError):
            check(file)
    with pytest.raises(ConfigError, match=r"nowhere\.tar cannot be read: No such file"):
        check(tmp_path / "nowhere.tar")


async def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    given = settings(tmp_path / "home", ledger="postgresql://x:y@127.0.0.1:1/z")
    with pytest.raises(Exception, match="is it running"):
        await make_backup(given, tmp_path / "home", tmp_path / "all.tar")
    assert [name for name in os.listdir(tmp_path) if "tar" in name] == []


async def test_rows_that_wait_in_the_spool_are_in_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = settings(home)
    (home / "spool").mkdir()
    (home / "spool" / "1.jsonl").write_bytes(b"{}\n")
    told = await make_backup(given, home, tmp_path / "all.tar")
    assert told.parts["spool"].records == 1
    empty = settings(tmp_path / "empty")
    await bring_back(empty, tmp_path / "empty", tmp_path / "all.tar", force=False)
    assert (tmp_path / "empty" / "spool" / "1.jsonl").read_bytes() == b"{}\n"
