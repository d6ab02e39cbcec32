"""The real gateway in its house: it answers through the tunnel, or it does not answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.leaks.configured import configured
from tests.leaks.houses import until
from tests.leaks.lab import PORTICO, Lab, Layer
from tests.leaks.town import EXIT1, EXIT2, GATE, GOOGLE, NAME, SIDECAR
from tests.leaks.townsfolk import LAX_PORT

pytestmark = pytest.mark.timeout(300)

AMBUSH = f"http://{GATE}:{LAX_PORT}"
HOSTILE = {"HTTPS_PROXY": AMBUSH, "https_proxy": AMBUSH, "ALL_PROXY": AMBUSH, "NO_PROXY": "*"}
CHAT: dict[str, Any] = {
    "model": "gemini-3-flash",
    "messages": [{"role": "user", "content": "hello"}],
}
AT = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def gateway(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`portico up`, in an environment that would lead others astray."""
    house, folder = lab.town["gateway"], tmp_path_factory.mktemp("gateway")
    file = folder / "portico.yaml"
    file.write_text(configured(lab))
    command = [PORTICO, "up", "--config", str(file)]
    environment = HOSTILE | {"PORTICO_HOME": str(folder / "home")}
    lab.uncounted()
    process = house.start(command, port=8000, environment=environment, bare=True)
    until(lambda: egress(lab)["boundary"], "the gateway has looked around")
    yield
    house.end(process)


def curl(lab: Lab, *words: str) -> str:
    return lab.town["gateway"].run("curl", "-s", "-m", "25", "--noproxy", "*", *words)


def ask(lab: Lab, chat: dict[str, Any] = CHAT) -> tuple[int, str]:
    """Return the status of a chat, and what was said or went wrong."""
    words = ["-w", "\n%{http_code}", "-d", json.dumps(chat), f"{AT}/v1/chat/completions"]
    body, _, status = curl(lab, *words).rpartition("\n")
    told = json.loads(body)
    if "error" in told:
        return int(status), told["error"]["code"]
    return int(status), told["choices"][0]["message"]["content"]


def egress(lab: Lab) -> dict[str, Any]:
    """What `/api/egress` says."""
    told: dict[str, Any] = json.loads(curl(lab, f"{AT}/api/egress"))
    return told


def google(lab: Lab) -> dict[str, Any]:
    """What it says of the path that Google is asked by."""
    found: dict[str, Any] = next(one for one in egress(lab)["paths"] if one["name"] == "google")
    return found


def requests(lab: Lab) -> list[dict[str, Any]]:
    """The ledger's rows, newest first."""
    found: list[dict[str, Any]] = json.loads(curl(lab, f"{AT}/api/requests"))["requests"]
    return [row for row in found if row["task"] != "memory"]


def trace(lab: Lab, row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of what was said."""
    told: dict[str, Any] = json.loads(curl(lab, f"{AT}/api/requests/{row['id']}/trace"))
    return told


def closed(lab: Lab) -> str:
    """Why nothing may leave by that path; empty: it may."""
    return str(google(lab)["closed"])


@pytest.mark.usefixtures("gateway")
def test_the_gateway_says_where_its_tunnels_come_out(lab: Lab) -> None:
    until(lambda: all(one["exit"] for one in google(lab)["listeners"]), "both exits are verified")
    exits = [one["exit"] for one in google(lab)["listeners"]]
    assert exits == [{"address": EXIT1, "region": "XX"}, {"address": EXIT2, "region": "XX"}]
    assert [one["level"] for one in egress(lab)["boundary"]["findings"]].count("error") == 0


@pytest.mark.usefixtures("gateway")
def test_each_answer_has_a_receipt_in_ledger_trace_and_console(lab: Lab) -> None:
    until(lambda: all(one["exit"] for one in google(lab)["listeners"]), "both exits are verified")
    assert ask(lab)[0] == 200
    until(lambda: requests(lab), "it is written down")
    row = requests(lab)[0]
    until(lambda: "story" in trace(lab, row), "and what was said")
    told = trace(lab, row)
    for one in (row["attempts"][-1], told["story"]["attempts"][-1]):
        assert (one["egress"], one["exit"], one["exit_region"]) == ("google", EXIT1, "XX")
        assert one["tunnel"] == f"http://{SIDECAR}:21001"
        assert 0 <= one["exit_age"] < 300
    page = curl(lab, f"{AT}/console/requests/{row['id']}")
    assert f"tunnel http://{SIDECAR}:21001, which came out at {EXIT1} (XX)" in page


def showing(lab: Lab, link: str) -> tuple[int, str]:
    """As `ask`, about the picture at *link*."""
    parts = [{"type": "text", "text": "this?"}, {"type": "image_url", "image_url": {"url": link}}]
    return ask(lab, {"model": "gemini-3-flash", "messages": [{"role": "user", "content": parts}]})


@pytest.mark.usefixtures("gateway")
def test_linked_pictures_come_by_their_own_gate_which_is_no_way_to_google(lab: Lab) -> None:
    assert showing(lab, "https://site.test/picture.png") == (200, f"seen from {EXIT1}")
    assert "10.91.40.30 /picture.png" in lab.lines("world")
    before = len(lab.lines("google"))
    for link in (f"https://{NAME}/a.png", f"https://{GOOGLE}/a.png", "https://inside.test/a.png"):
        assert showing(lab, link)[0] == 400, link
    assert showing(lab, "https://site.test/elsewhere")[0] == 400, "nor where a link leads on"
    assert not any("a.png" in line or "stolen" in line for line in lab.lines("google")[before:])
    assert lab.town.settled() == {}


@pytest.mark.usefixtures("gateway")
def test_a_path_in_panic_is_closed_while_a_leak_is_possible(lab: Lab) -> None:
    until(lambda: not closed(lab), "nothing is wrong")
    with lab.without(Layer.NAMESPACE):
        until(lambda: "can be reached directly" in closed(lab), "the open way is seen")
        assert ask(lab) == (503, "egress_unavailable")
        assert "portico_egress_leak_possible 1.0" in curl(lab, f"{AT}/metrics")
        assert json.loads(curl(lab, f"{AT}/readyz"))["status"] == "degraded"
    until(lambda: not closed(lab), "and that it is closed again")
    assert ask(lab)[0] == 200


@pytest.mark.usefixtures("gateway")
def test_a_packet_that_the_firewall_held_back_closes_the_path_too(lab: Lab) -> None:
    until(lambda: not closed(lab), "nothing is wrong")
    lab.sidecar.do("udp", host=GOOGLE)
    until(lambda: "tried to leave another way" in closed(lab), "the packet is seen")
    assert ask(lab) == (503, "egress_unavailable")
    told = curl(lab, f"{AT}/metrics")
    assert f'portico_egress_leak_packets_total{{counters="{lab.counters}"}} 1.0' in told
    lab.uncounted()
    until(lambda: not closed(lab), "somebody has looked into it")
    assert ask(lab)[0] == 200


@pytest.mark.usefixtures("gateway")
def test_the_gateway_answers_through_its_tunnels_or_not_at_all(lab: Lab) -> None:
    """The last: what it does to the exits takes them a while."""
    lab.town.reset()
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
