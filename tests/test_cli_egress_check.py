"""`portico egress check`: what it finds, as words and as JSON, and how it ends."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
extends: builtin
upstreams:
  google: {{api_key: a-key}}
egress:
  google: {{kind: tunnel, via: ["http://portico:hunter2@127.0.0.1:{port}#sg1"]}}
boundary: {{outside: ["127.0.0.1:{open}"], closed: {closed}}}
"""


def check(folder: Path, config: str, *words: str) -> "subprocess.CompletedProcess[str]":
    file = folder / "portico.yaml"
    file.write_text(config)
    command = [sys.executable, "-m", "portico.cli", "egress", "check", "--config", str(file)]
    environment = {"PATH": os.environ["PATH"], "PORTICO_HOME": str(folder / "home")}
    return subprocess.run([*command, *words], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(("closed", "level"), [("auto", "error"), ("false", "note")])
def test_an_open_way_and_a_dead_tunnel_are_found(tmp_path: Path, closed: str, level: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        ports = {"port": taken.getsockname()[1], "open": outside.getsockname()[1]}
        done = check(tmp_path, CONFIG.format(closed=closed, **ports), "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    found = {one["check"]: one for one in told["findings"]}
    assert not told["ok"]
    assert found["service"]["level"] == "error"
    assert found["service"]["where"] == "google, sg1"
    assert (found["closed"]["level"], found["closed"]["leak"]) == (level, level == "error")
    assert found["closed"]["mend"]
    assert "hunter2" not in done.stdout


def test_without_a_tunnel_in_use_it_says_so(tmp_path: Path) -> None:
    done = check(tmp_path, "boundary: {closed: false, outside: []}\n")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "no tunnel is in use" in done.stdout
