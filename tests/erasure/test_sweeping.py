"""What has outlived its time is counted, and deleted where that is asked for; the rest stays."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from portico.artifacts.base import blob_key
from portico.artifacts.index import Artifact, new_id
from portico.artifacts.sqlite import open_sqlite
from portico.cli.commands import app
from portico.dispatch.descriptions import place_of
from portico.dispatch.overflowing import place_of as told_of
from portico.dispatch.records import Record, encode
from portico.memory.base import PICTURE, Point, ident
from portico.traces.base import DAY
from portico.vision import likeness
from portico.wiring.erasing import sweep_stores
from portico.wiring.memory import memory_of
from portico.wiring.pictures import blobs_of
from portico.wiring.tracing import traces_of
from tests.erasure.test_stores_away import NOWHERE, configured, settings
from tests.traces.made import NOW, trace

OLD = time.time() - 40 * DAY
THERE, GONE = new_id(), new_id()
"""An artifact that the index knows, and one that was deleted."""


async def plant(home: Path) -> None:
    given = settings(home)
    async with traces_of(given) as traces:
        await traces.append([trace(expires=NOW - 5), trace(id="req_gone", expires=NOW - DAY)])
        await traces.append([trace(id="req_there")])
    async with open_sqlite(home / "artifacts.db") as index:
        await index.add(artifact(THERE))
    async with blobs_of(given) as blobs:
        for number in ("01", "02"):
            await blobs.put(blob_key(number * 32), b"bytes")
        for name in (THERE, GONE):
            record = Record(artifact=name, request="req_1", at=OLD)
            await blobs.put(record.key, encode(record))
        for name in ("gone", "there"):
            await blobs.put(f"{told_of('ann', None)}/req_{name}.z", b"told")
        for name in ("old", "new"):
            await blobs.put(f"{place_of('ann')}/{name}.json", b"{}")
    async with memory_of(given) as memory:
        await memory.put([point(name) for name in (THERE, GONE)])
    (home / "spool").mkdir()
    (home / "spool" / "1.draft").write_text("half")
    (home / "spool" / "2.draft").write_text("just now")
    await asyncio.to_thread(aged, home)


def artifact(name: str) -> Artifact:
    key = blob_key("01" * 32)
    made = Artifact(name, "ann", "01" * 32, key, "image/png", 5, 1, 1, None, "", time.time())
    return replace(made, uploaded=True)


def point(name: str) -> Point:
    return Point(
        id=ident(name, "req_1"),
        artifact=name,
        chat="req_1",
        at=OLD,
        readers=frozenset({"ann"}),
        vectors={PICTURE: [1.0] + [0.0] * (likeness.DIMENSIONS - 1)},
    )


def aged(home: Path) -> None:
    """Everything in the folder is old, but for what is new by its name."""
    for path in home.rglob("*"):
        if path.name not in ("new.json", "2.draft"):
            os.utime(path, (OLD, OLD))


def run(home: Path, *options: str, **stores: str) -> tuple[int, str]:
    given = ["sweep", "--config", str(configured(home, **stores)), *options]
    done = CliRunner().invoke(app, given, env={"PORTICO_HOME": str(home)})
    return done.exit_code, done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    asyncio.run(plant(tmp_path / "home"))
    return tmp_path / "home"


COUNTS = (
    "traces: 2 traces",
    "artifacts: 0 uses, 1 blobs, 0 derived, 5 bytes",
    "memory: 1 points, 1 records, 1 descriptions",
    "long stories: 1 stories, 4 bytes",
    "spools: 1 drafts",
)


def test_what_has_outlived_its_time_is_counted_then_deleted_and_the_rest_stays(
    home: Path,
) -> None:
    for _ in range(2):
        code, said = run(home, "--dry-run")
        assert (code, said.splitlines()[:-1]) == (0, list(COUNTS)), said
    code, said = run(home, "--delete")
    assert (code, said.splitlines()[:-1]) == (0, list(COUNTS)), said
    code, said = run(home)
    assert "traces: 0 traces" in said
    assert "memory: 0 points, 0 records, 0 descriptions" in said
    left = {path.name for path in home.rglob("*") if path.is_file()}
    assert {
        "01" * 32,
        f"{ident(THERE, 'req_1')}.json",
        "new.json",
        "2.draft",
        "req_there.z",
    } <= left
    assert (
        not {"02" * 32, f"{ident(GONE, 'req_1')}.json", "old.json", "1.draft", "req_gone.z"} & left
    )
    assert asyncio.run(kept(home)) == (1, 1)


async def kept(home: Path) -> tuple[int, int]:
    given = settings(home)
    async with traces_of(given) as traces, memory_of(given) as memory:
        return len([one async for one in traces.export()]), await memory.count()


def test_a_store_that_is_away_is_told_and_the_others_are_swept(home: Path) -> None:
    code, said = run(home, "--delete", traces=NOWHERE["traces"])
    assert code == 1
    assert "traces: LEFT: " in said
    assert COUNTS[1] in said
    assert "127.0.0.1" not in said


@pytest.mark.anyio
async def test_an_empty_installation_has_nothing_to_sweep(tmp_path: Path) -> None:
    report = await sweep_stores(settings(tmp_path / "new"), tmp_path / "new", dry_run=False)
    assert (report.done, report.total) == (True, 0)
