"""Forgetting while a store is away: the rest goes, what is left is told, and it can be gone on."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from portico.cli.commands import app
from portico.ledger.rows import row_of
from portico.settings import Settings, load_settings
from portico.traces.base import Thumb
from portico.traces.thumbs import Rating, Waiting
from portico.wiring import open_keyring
from portico.wiring.ledger import ledger_of
from portico.wiring.tracing import traces_of
from tests.erasure.planting import CANARY, WHO
from tests.ledger.entries import GEMINI, attempt, entry
from tests.traces.made import trace

NOWHERE = {
    "traces": "mongodb://127.0.0.1:9/portico?serverSelectionTimeoutMS=100",
    "ledger": "postgresql://portico:secret-word@127.0.0.1:9/portico",
    "artifacts": "s3://portico?endpoint=http://127.0.0.1:9&access_key_id=a&secret_access_key=b",
    "memory": "http://127.0.0.1:9",
}


def configured(home: Path, **stores: str) -> Path:
    """Write a configuration whose stores are embedded in *home*, but for those given."""
    embedded = {
        "ledger": f"sqlite:///{home}/ledger.db",
        "traces": f"sqlite:///{home}/traces.db",
        "artifacts": f"file:///{home}/artifacts",
        "memory": f"local:///{home}/memory",
    }
    file = home.with_name("portico.yaml")
    file.write_text(yaml.safe_dump({"stores": {**embedded, **stores}}))
    return file


def settings(home: Path, **stores: str) -> Settings:
    return load_settings(configured(home, **stores), {"PORTICO_HOME": str(home)})


async def planted(home: Path) -> Settings:
    given = settings(home)
    async with open_keyring(given, home) as ring:
        await ring.issue("ops")
        own = (await ring.issue(CANARY, person=WHO)).key.id
    async with ledger_of(given) as ledger:
        await ledger.append([row_of(entry(attempt(GEMINI), person=WHO))])
    async with traces_of(given) as traces:
        await traces.append([trace({"said": CANARY}, person=WHO)])
    await asyncio.to_thread(killed, home)
    for caller in (own, "key_other"):
        rating = Rating(thumb=Thumb.UP, at=1e9, caller=caller, message="a message")
        Waiting(home / "thumbs").put(rating)
    return given


def killed(home: Path) -> None:
    """Leave what a gateway does that is killed with a row in its hands."""
    (home / "spool").mkdir()
    row = row_of(entry(attempt(GEMINI), person=WHO))
    (home / "spool" / "1-1.journal").write_bytes(msgspec.json.encode(row) + b"\n")


def run(home: Path, *options: str, **stores: str) -> tuple[int, str]:
    """Run the command, and return how it ended and what it said."""
    file = configured(home, **stores)
    given = ["forget", WHO, "--config", str(file), *options]
    done = CliRunner().invoke(app, given, env={"PORTICO_HOME": str(home)})
    return done.exit_code, done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    asyncio.run(planted(tmp_path / "home"))
    return tmp_path / "home"


def names_left(home: Path) -> set[str]:
    """Return in which files their name can still be read."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return {path.name for path in files if CANARY.encode() in path.read_bytes().lower()}


@pytest.mark.parametrize("store", ["traces", "artifacts", "memory"])
def test_a_store_that_is_away_is_told_and_the_next_run_goes_on(home: Path, store: str) -> None:
    code, said = run(home, **{store: NOWHERE[store]})
    assert code == 1
    (line,) = (line for line in said.splitlines() if line.startswith(f"{store}: LEFT: "))
    assert "127.0.0.1" not in line
    assert "access: LEFT: waits for" in said
    assert "Not everything is gone" in said
    assert CANARY not in said
    assert "access.db" in names_left(home), "their keys say what else is theirs"
    code, said = run(home)
    assert (code, "Backups made before still hold them." in said) == (0, True), said
    assert names_left(home) == set()
    (rating,) = Waiting(home / "thumbs").files()
    assert b"key_other" in rating.read_bytes()
    deeds = asyncio.run(done(home))
    assert deeds == ["person.forgotten", "person.partly_forgotten", "key.revoked"]


def test_without_the_keys_nothing_can_be_told_and_nothing_is_erased(home: Path) -> None:
    code, said = run(home, ledger=NOWHERE["ledger"])
    assert (code, "the keys did not answer" in said) == (1, True), said
    assert "secret-word" not in said
    assert names_left(home) == {"access.db", "ledger.db", "traces.db", "1-1.journal"}


def test_a_dry_run_counts_and_changes_nothing(home: Path) -> None:
    code, said = run(home, "--dry-run")
    assert code == 0
    assert "traces: 1 traces, 0 waiting, 1 ratings" in said
    assert "ledger: 1 requests, 1 waiting" in said
    assert "access: 1 keys, 0 people, 1 deeds" in said
    assert names_left(home) == {"access.db", "ledger.db", "traces.db", "1-1.jsonl"}
    code, said = run(home, "--dry-run", "--json", traces=NOWHERE["traces"])
    told = {place["place"]: place for place in json.loads(said)["places"]}
    assert code == 1
    assert told["ledger"]["counts"] == {"requests": 1, "waiting": 1}
    assert told["traces"]["left"]


async def done(home: Path) -> list[str]:
    """Return what operators did since the keys were made, the last first."""
    async with open_keyring(settings(home), home) as ring:
        deeds = await ring.store.deeds()
    return [deed.what for deed in deeds if deed.what != "key.created"]
