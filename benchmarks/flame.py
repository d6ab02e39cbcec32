"""Where the time goes: a flame graph of a gateway under load, drawn by py-spy."""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Plan, press
from benchmarks.processes import DidNotStart
from benchmarks.subjects import bench_config, gateway, upstream
from benchmarks.workloads import workloads

_RATE = "500"  # samples a second
_BEGINNING = 2.0  # seconds that py-spy takes to find its way


def drawn(name: str, file: Path) -> None:
    """
    Draw the workload *name* into the SVG *file*; idle threads are left out.

    Raises:
        DidNotStart: py-spy cannot look into the process: it needs root, or `ptrace_scope` 0.
    """
    work, plan = workloads()[name], Plan()
    with tempfile.TemporaryDirectory(prefix="portico-flame-") as home, ExitStack() as stack:
        port = stack.enter_context(upstream(Path(home)))
        here = stack.enter_context(gateway(Path(home) / "gateway", bench_config(port)))
        press(here, work, plan.count(work, plan.share / 10), plan.seconds)
        running = subprocess.Popen(
            [
                *(str(spy()), "record", "--pid", str(here.pid), "--output", str(file)),
                *("--rate", _RATE, "--duration", "600", "--function", "--nonblocking"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            if _ended(running, _BEGINNING):
                raise DidNotStart(f"py-spy did not start: {_last_words(running)}")
            press(here, work, plan.count(work) * 2, plan.seconds)
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=60)
        finally:
            running.kill()
    # Its title is py-spy's command line, with the paths of this machine.
    file.write_text(re.sub(r">[^<]*py-spy record[^<]*<", f">{work.says}<", file.read_text()))


def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _last_words(process: "subprocess.Popen[bytes]") -> str:
    _, said = process.communicate()
    return said.decode(errors="replace").strip()[-300:]


def spy() -> Path:
    """Return where py-spy is."""
    beside = Path(sys.executable).with_name("py-spy")
    return beside if beside.exists() else Path(shutil.which("py-spy") or "py-spy")


def main() -> None:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flame", description=__doc__)
    parser.add_argument("workload", choices=workloads())
    parser.add_argument("file", type=Path, help="the SVG")
    chosen = parser.parse_args()
    drawn(chosen.workload, chosen.file)


if __name__ == "__main__":
    main()
