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
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from benchmarks.measure import check, load_environment, load_line, press, settle
from benchmarks.processes import cpu_seconds, raise_file_limit, rss_megabytes
from benchmarks.subjects import GATEWAY, Subject, bench_config, gateway, upstream
from benchmarks.workloads import idle_stream, workloads

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
    """Compare one worker with two, in rounds that take turns."""
    two = GATEWAY.replace("--workers 1", "--workers 2")
    workload, config = workloads()[given.workload], _config(port)
    ratios: list[float] = []
    costs: dict[str, list[float]] = {"one": [], "two": []}
    with (
        gateway(home / "one", config) as single,
        gateway(home / "two", config, two) as double,
    ):
        for number in range(given.rounds + 1):
            busiest: dict[str, float] = {}
            for name, subject in (("one", single), ("two", double)):
                before = _each(subject)
                press(subject, workload, given.requests, 300)
                settle(subject)
                spent = [after - before[pid] for pid, after in _each(subject).items()]
                busiest[name] = max(spent)
                if number:  # the first one warms up
                    costs[name].append(sum(spent) * 1000 / given.requests)
            if number:
                ratios.append(busiest["one"] / busiest["two"])
    carried = median(ratios)
    return {
        "what": "two workers carry, times one",
        "carried": round(carried, 2),
        "rounds": [round(ratio, 2) for ratio in ratios],
        "cpu_ms_one": round(median(costs["one"]), 3),
        "cpu_ms_two": round(median(costs["two"]), 3),
        "at_least": CARRIED,
        "met": carried >= CARRIED,
    }


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
