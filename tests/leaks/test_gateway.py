"""The real gateway in its house: it answers through the tunnel, or it does not answer."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tests.leaks.agent import TRUST
from tests.leaks.lab import Lab
from tests.leaks.town import EXIT1, EXIT2, GATE, NAME
from tests.leaks.townsfolk import LAX_PORT

pytestmark = pytest.mark.timeout(300)

CONFIG = """
upstreams:
  google:
    dialect: gemini
    base_url: https://{name}/v1beta
    api_key: harness
    egress: google
egress:
  google:
    kind: tunnel
    via: [{via}]
access: {{required: false}}
"""
AMBUSH = f"http://{GATE}:{LAX_PORT}"
HOSTILE = {"HTTPS_PROXY": AMBUSH, "https_proxy": AMBUSH, "ALL_PROXY": AMBUSH, "NO_PROXY": "*"}
CHAT = {"model": "gemini-3-flash", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def gateway(lab: Lab, tmp_path: Path) -> Iterator[None]:
    """`portico up`, in an environment that would lead others astray."""
    house = lab.town["gateway"]
    roots = tmp_path / "roots.pem"
    roots.write_text(Path(certifi.where()).read_text() + TRUST.read_text())
    house.run("mount", "--bind", str(roots), certifi.where())  # for this house alone
    file = tmp_path / "portico.yaml"
    file.write_text(CONFIG.format(name=NAME, via=", ".join(lab.listeners)))
    command = [str(Path(sys.executable).with_name("portico")), "up", "--config", str(file)]
    environment = HOSTILE | {"PORTICO_HOME": str(tmp_path / "home")}
    process = house.start(command, port=8000, environment=environment, bare=True)
    try:
        yield
    finally:
        house.end(process)
        house.run("umount", certifi.where())


def ask(lab: Lab) -> tuple[int, str]:
    """Return the status of a chat, and what was said or went wrong."""
    words = ["curl", "-s", "-m", "25", "-w", "\n%{http_code}", "-d", json.dumps(CHAT)]
    words += ["--noproxy", "*", "http://127.0.0.1:8000/v1/chat/completions"]
    body, _, status = lab.town["gateway"].run(*words).rpartition("\n")
    told = json.loads(body)
    if "error" in told:
        return int(status), told["error"]["code"]
    return int(status), told["choices"][0]["message"]["content"]


@pytest.mark.usefixtures("gateway")
def test_the_gateway_answers_through_its_tunnels_or_not_at_all(lab: Lab) -> None:
    assert ask(lab) == (200, f"seen from {EXIT1}")
    (lab.folder / "barred").write_text(EXIT1)
    try:
        assert ask(lab) == (200, f"seen from {EXIT2}"), "another exit took the same request"
    finally:
        (lab.folder / "barred").unlink()
    with lab.killed():
        status, _ = ask(lab)
        assert status in (502, 503, 504)
    assert lab.town.settled() == {}


def test_google_has_seen_nobody_but_the_exits_and_only_they_ask_for_its_name(lab: Lab) -> None:
    for number in range(2):
        said = lab.gateway.do("ours", url=f"https://{NAME}/", via=[lab.listeners[number]])
        assert said.startswith("200"), said
    before = len(lab.lines("google")), len(lab.lines("names"))
    for number in range(2):
        lab.gateway.do("ours", url=f"https://{NAME}/", via=[lab.listeners[number]])
    assert {line.split()[0] for line in lab.lines("google")[before[0] :]} == {EXIT1, EXIT2}
    asked = [line.split() for line in lab.lines("names")[before[1] :]]
    assert {source for source, name in asked if name == NAME} <= {EXIT1, EXIT2}


def test_the_direct_world_is_reached_through_the_gate(lab: Lab) -> None:
    via = ["http://{}:{}".format(*lab.gate)]
    said = lab.gateway.do("ours", url="https://world.test/", via=via, path="direct")
    assert said == "200 the world saw 10.91.40.30"
    assert lab.town.seen() == {}
