"""A backup in a file, a folder or a bucket; restored into stores of its own, and searched."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from msgspec.structs import replace
from scripts.services import ceph
from typer.testing import CliRunner

from portico.artifacts.base import blob_key
from portico.backup.places import place_of
from portico.cli.commands import app
from portico.dispatch.records import Record, encode
from portico.errors import ConfigError
from portico.wiring.backing import make_backup
from portico.wiring.building import Builder
from portico.wiring.pictures import open_pictures
from portico.wiring.verifying import verify_backup
from tests.artifacts import odd
from tests.backup.test_making import fill, settings
from tests.servers import serving

pytestmark = pytest.mark.timeout(240)

SCREENS = 7


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with serving(ceph, "s3") as url:
        yield url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that remembers some screens; nothing here changes it."""
    folder = tmp_path_factory.mktemp("backups") / "home"
    asyncio.run(remembering(folder))
    return folder


async def remembering(home: Path) -> None:
    given = settings(home)
    await fill(given, home)
    async with open_pictures(given, home, Builder("")) as pictures:
        for number in range(SCREENS):
            owner = None if number % 2 else "anna"
            shown = odd.saved(odd.screen(80 + 7 * number, 60), "PNG")
            artifact = await pictures.archive.add(shown, owner)
            record = Record(
                artifact=artifact.id,
                request=f"req_{number}",
                at=1e9,
                owner=owner,
                asked=f"what of page {number}?" if number else "",
            )
            await pictures.blobs.put(record.key, encode(record))
            again = replace(record, request=f"req_again_{number}", at=2e9)  # in another chat
            await pictures.blobs.put(again.key, encode(again))
        deleted = Record(artifact=f"art_{'a' * 26}", request="req_x", at=1e9)
        await pictures.blobs.put(deleted.key, encode(deleted))


def run(home: Path, *line: str) -> tuple[int, str]:
    given = [*line, "--config", str(home / "portico.yaml")]
    done = CliRunner().invoke(app, given, env={"PORTICO_HOME": str(home)})
    return done.exit_code, done.output


@pytest.mark.parametrize("where", ["file", "folder", "bucket"])
def test_what_was_written_somewhere_is_verified_from_there(
    where: str, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place, called = str(tmp_path), f"{tmp_path}/portico-2"
    if where == "file":
        place = called = str(tmp_path / "monday.tar")
    elif where == "bucket":
        s3 = urlsplit(request.getfixturevalue("s3"))
        place = s3._replace(path=f"/{uuid4().hex}").geturl()
        called = f"{place.partition('?')[0]}/portico-2"
    code, said = run(home, "backup", place)
    assert code == 0, said
    assert f"written to {called}" in said
    assert "secret_access_key" not in said
    files = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    code, said = run(home, "backup", "verify", place)
    assert code == 0, said
    assert f"{SCREENS} of {SCREENS} screens were found again" in said
    left = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert left == files, "verifying touches nothing"
    assert run(home, "backup", "--verify", place)[0] == 0
    elsewhere = tmp_path / "elsewhere"
    settings(elsewhere)
    code, said = run(elsewhere, "restore", place)
    assert (code, "what is there is what the backup holds" in said) == (0, True), said


@pytest.mark.anyio
async def test_a_screen_that_cannot_be_found_again_is_told(home: Path, tmp_path: Path) -> None:
    """The picture is not the one that its index says: hashes of a backup would not notice."""
    broken = tmp_path / "home"
    given = settings(broken)
    async with open_pictures(given, broken, Builder("")) as pictures:
        shown = odd.saved(odd.screen(80, 60), "PNG")
        artifact = await pictures.archive.add(shown, None)
        record = Record(artifact=artifact.id, request="req_1", at=1e9, asked="where is it?")
        await pictures.blobs.put(record.key, encode(record))
        await pictures.blobs.put(blob_key(artifact.raw), b"no picture at all")
    await make_backup(given, broken, tmp_path / "all.tar")
    with pytest.raises(ConfigError, match="1 of 1 screens are not found"):
        await verify_backup(given, tmp_path / "all.tar")


@pytest.mark.anyio
async def test_a_folder_without_backups_and_names_that_are_none_are_told(tmp_path: Path) -> None:
    code, said = await asyncio.to_thread(run_in, tmp_path)
    assert (code, f"there is no backup in {tmp_path}" in said) == (1, True), said
    with pytest.raises(ConfigError, match="no name for a backup"):
        place_of("s3://bucket/Monday.tar")
    assert place_of("s3://bucket/a/b.tar?endpoint=x").bucket == "s3://bucket/a?endpoint=x"


def run_in(folder: Path) -> tuple[int, str]:
    settings(folder)
    return run(folder, "backup", "verify", str(folder))
