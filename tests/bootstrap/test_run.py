"""A whole bootstrap, twice, against real servers: the second time changes nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from scripts.services import ceph, mongo

from portico.bootstrap.base import Order, State, Told
from portico.bootstrap.run import bootstrap, named
from portico.errors import NotFound
from portico.wiring import keyring
from tests.servers import serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with serving(ceph, "s3") as url:
        yield url


@pytest.fixture(scope="module")
def mongodb() -> Iterator[str]:
    with serving(mongo, "mongodb") as url:
        yield url


def order_of(folder: Path, stores: str, **environ: str) -> Order:
    config = folder / "portico.yaml"
    config.write_text(f"extends: builtin\naccess: {{required: true}}\nstores:\n{stores}")
    return Order(config, folder / "home", environ, folder / "secrets", port=0)


def embedded(folder: Path) -> str:
    return (
        f"  ledger: sqlite:///{folder}/home/ledger.db\n  traces: sqlite:///{folder}/home/traces.db\n"
        f"  artifacts: file:///{folder}/home/artifacts\n  memory: local:///{folder}/home/memory\n"
    )


async def taken(order: Order, *only: str) -> dict[str, Told]:
    found = await bootstrap(order, named(only), lambda told: None, patience=0)
    return {told.step: told for told in found}


def command(order: Order, *line: str) -> dict[str, Any]:
    """Run the real command in the environment of *order*, and return what it told."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("portico")), "bootstrap", "--json", *line],
        env={"PORTICO_HOME": str(order.home), "PATH": "/usr/bin", **order.environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(told["failed"])
    return told


async def rows(database: str) -> list[tuple[object, ...]]:
    """Return every table of ours, with how many rows it has."""
    connection = await asyncpg.connect(database)
    try:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'portico' ORDER BY 1"
        names = [row[0] for row in await connection.fetch(query)]
        return [
            (name, await connection.fetchval(f'SELECT count(*) FROM portico."{name}"'))
            for name in names
        ]
    finally:
        await connection.close()


async def test_a_second_time_changes_nothing_on_real_servers(
    tmp_path: Path, database: str, s3: str, mongodb: str
) -> None:
    told = {name: values[-1] for name, values in parse_qs(urlsplit(s3).query).items()}
    place = f"s3://bootstrap-{time.time_ns()}?endpoint={told['endpoint']}"
    (tmp_path / "key").write_text(told["access_key_id"])
    (tmp_path / "secret").write_text(told["secret_access_key"])
    order = order_of(
        tmp_path,
        f"  ledger: {database}\n  traces: {mongodb}\n  artifacts: {place}\n"
        f"  memory: local:///{tmp_path}/home/memory\n",
        AWS_ACCESS_KEY_ID_FILE=str(tmp_path / "key"),
        AWS_SECRET_ACCESS_KEY_FILE=str(tmp_path / "secret"),
        PORTICO_ADMIN_KEY_FILE=str(tmp_path / "secrets/admin_key"),
        PORTICO_WEBUI_KEY_FILE=str(tmp_path / "secrets/webui_key"),
    )

    assert order.secrets is not None
    line = ("--config", str(order.config), "--secrets", str(order.secrets))

    first = command(order, *line)
    before = await rows(database)
    second = command(order, *line)

    assert (first["failed"], second["failed"]) == (False, False), (first, second)
    made = ["secrets", "tables", "bucket", "keys", "smoke"]
    assert [step["step"] for step in first["steps"] if step["state"] == "done"] == made
    assert [step["step"] for step in second["steps"] if step["state"] == "done"] == ["smoke"]
    assert await rows(database) == before
    assert ("keys", 2) in before


async def test_the_operators_key_is_told_once_and_opens(tmp_path: Path) -> None:
    order = order_of(tmp_path, embedded(tmp_path))
    [line] = (await taken(order, "keys"))["keys"].lines
    text = line.what.rpartition(" ")[2]
    known = (await keyring(order.home).roster()).find(text.encode())
    assert known is not None
    assert known.admin
    again = (await taken(order, "keys"))["keys"]
    assert again.state is State.ALREADY
    assert "pk-" not in str(again.lines)


async def test_a_store_that_is_away_is_told_with_a_remedy_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    away = "postgresql://portico:hunter2hunter2@127.0.0.1:9/portico"
    stores = embedded(tmp_path).replace(f"sqlite:///{tmp_path}/home/traces.db", away)
    found = await taken(order_of(tmp_path, stores))
    assert found["tables"].failed
    assert found["tables"].lines[0].mend
    assert found["keys"].state is State.DONE
    assert "hunter2" not in str(found)


async def test_without_a_sound_configuration_the_rest_waits(tmp_path: Path) -> None:
    found = await taken(order_of(tmp_path, "  ledgr: x\n"))
    assert found["configuration"].failed
    assert {found[name].state for name in ("tables", "bucket", "keys", "smoke")} == {State.SKIPPED}


async def test_a_tunnel_that_is_down_is_told_and_stops_nothing(tmp_path: Path) -> None:
    order = order_of(
        tmp_path,
        embedded(tmp_path) + "egress: {google: {kind: tunnel, via: ['http://127.0.0.1:9']}}\n",
        GEMINI_API_KEY="synthetic",
    )
    egress = (await taken(order, "egress"))["egress"]
    assert egress.state is State.FAILED
    assert not egress.failed


def test_no_step_of_that_name() -> None:
    with pytest.raises(NotFound, match="preflight"):
        named(["nothing"])


def test_a_check_changes_nothing_and_ends_with_one(tmp_path: Path) -> None:
    order = order_of(tmp_path, embedded(tmp_path))
    told = command(order, "--check", "--config", str(order.config))
    assert told["failed"]
    assert {one["step"]: one["state"] for one in told["steps"]}["tables"] == "failed"
    assert not order.home.exists()
