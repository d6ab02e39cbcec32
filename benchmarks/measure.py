"""CPU per request, in interleaved rounds: gateway, nginx, gateway, nginx, …"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from benchmarks.processes import cpu_seconds
from benchmarks.report import Row
from benchmarks.subjects import Subject
from benchmarks.workloads import Workload

ROOT = Path(__file__).resolve().parent.parent

QUIET = 0.3
"""Seconds without a clock tick after which late work is taken to be done."""

_SETTLING = 5.0  # seconds that late work may take at the most


class WrongAnswers(Exception):
    """The load did not get every answer whole: what was measured is not the work."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often and how much: rounds for each subject, and the share of a workload's requests."""

    rounds: int = 5
    share: float = 1.0
    seconds: float = 120.0

    def count(self, workload: Workload, share: float | None = None) -> int:
        """Return how many requests one round of *workload* makes."""
        return max(1, round(workload.requests * (share or self.share)))


QUICK = Plan(rounds=2, share=0.15)


def load_line(via: Subject, workload: Workload, count: int, seconds: float) -> list[str]:
    """Return the command line of the load generator."""
    return [
        *(sys.executable, "-m", "benchmarks.load", "--port", str(via.port)),
        *("--via", via.name, "--workload", workload.name),
        *("--count", str(count), "--connections", str(workload.connections)),
        *("--seconds", str(seconds)),
    ]


def load_environment() -> dict[str, str]:
    """Return an environment in which the load generator is found."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def press(
    via: Subject, workload: Workload, count: int, seconds: float, *options: str
) -> dict[str, object]:
    """
    Run the load, with more *options* if need be, and return its report.

    Raises:
        WrongAnswers: with what was wrong, and how often.
    """
    done = subprocess.run(
        [*load_line(via, workload, count, seconds), *options],
        env=load_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    if done.returncode:
        raise WrongAnswers(f"the load generator failed: {done.stderr.strip()[-500:]}")
    report: dict[str, object] = json.loads(done.stdout)
    check(report, count, via)
    return report


def check(report: dict[str, object], count: int, via: Subject) -> None:
    """Raise WrongAnswers unless all *count* answers of *report* came whole."""
    if report["answered"] != count or report["wrong"]:
        raise WrongAnswers(f"{via.name}: {report['answered']} of {count} whole; {report['wrong']}")


def measured(workload: Workload, subjects: Sequence[Subject], plan: Plan) -> Row:
    """Return the row of *workload*: CPU milliseconds a request, a sample for each round."""
    samples: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    latency: dict[str, object] = {}
    trouble = ""
    try:
        for subject in subjects:
            press(subject, workload, plan.count(workload, plan.share / 10), plan.seconds)
        for _ in range(plan.rounds):
            for subject in subjects:
                cost, report = one_round(subject, workload, plan)
                samples[subject.name].append(cost)
                latency[subject.name] = {key: report[key] for key in ("p50_ms", "p99_ms")}
    except (WrongAnswers, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    return Row(
        workload.name,
        workload.says,
        "CPU ms",
        samples.get("gateway", ()),
        samples.get("nginx", ()),
        workload.limit,
        trouble,
        {"last_round_latency": latency},
        workload.aim,
    )


def one_round(subject: Subject, workload: Workload, plan: Plan) -> tuple[float, dict[str, object]]:
    """Return CPU milliseconds a request, and the load's report."""
    count = plan.count(workload)
    settle(subject)
    before = cpu_seconds(subject.pid)
    report = press(subject, workload, count, plan.seconds)
    settle(subject)  # what is recorded after the answer belongs to the request
    return (cpu_seconds(subject.pid) - before) * 1000 / count, report


def settle(subject: Subject) -> None:
    """Return when *subject* has done its late work: no clock tick for a while."""
    until = monotonic() + _SETTLING
    last = cpu_seconds(subject.pid)
    while monotonic() < until:
        sleep(QUIET)
        now = cpu_seconds(subject.pid)
        if now == last:
            return
        last = now
