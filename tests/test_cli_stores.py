"""`portico check` on stores: what is wrong, where, and how to mend it, without a password."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest


def check(home: Path, ledger: str) -> tuple[int, str]:
    config = home / "portico.yaml"
    config.write_text(f"stores: {{ledger: '{ledger}'}}\n")
    environ = {**os.environ, "PORTICO_HOME": str(home / "home")}
    command = (sys.executable, "-m", "portico.cli", "check", "--config", str(config))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=50)
    return done.returncode, done.stdout + done.stderr


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
