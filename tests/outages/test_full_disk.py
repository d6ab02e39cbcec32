"""A disk that is really full: chats go on, it is said what to do, nothing is lost or doubled."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from portico.access.base import Roster
from portico.settings.diagnosis import Finding, Looks, diagnose
from tests.serving import PNG, House, house

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

QUICK = {"stores": {"retry": 0.5}, "memory": {"remember": False}}
STORES = ("artifacts", "ledger", "traces")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of 8 MB of its own; the embedded stores and spools lie there."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(
            f"A FULL DISK IS NOT TESTED: {mounted.stderr.strip() or 'mount failed'}. Run as root,"
            " where mounting is allowed: python -m pytest tests/outages/test_full_disk.py"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave not a byte."""
    handle = os.open(folder / "ballast", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for size in (65536, 4096):
        try:
            while os.write(handle, bytes(size)):
                pass
        except OSError:
            pass
    os.close(handle)
    assert os.statvfs(folder).f_bavail == 0


async def chats(there: House) -> None:
    """Ask in words and with pictures; everybody is answered."""
    link = {"type": "image_url", "image_url": {"url": PNG}}
    shown = [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, link]}]
    asked = [there.chat("hello") for _ in range(6)]
    asked += [there.chat(shown, model="vision") for _ in range(4)]
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def until_stores_are(there: House, said: str) -> None:
    while True:
        told = (await there.client.get("/readyz")).json()["stores"]
        if {told[name] for name in STORES} == {said}:
            return
        await asyncio.sleep(0.05)


async def nothing_was_lost(there: House, count: int) -> None:
    rows = await there.requests()
    assert len(rows) == len({row["id"] for row in rows}) == count
    await there.serving.traces.recorder.flush()
    traces = (await there.client.get("/api/traces?limit=200")).json()["traces"]
    assert {one["id"] for one in traces} == {row["id"] for row in rows}
    usage = (await there.client.get("/api/usage?by=role")).json()["usage"]
    assert sum(one["requests"] for one in usage) == count
    assert there.serving.gateway.ledger.lost == there.serving.traces.recorder.dropped == 0


async def test_a_disk_that_fills_up_costs_no_chat_and_with_room_again_nothing_is_lost(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(small_disk, **QUICK) as there:
        await chats(there)
        fill(small_disk)
        await chats(there)
        await until_stores_are(there, "away")
        await chats(there)
        (small_disk / "ballast").unlink()
        await until_stores_are(there, "ok")
        await nothing_was_lost(there, 30)
    assert "SQLITE_FULL, its disk is full: make room there" in caplog.text


async def test_a_disk_that_is_full_at_the_start_stops_neither_start_nor_chat(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(small_disk, **QUICK) as there:
        await chats(there)
    fill(small_disk)
    async with house(small_disk, **QUICK) as there:
        await chats(there)
        await until_stores_are(there, "away")
        assert "its disk is full: make room there" in caplog.text
        home = small_disk / "home"
        findings = diagnose(None, home, {}, Looks(lambda _: Roster({}, b"")))
        (told,) = [one for one in findings if "is full" in one.what]
        assert (told.level, told.mend) == (
            "error",
            "make room, or set PORTICO_HOME to another disk",
        )
        (apart,) = [one for one in found_elsewhere(small_disk) if "is full" in one.what]
        assert (apart.where, apart.mend) == (
            str(small_disk / "shots"),
            "make room, or set stores.artifacts to another disk",
        )
        (small_disk / "ballast").unlink()
        await until_stores_are(there, "ok")
        await nothing_was_lost(there, 20)


def found_elsewhere(small_disk: Path) -> list[Finding]:
    """Check an installation that has only its artifacts on that disk."""
    home = small_disk.parent / "other"
    home.mkdir()
    config = home / "portico.yaml"
    config.write_text(f"stores: {{artifacts: 'file:///{small_disk}/shots'}}\n")
    environ = {"PORTICO_HOME": str(home)}
    return diagnose(config, home, environ, Looks(lambda _: Roster({}, b"")))
