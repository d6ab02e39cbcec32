"""What is deployed: the sidecar's rules hold, and no engine runs without them."""

import subprocess
import sys
from pathlib import Path

import pytest

from portico.egress.control import counted, leaked
from tests.leaks.houses import House
from tests.leaks.lab import DEPLOY, Lab
from tests.leaks.town import GOOGLE

pytestmark = pytest.mark.timeout(300)

GOOD = "add element inet portico_egress exits4 { 203.0.113.7 . 443 }\n"


def rules(folder: Path, exits: str) -> str:
    (folder / "sidecar.nft").write_text((DEPLOY / "sidecar.nft").read_text())
    (folder / "exits.nft").write_text(exits)
    return str(folder)


def test_the_files_as_they_are_shipped_load(house: House) -> None:
    house.run("nft", "-I", str(DEPLOY), "-f", str(DEPLOY / "sidecar.nft"))
    assert "203.0.113.7 . 443" in house.run("nft", "list", "ruleset")


@pytest.mark.parametrize("exits", ["add element inet portico_egress exits4 { tunnel.test }", "?"])
def test_no_engine_starts_without_its_rules(house: House, tmp_path: Path, exits: str) -> None:
    folder = rules(tmp_path, exits)
    said = house.run(str(DEPLOY / "sidecar.sh"), folder, "echo", "the engine runs", ok=False)
    assert said == ""


def test_rules_that_cannot_be_loaded_leave_the_old_ones(house: House, tmp_path: Path) -> None:
    script = str(DEPLOY / "sidecar.sh")
    assert "runs" in house.run(script, rules(tmp_path, GOOD), "echo", "the engine runs")
    house.run(script, rules(tmp_path, "?"), "true", ok=False)
    assert "203.0.113.7 . 443" in house.run("nft", "list", "ruleset")


def test_the_engine_cannot_open_what_was_closed(house: House, tmp_path: Path) -> None:
    script, folder = str(DEPLOY / "sidecar.sh"), rules(tmp_path, GOOD)
    for attempt in (["nft", "flush", "ruleset"], ["ip", "link", "set", "lo", "down"]):
        house.run(script, folder, *attempt, ok=False)
    assert "policy drop" in house.run("nft", "list", "ruleset")
    assert "UP" in house.run("ip", "link", "show", "lo")


def test_what_the_rules_hold_back_is_counted(lab: Lab) -> None:
    before = lab.town.counted()
    lab.sidecar.do("udp", host=GOOGLE)
    assert lab.town.counted() > before
    assert lab.town.seen() == {}


def test_what_was_counted_is_written_where_the_check_reads_it(lab: Lab) -> None:
    lab.uncounted()
    lab.recounted()
    assert counted(lab.counters).level == "ok"
    lab.sidecar.do("udp", host=GOOGLE)
    lab.recounted()
    assert counted(lab.counters).leak


SPOILS = """
until [ -s "$1" ]; do sleep 0.02; done
(echo none >"$1") 2>/dev/null || echo cannot write there
rm -f "$1" 2>/dev/null || echo cannot take it away
for each in /proc/[0-9]*; do
    if [ "$(stat -c %u "$each" 2>/dev/null)" = 10100 ]; then
        echo somebody counts
        kill -9 "${each#/proc/}" 2>/dev/null && echo and was killed
    fi
done
cat "$1"
"""


def test_an_engine_that_was_taken_over_cannot_count_for_itself(
    house: House, tmp_path: Path
) -> None:
    house.run("mount", "-t", "tmpfs", "-o", "uid=10100,mode=0755", "tmpfs", "/mnt")
    told = ["env", "PORTICO_COUNTERS=/mnt/google.json", "PORTICO_COUNT_EVERY=0.1"]
    script = [str(DEPLOY / "sidecar.sh"), rules(tmp_path, GOOD)]
    said = house.run(*told, *script, "sh", "-c", SPOILS, "engine", "/mnt/google.json")
    assert "cannot write there" in said
    assert "cannot take it away" in said
    assert "somebody counts" in said
    assert "and was killed" not in said
    assert leaked(said.splitlines()[-1].encode()) == 0


DIES = """
import os, signal, sys
from pathlib import Path
from portico.egress.control import counted, leaked
from tests.leaks.houses import House
house = House("doomed", Path(sys.argv[1]))
house.start(["sleep", "1234.5"])
print(house.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("house")
def test_a_harness_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], capture_output=True)
    pid = int(done.stdout)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() and not _sleepers():
            return
        subprocess.run(["sleep", "0.05"])
    raise AssertionError("somebody still lives in a house whose owner is gone")


def _sleepers() -> list[str]:
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line.decode() for line in lines if line.startswith(b"sleep\x001234.5")]
