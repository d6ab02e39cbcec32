"""The command line, as people and scripts meet it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from portico import __version__
from portico.cli import app

COMMANDS = [
    "",
    "up",
    "check",
    "explain",
    "simulate",
    "schema",
    "keys",
    "egress",
    "bootstrap",
    "health",
    "bench",
    "forget",
    "sweep",
]
EGRESS = ["egress import", "egress show", "egress render", "egress gate"]
KEYS = ["keys create", "keys list", "keys revoke"]

type Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command of an installation of its own, in this process."""

    def run(*line: str, **environ: str) -> Result:
        home = {"PORTICO_HOME": str(tmp_path / "home"), "PORTICO_CONFIG": None}
        return CliRunner().invoke(app, line, env=home | environ)

    return run


def portico(home: Path, *line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    clean = {name: value for name, value in os.environ.items() if name != "PORTICO_CONFIG"}
    return subprocess.run(
        [str(Path(sys.executable).with_name("portico")), *line],
        env=clean | {"PORTICO_HOME": str(home)} | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("home", ["a-file", "a-file/below", "/proc/nowhere"])
def test_a_home_that_cannot_be_written_is_said_in_a_sentence(home: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("in the way")
    told = portico(tmp_path / home, "up", "--port", "0")
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert f"{home}: cannot be written" in told.stderr
    assert "PORTICO_HOME" in told.stderr


def test_bench_hands_its_options_on_and_ends_as_the_measurement_does(tmp_path: Path) -> None:
    told = portico(tmp_path, "bench", "--quick", "--only", "no-such-row")
    assert told.returncode == 2
    assert "invalid choice: 'no-such-row'" in told.stderr


@pytest.mark.parametrize("command", COMMANDS + KEYS + EGRESS)
def test_every_command_explains_itself_with_an_example(run: Run, command: str) -> None:
    told = run(*command.split(), "--help").output
    assert f"Example: portico {command}".strip() in told
    assert "Usage: " in told


def test_no_summary_in_the_list_of_commands_is_cut_short(run: Run) -> None:
    for line in ((), ("keys",), ("egress",)):
        told = run(*line, "--help").output
        assert "..." not in told.partition("Commands:")[2]


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").output == f"portico {__version__}\n"


def test_the_schema_of_the_configuration_is_json(run: Run) -> None:
    assert "upstreams" in json.loads(run("schema").output)["properties"]


def test_a_route_is_told_without_asking(run: Run, tmp_path: Path) -> None:
    image = tmp_path / "screen.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("explain", "What is wrong here?", "--image", str(image), "--model", "design")
    route = json.loads(result.stdout)
    assert (result.exit_code, route["role"]) == (0, "design")
    assert "image" in route["needs"]["modalities"]
    assert not (tmp_path / "home").exists()


def test_what_cannot_be_done_is_a_sentence_and_not_a_traceback(run: Run, tmp_path: Path) -> None:
    result = run("explain", "hello", "--model", "nobody")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    missing = str(tmp_path / "missing.yaml")
    result = run("explain", "hello", "--config", missing)
    assert result.exit_code == 1
    assert missing in result.stderr


def test_check_ends_with_one_for_an_error_only(run: Run, tmp_path: Path) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "the configuration is sound [built-in]" in result.output
    assert not (tmp_path / "home").exists()
    config = tmp_path / "portico.yaml"
    config.write_text("access: {required: true}\n")
    result = run("check", PORTICO_CONFIG=str(config))
    assert result.exit_code == 1
    assert "error  nobody may ask" in result.output


def test_a_key_is_made_listed_and_revoked_by_the_real_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = portico(home, "keys", "create", "anna", "--expires", "30d")
    assert made.returncode == 0
    key = made.stdout.strip()
    assert re.fullmatch(r"pk-[A-Za-z0-9_-]{43}", key)
    assert key not in made.stderr
    assert "It is shown only now" in made.stderr
    listed = portico(home, "keys", "list")
    assert re.search(
        rf"^key_\w+  anna +pk-…{key[-4:]} .* live +admin$", listed.stdout, re.MULTILINE
    )
    assert key[3:-4] not in listed.stdout + listed.stderr
    revoked = portico(home, "keys", "revoke", "anna")
    assert re.fullmatch(r"key_\w+ \(anna\) is revoked\.\n", revoked.stdout)
    assert "revoked" in portico(home, "keys", "list").stdout
    written = b"".join(path.read_bytes() for path in home.iterdir())
    assert key[3:].encode() not in written


def test_a_new_key_says_what_it_changes(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "portico.yaml"
    config.write_text("access: {required: false}\n")
    assert "refused from now on" in run("keys", "create", "anna").stderr
    result = run("keys", "create", "bert", "--config", str(config))
    assert "access.required is false" in result.stderr


def test_no_keys_is_not_an_error(run: Run, tmp_path: Path) -> None:
    result = run("keys", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "portico keys create NAME" in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("create", "anna", "--expires", "soon"), 2, "write 90m, 12h, 30d or 2w"),
        (("create", "pk-oops"), 1, "error: A key's name must not look like a key"),
        (("create",), 2, "Missing argument 'NAME'"),
        (("revoke", "anna"), 1, "error: There is no key 'anna'"),
        (("revoke", "pk-oops"), 1, "never the key itself"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(
    run: Run, line: tuple[str, ...], code: int, said: str
) -> None:
    result = run("keys", *line)
    assert result.exit_code == code
    assert said in result.stderr
    assert "oops" not in result.stderr


def test_a_faulty_configuration_stops_every_keys_command(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "portico.yaml"
    config.write_text("access: {requird: true}\n")
    for line in (("create", "anna"), ("list",), ("revoke", "anna")):
        result = run("keys", *line, "-c", str(config))
        assert result.exit_code == 1
        assert f"{config}:1: access.requird" in result.stderr


def test_a_key_is_made_with_terms_rotated_and_listed_with_both(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert portico(home, "keys", "create", "ops").returncode == 0
    line = ("--role", "code", "--role", "devops", "--usd-per-day", "2.50", "--trusted")
    made = portico(home, "keys", "create", "webui", *line, "--capture", "no-media")
    assert made.returncode == 0
    turned = portico(home, "keys", "rotate", "webui", "--overlap", "2h")
    assert turned.returncode == 0
    assert turned.stdout.strip() not in ("", made.stdout.strip())
    listed = portico(home, "keys", "list").stdout
    told = "front end, roles code/devops, usd-per-day 2.50, capture no-media"
    assert listed.splitlines()[2].endswith(told)
    assert turned.stdout.strip()[-4:] in listed


BAD_TERMS = [("--usd-per-day", "much"), ("--concurrency", "-1"), ("--capture", "half")]


@pytest.mark.parametrize(("option", "value"), BAD_TERMS)
def test_terms_that_are_none_are_named(option: str, value: str, tmp_path: Path) -> None:
    refused = portico(tmp_path / "home", "keys", "create", "anna", option, value)
    assert refused.returncode == 2
    assert option in refused.stderr
    assert not (tmp_path / "home").exists()
