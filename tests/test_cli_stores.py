"""`portico check` on stores: what is wrong, where, and how to mend it, without a password."""

import asyncio
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from portico.cli import app
from portico.traces.sqlite import open_sqlite


def check(home: Path, address: str, store: str = "ledger") -> tuple[int, str]:
    config = home / "portico.yaml"
    config.write_text(f"stores: {{{store}: '{address}'}}\n")
    environ = {"PORTICO_HOME": str(home / "home")}
    done = CliRunner().invoke(app, ["check", "--config", str(config)], env=environ)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_ledger_that_can_be_used_is_fine_and_is_not_made_by_looking(
    tmp_path: Path, database: str
) -> None:
    _, said = check(tmp_path, database)
    assert "ok     the ledger can be used [stores.ledger]" in said


@pytest.mark.parametrize(
    ("path", "password", "told"),
    [
        ("/nowhere", None, "it has no such database: create it, or mend the address"),
        (None, "wrong-password", "it does not accept our user or password: mend the address"),
    ],
)
def test_a_wrong_address_is_told_with_its_remedy_and_without_its_password(
    tmp_path: Path, database: str, path: str | None, password: str | None, told: str
) -> None:
    parts = urlsplit(database)
    secret = password or str(parts.password)
    netloc = f"portico:{secret}@{parts.hostname}:{parts.port}"
    code, said = check(tmp_path, parts._replace(netloc=netloc, path=path or parts.path).geturl())
    assert code == 1
    assert f"the ledger did not answer: {told}" in said
    assert "rows wait in the spool" in said
    assert secret not in said


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("a shopping list\n" * 500)
    code, said = check(tmp_path, f"sqlite:///{tmp_path}/ledger.db")
    assert code == 1
    assert "the ledger did not answer: SQLITE_NOTADB" in said


def test_traces_that_can_be_used_are_fine_and_are_not_made_by_looking(
    tmp_path: Path, database: str, mongodb: str
) -> None:
    for address in (database, mongodb, f"sqlite:///{tmp_path}/traces.db"):
        code, said = check(tmp_path, address, "traces")
        assert "ok     the traces can be used [stores.traces]" in said
        assert code == 0
    assert not (tmp_path / "traces.db").exists()


@pytest.mark.parametrize(
    ("path", "password", "told"),
    [
        ("/nowhere", None, "it has no such database: create it, or mend the address"),
        (None, "wrong-password", "it does not accept our user or password: mend the address"),
    ],
)
def test_a_wrong_address_of_traces_in_postgres_is_told_with_its_remedy(
    tmp_path: Path, database: str, path: str | None, password: str | None, told: str
) -> None:
    parts = urlsplit(database)
    secret = password or str(parts.password)
    netloc = f"portico:{secret}@{parts.hostname}:{parts.port}"
    url = parts._replace(netloc=netloc, path=path or parts.path).geturl()
    code, said = check(tmp_path, url, "traces")
    assert code == 1
    assert f"the traces did not answer: {told}" in said
    assert "until then traces wait in the spool" in said
    assert secret not in said


def test_a_mongodb_that_does_not_know_us_is_told_without_the_password(
    tmp_path: Path, mongodb: str
) -> None:
    parts = urlsplit(mongodb)
    url = f"mongodb://anna:tell-nobody@{parts.hostname}:{parts.port}/portico"
    code, said = check(tmp_path, url, "traces")
    assert code == 1
    assert "it does not accept our user or password: mend the address [stores.traces]" in said
    assert "tell-nobody" not in said


def test_a_mongodb_that_is_not_there_is_told(
    tmp_path: Path,
) -> None:
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))  # and nobody listens
        code, said = check(
            tmp_path, f"mongodb://127.0.0.1:{held.getsockname()[1]}/portico", "traces"
        )
    assert code == 1
    assert "MongoDB cannot be reached: is it running, and is the address right?" in said
    assert "mend: start it or mend the address" in said


async def _newer_postgres(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA portico")
    await connection.execute(
        "CREATE TABLE portico.schema_version (store text, number integer, name text)"
    )
    await connection.execute("INSERT INTO portico.schema_version VALUES ('traces', 99, 'later')")
    await connection.close()


async def _newer_sqlite(file: Path) -> None:
    async with open_sqlite(file):
        pass
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'later', '')")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_traces_of_a_newer_version_are_told_with_what_to_do(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        address = str(request.getfixturevalue("database"))
        asyncio.run(_newer_postgres(address))
    else:
        address = f"sqlite:///{tmp_path}/traces.db"
        asyncio.run(_newer_sqlite(tmp_path / "traces.db"))
    code, said = check(tmp_path, address, "traces")
    assert code == 1
    assert "the traces: schema 99, this version knows" in said
    assert "[stores.traces]" in said
    assert "mend: run the newer version, restore a backup of this one" in said
