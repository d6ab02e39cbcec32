"""`docs/operations/tunnel.md`, followed: from share links to a green `egress check`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from portico.egress.tunnels.engines import render
from portico.egress.tunnels.links import link
from tests.leaks.houses import ROOT
from tests.leaks.lab import INLETS, LISTENERS, PORTICO, SIGN_IN, Lab
from tests.leaks.town import GATE, NAME, SIDECAR, WORLD

pytestmark = pytest.mark.timeout(300)

PAGE = ROOT / "docs/operations/tunnel.md"
GATE_PORT = 3140


def operator(folder: Path, *words: str, given: str = "") -> str:
    """What `portico egress` says; it must not fail."""
    environment = {"PATH": os.environ["PATH"], "PORTICO_HOME": str(folder / "home")}
    done = subprocess.run(
        [PORTICO, "egress", *words],
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    """The page's own blocks of code."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def words_of(beginning: str) -> list[str]:
    """The words of the page's command that begins so, after `portico egress`."""
    lines = [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    return next(line.split()[2:] for line in lines if line.startswith(beginning))


def test_an_operator_gets_from_share_links_to_a_green_check(lab: Lab, tmp_path: Path) -> None:
    links = "".join(f"{link(each.tunnel, each.name)}\n" for each in INLETS)
    taken = operator(tmp_path, "import", "--tunnels", "tunnels.yaml", given=links)
    assert taken.count("taken") == len(INLETS)
    (tmp_path / "tunnel-password.txt").write_text(SIGN_IN[1])

    ours = {"0.0.0.0": SIDECAR, "gateway": SIGN_IN[0], "egress-google": SIDECAR}
    told = words_of("portico egress render --tunnels tunnels.yaml --out xray.json --exits")
    section = operator(tmp_path, *(ours.get(word, word) for word in told))

    # What was rendered is what the sidecar here runs, and what its firewall lets out.
    assert (tmp_path / "xray.json").read_text() == render(INLETS, LISTENERS)
    assert (tmp_path / "exits.nft").read_text() == (lab.rules / "exits.nft").read_text()

    whole = next(block for block in blocks("yaml") if "boundary:\n  closed: true" in block)
    for page, here in (("sg1", "one"), ("us1", "two"), ("gateway:$", f"{SIGN_IN[0]}:$")):
        whole = whole.replace(page, here)
    for line in re.findall(r"- .*egress-google.*", whole):
        mine = line.replace("egress-google", SIDECAR).replace(":-unset", "")
        assert mine in section, "the page shows what the command prints"
    places = {"egress-google": SIDECAR, "gate:3128": f"{GATE}:{GATE_PORT}"}
    places |= {"control:3129": lab.control, "/run/counters/google.json": str(lab.counters)}
    for page, here in places.items():
        whole = whole.replace(page, here)
    (tmp_path / "portico.yaml").write_text(
        f'{whole}  outside: ["{WORLD}:443", "[2606:50c0::10]:443"]\n'.replace(
            "siliconflow: {", "siliconflow: {base_url: https://world.test/v1, api_key: k, "
        ).replace("upstreams:\n", "upstreams:\n  google: {api_key: harness}\n")
    )
    gate = ["gate", "--path", "world", "--config", str(tmp_path / "portico.yaml")]
    gate += ["--listen", f"{GATE}:{GATE_PORT}"]
    process = lab.town["gate"].start([PORTICO, "egress", *gate], port=GATE_PORT)
    lab.uncounted()
    lab.recounted()
    check = ["env", f"PORTICO_TUNNEL_PASSWORD={SIGN_IN[1]}", PORTICO, "egress", "check"]
    said = lab.town["gateway"].run(*check, "--config", str(tmp_path / "portico.yaml"))
    lab.town["gate"].end(process)
    found = [line.split()[:2] for line in said.splitlines() if not line.startswith("  ")]
    looked = {"service", "closed", "names", "refusals", "counters", "control"}
    assert {check for level, check in found if level == "ok"} == looked
    assert {check for level, check in found if level != "ok"} == {"exit"}, "it needs an exit_url"
    assert lab.town.settled() == {}
    assert NAME in (tmp_path / "xray.json").read_text()
