"""Which threads of the gateway a request's CPU time goes to; their names are py-spy's."""

import argparse
import json
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.flame import spy
from benchmarks.measure import Plan, press
from benchmarks.processes import DidNotStart
from benchmarks.subjects import Subject, bench_config, gateway, upstream
from benchmarks.workloads import workloads

ROUNDS = 5
SETTLING = 1.0
"""Seconds in which what is recorded after an answer comes to an end."""


def divided(name: str, rounds: int = ROUNDS) -> dict[str, float]:
    """
    Return the CPU microseconds that each thread takes for a request of *name*, the dearest first.

    Raises:
        DidNotStart: py-spy cannot look into the process: it needs root, or `ptrace_scope` 0.
    """
    work, plan = workloads()[name], Plan()
    count = plan.count(work)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="portico-threads-") as home, ExitStack() as stack:
        port = stack.enter_context(upstream(Path(home)))
        here = stack.enter_context(gateway(Path(home) / "gateway", bench_config(port)))
        press(here, work, plan.count(work, plan.share / 4), plan.seconds)
        known = names(here)
        for _ in range(rounds):
            time.sleep(SETTLING)
            before = _taken(here)
            press(here, work, count, plan.seconds)
            time.sleep(SETTLING)
            for thread, taken in _taken(here).items():
                spent = (taken - before.get(thread, 0)) / count / 1000
                found.setdefault(known.get(thread, "others"), []).append(spent)
    each = {name: median(taken) for name, taken in found.items()}
    return dict(sorted(each.items(), key=lambda one: -one[1]))


def _taken(here: Subject) -> dict[int, int]:
    """Return the CPU nanoseconds of each thread so far."""
    found: dict[int, int] = {}
    for task in Path(f"/proc/{here.pid}/task").iterdir():
        try:
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it has ended
    return found


def names(here: Subject) -> dict[int, str]:
    """
    Return what the threads of a gateway are called.

    Raises:
        DidNotStart: py-spy cannot look into the process: it needs root, or `ptrace_scope` 0.
    """
    line = (str(spy()), "dump", "--json", "--pid", str(here.pid))
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DidNotStart(f"py-spy did not start: {done.stderr.strip()[-300:]}")
    threads = json.loads(done.stdout)
    return {one["os_thread_id"]: one["thread_name"] for one in threads if one["thread_name"]}


def main() -> None:
    """Say it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    parser.add_argument("workload", choices=workloads())
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    found = divided(chosen.workload, chosen.rounds)
    for name, taken in found.items():
        print(f"{name:24} {taken:7.1f} µs")
    print(f"{'all of them':24} {sum(found.values()):7.1f} µs")


if __name__ == "__main__":
    main()
