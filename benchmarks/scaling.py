"""
Up and out: what a second worker carries, and what open streams weigh.

    python -m benchmarks.scaling [--rounds 5] [--streams 10000] [--only workers|streams]

A machine of two cores has none to spare for whoever asks, so what two workers carry is told in CPU
time: the busiest worker is what is full first. Exits with 1 where a limit is missed.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.measure import check, load_environment, load_line, press, settle
from benchmarks.processes import cpu_seconds, raise_file_limit, rss_megabytes
from benchmarks.subjects import GATEWAY, Subject, bench_config, gateway, upstream
from benchmarks.workloads import Workload, idle_stream, workloads

CARRIED = 1.8
"""Two workers carry at least so many times what one does."""

WEIGHT = 600.0
"""Megabytes of one worker with all streams open, at most."""

_SPARE = 200  # files that a process has open besides its connections


def main() -> int:
    """Measure, print a line of JSON for each, and return how it ended."""
    told = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--requests", type=int, default=6000, help="of one round")
    told.add_argument("--workload", default="2kb")
    told.add_argument("--streams", type=int, default=10_000)
    told.add_argument("--only", choices=("workers", "streams"))
    given = told.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as home, upstream_with(given.streams, Path(home)) as port:
        if given.only != "streams":
            found.append(_workers(Path(home), port, given))
        if given.only != "workers":
            found.append(_streams(Path(home), port, given.streams))
    for one in found:
        print(json.dumps(one))
    return 0 if all(one["met"] for one in found) else 1


@contextmanager
def upstream_with(streams: int, home: Path) -> Iterator[int]:
    """Run the stand-in upstream, with files enough for all *streams* at the gateway's two sides."""
    need = 2 * streams + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # only root may ask for more than it was given
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), max(hard, need)))
    raise_file_limit()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < need:
        print(f"{need} open files are needed: ulimit -n {need}", file=sys.stderr)
    with upstream(home) as port:
        yield port


def _config(port: int) -> dict[str, object]:
    config = json.loads(json.dumps(bench_config(port)))
    for target in config["targets"].values():
        target["max_concurrency"] = 100_000
    return dict(config)


def _workers(home: Path, port: int, given: argparse.Namespace) -> dict[str, object]:
    """
    Compare one worker with two, in rounds that take turns; two gateways that share nothing, too.

    What these two cost more than one is the machine's share: smaller batches, and caches.
    """
    line, workload = GATEWAY.replace("--workers 1", "--workers 2"), workloads()[given.workload]
    config, ratios = _config(port), list[float]()
    costs: dict[str, list[float]] = {"one": [], "two": [], "apart": []}
    with ExitStack() as stack:
        one, left, right = (
            stack.enter_context(gateway(home / name, config)) for name in ("one", "left", "right")
        )
        two = stack.enter_context(gateway(home / "two", config, line))
        for number in range(given.rounds + 1):
            busiest: dict[str, float] = {}
            for name, subjects in (("one", (one,)), ("two", (two,)), ("apart", (left, right))):
                spent = _pressed(subjects, workload, given.requests)
                busiest[name] = max(spent)
                if number:  # the first one warms up
                    costs[name].append(sum(spent) * 1000 / given.requests)
            if number:
                ratios.append(busiest["one"] / busiest["two"])
    carried, cost = median(ratios), {name: median(found) for name, found in costs.items()}
    return {
        "what": "two workers carry, times one",
        "carried": round(carried, 2),
        "rounds": [round(ratio, 2) for ratio in ratios],
        "cpu_ms_one": round(cost["one"], 3),
        "cpu_ms_two": round(cost["two"], 3),
        "cpu_ms_two_gateways": round(cost["apart"], 3),
        "dearer": round(cost["two"] / cost["one"], 2),
        "dearer_than_two_gateways": round(cost["two"] / cost["apart"], 2),
        "at_least": CARRIED,
        "met": carried >= CARRIED,
    }


def _pressed(subjects: tuple[Subject, ...], workload: Workload, requests: int) -> list[float]:
    """Return the CPU seconds of each process; several subjects have their shares at once."""
    for subject in subjects:
        settle(subject)
    before = {pid: spent for subject in subjects for pid, spent in _each(subject).items()}
    share, part = requests // len(subjects), workload.connections // len(subjects)
    mine = replace(workload, connections=part)
    with ThreadPoolExecutor(len(subjects)) as callers:
        list(callers.map(lambda subject: press(subject, mine, share, 300), subjects))
    for subject in subjects:
        settle(subject)
    after = {pid: spent for subject in subjects for pid, spent in _each(subject).items()}
    return [spent - before[pid] for pid, spent in after.items()]


def _told(lines: str) -> dict[str, object]:
    """Return what the load generator said last."""
    report: dict[str, object] = json.loads((lines.strip() or "{}").splitlines()[-1])
    return {"answered": 0, "wrong": "it ended without a word"} | report


def _each(subject: Subject) -> dict[int, float]:
    """Return the CPU seconds of every process of *subject*, its parent and hub included."""
    children = Path(f"/proc/{subject.pid}/task/{subject.pid}/children").read_text().split()
    apart = {int(pid): cpu_seconds(int(pid)) for pid in children}
    return {**apart, subject.pid: cpu_seconds(subject.pid) - sum(apart.values())}


def _streams(home: Path, port: int, count: int) -> dict[str, object]:
    """Open *count* streams at one worker, and weigh it."""
    with gateway(home / "streams", _config(port)) as subject:
        settle(subject)
        idle = rss_megabytes(subject.pid)
        line = [*load_line(subject, idle_stream(), count, 300.0), "--hold"]
        line[line.index("--connections") + 1] = str(count)
        pipe = subprocess.PIPE
        environ = load_environment()
        with subprocess.Popen(line, env=environ, stdin=pipe, stdout=pipe, text=True) as holder:
            assert holder.stdout is not None
            try:
                check(_told(holder.stdout.readline()), count, subject)
                settle(subject)
                held = rss_megabytes(subject.pid)
                rest, _ = holder.communicate(timeout=60)
                check(_told(rest), count, subject)
            finally:
                holder.kill()
    return {
        "what": f"{count:,} open silent streams, one worker, MB",
        "idle_mb": round(idle, 1),
        "held_mb": round(held, 1),
        "kb_a_stream": round((held - idle) * 1000 / count, 1),
        "at_most": WEIGHT,
        "met": held <= WEIGHT,
    }


if __name__ == "__main__":
    sys.exit(main())
