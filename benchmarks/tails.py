"""
What late requests wait for: the slowest of an open loop at half load, taken apart.

    python -m benchmarks.tails

Everything is seen from outside: of each thread the kernel says how long it ran, how long it stood
in the queue for a core (`schedstat`), and in which call it sleeps (`syscall`). The loop's thread
sleeps in `epoll` while it has nothing to do, in `futex` while another thread holds the interpreter.
"""

import argparse
import os
import tempfile
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from time import monotonic, sleep

from benchmarks.houses import altered
from benchmarks.latency import carried
from benchmarks.measure import Plan, press, settle
from benchmarks.subjects import (
    GATEWAY,
    Subject,
    bench_config,
    find_nginx,
    gateway,
    nginx,
    upstream,
)
from benchmarks.threads import names
from benchmarks.workloads import workloads

LOOK = 0.001
"""Seconds from one look at the threads to the next."""
LATE = 100
"""One of so many requests is taken apart: the slowest."""
SECONDS = 6.0
"""Of one round."""
ROUNDS = 5
LOOP = "MainThread"

_FUTEX = b"202 "  # of /proc/*/syscall on x86-64; elsewhere such waits are told as idleness


type Span = tuple[float, float]
"""From when to when a request took, in seconds of the monotonic clock."""


@dataclass(slots=True)
class Looks:
    """Of one thread: milliseconds that it had run and queued so far; if it slept in `futex`."""

    ran: list[float] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)
    locked: list[bool] = field(default_factory=list)


class Sampler(threading.Thread):
    """Looks at threads until it is told to stop."""

    def __init__(self, threads: Mapping[str, Path]) -> None:
        super().__init__(daemon=True)
        self.at: list[float] = []
        self.looks = {name: Looks() for name in threads}
        self._threads = threads
        self._over = threading.Event()

    def run(self) -> None:
        """Look."""
        with ExitStack() as stack:
            files = [
                (
                    self.looks[name],
                    stack.enter_context((task / "schedstat").open("rb")).fileno(),
                    stack.enter_context((task / "syscall").open("rb")).fileno(),
                )
                for name, task in self._threads.items()
            ]
            while not self._over.is_set():
                self.at.append(monotonic())
                for looks, schedule, call in files:
                    ran, queued, _ = os.pread(schedule, 99, 0).split()
                    looks.ran.append(int(ran) / 1e6)
                    looks.queued.append(int(queued) / 1e6)
                    looks.locked.append(os.pread(call, 9, 0).startswith(_FUTEX))
                sleep(LOOK)

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()


@dataclass(frozen=True, slots=True)
class Waits:
    """
    Milliseconds of late requests, on average: how long they took, and where that went.

    `worked`: the loop's thread ran. `queued`: it stood in the queue for a core. `locked`: it waited
    for the interpreter, which another thread held; `behind`: of these, while a thread of ours stood
    in the queue. `idle`: it had nothing to do; upstream or load had the request.
    """

    took: float
    worked: float
    queued: float
    locked: float
    behind: float
    idle: float
    others: Mapping[str, float]  # what other threads ran meanwhile


PARTS = ("took", "worked", "queued", "locked", "behind", "idle")


def together(rows: Sequence[Waits], by: Callable[[Iterator[float]], float]) -> Waits:
    """Return *rows* as one, each of whose parts is taken *by* mean or median."""
    ran = {name: by(row.others.get(name, 0.0) for row in rows) for name in rows[0].others}
    return Waits(*(by(getattr(row, part) for row in rows) for part in PARTS), others=ran)


def taken_apart(spans: Sequence[Span], seen: Sampler) -> Waits:
    """Return what became of *spans*, on average."""
    return together([_one(began, ended, seen) for began, ended in spans], mean)


def _one(began: float, ended: float, seen: Sampler) -> Waits:
    first = max(0, bisect_right(seen.at, began) - 1)
    last = min(len(seen.at) - 1, max(first + 1, bisect_left(seen.at, ended)))
    # Looks do not fall on the ends of a request: what is between them is shared out.
    share = (ended - began) / (seen.at[last] - seen.at[first])
    others = {name: looks for name, looks in seen.looks.items() if name != LOOP}
    locked = behind = 0.0
    for at in range(first, last):
        part = _locked(seen, at)
        locked += part
        behind += min(part, sum(_grown(looks.queued, at, at + 1) for looks in others.values()))
    took, ours = (ended - began) * 1000, seen.looks[LOOP]
    worked, queued = (_grown(times, first, last) * share for times in (ours.ran, ours.queued))
    ran = {name: _grown(looks.ran, first, last) * share for name, looks in others.items()}
    idle = max(0.0, took - worked - queued - locked * share)
    return Waits(took, worked, queued, locked * share, behind * share, idle, ran)


def _locked(seen: Sampler, at: int) -> float:
    """Return for how many milliseconds the loop slept in `futex` between two looks."""
    ours, took = seen.looks[LOOP], (seen.at[at + 1] - seen.at[at]) * 1000
    slept = took - _grown(ours.ran, at, at + 1) - _grown(ours.queued, at, at + 1)
    return max(0.0, slept) * (ours.locked[at] + ours.locked[at + 1]) / 2


def _grown(times: Sequence[float], first: int, last: int) -> float:
    return times[last] - times[first]


@dataclass(slots=True)
class Found:
    """Of one subject: milliseconds of each round, and of a gateway what the latest waited for."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    late: list[Waits] = field(default_factory=list)
    usual: list[Waits] = field(default_factory=list)


def one_round(subject: Subject, rate: float, threads: Mapping[str, Path], found: Found) -> None:
    """Ask *subject* at *rate*, and look at its *threads* meanwhile, if there are any."""
    seen = Sampler(threads)
    seen.start()
    count = round(rate * SECONDS)
    try:
        report = press(
            subject, workloads()["2kb"], count, Plan().seconds, "--rate", str(rate), "--times"
        )
    finally:
        seen.stop()
    took, ended = report["took_ms"], report["ended_ms"]
    assert isinstance(took, list)
    assert isinstance(ended, list)
    spans = [((end - some) / 1000, end / 1000) for some, end in zip(took, ended, strict=True)]
    spans.sort(key=lambda span: span[0] - span[1])
    found.p50.append(sorted(took)[count // 2])
    found.p99.append(sorted(took)[count * 99 // 100])
    if threads:
        found.late.append(taken_apart(spans[: count // LATE], seen))
        middle = slice(count // 2 - count // LATE, count // 2 + count // LATE)
        found.usual.append(taken_apart(spans[middle], seen))


def threads_of(subject: Subject) -> dict[str, Path]:
    """Return where the kernel speaks of the threads of a gateway, by their names."""
    task = Path(f"/proc/{subject.pid}/task")
    found: dict[str, Path] = {}
    for thread, name in names(subject).items():
        found[f"{name} ({thread})" if name in found else name] = task / str(thread)
    return found


def measured(home: Path, rounds: int) -> tuple[float, dict[str, Found]]:
    """Return the rate that was asked, and what was found of each subject."""
    with ExitStack() as stack:
        port = stack.enter_context(upstream(home))
        lines = {"gateway": GATEWAY} | {"unrecorded": altered("unrecorded")}
        subjects = {
            name: stack.enter_context(gateway(home / name, bench_config(port), line))
            for name, line in lines.items()
        }
        if binary := find_nginx():
            subjects["nginx"] = stack.enter_context(nginx(home / "nginx", binary, port))
        looked_at = {name: threads_of(subjects[name]) for name in lines}
        subjects["upstream"] = Subject("upstream", port, 0)
        work, plan, found = workloads()["2kb"], Plan(), {name: Found() for name in subjects}
        for subject in subjects.values():
            press(subject, work, plan.count(work, plan.share / 4), plan.seconds)
        rate = carried(subjects["gateway"], work, plan) / 2
        for _ in range(rounds):
            for name, subject in subjects.items():
                if name in lines:
                    settle(subject)
                one_round(subject, rate, looked_at.get(name, {}), found[name])
    return rate, found


def told(found: Mapping[str, Found]) -> str:
    """Return it as tables: medians over the rounds, milliseconds."""
    lines = ["| ms | p50 | p99 |", "|---|---|---|"]
    lines += [f"| {name} | {_ms(one.p50)} | {_ms(one.p99)} |" for name, one in found.items()]
    lines += ["", f"| ms of one request | {' | '.join(PARTS)} |", "|---" * (len(PARTS) + 1) + "|"]
    ran: list[str] = []
    for name, one in found.items():
        for kind, rows in (("slowest 1 %", one.late), ("usual", one.usual)):
            if rows:
                usual = together(rows, median)
                parts = " | ".join(f"{getattr(usual, part):.2f}" for part in PARTS)
                lines.append(f"| {name}, {kind} | {parts} |")
        if one.late:
            most = sorted(together(one.late, median).others.items(), key=lambda part: -part[1])
            said = ", ".join(f"{thread} {took:.2f}" for thread, took in most[:5] if took >= 0.01)
            ran.append(f"{name}: in the slowest ran meanwhile: {said or 'nobody else'}")
    return "\n".join([*lines, "", *ran])


def _ms(times: Sequence[float]) -> str:
    return f"{median(times):.2f} ({min(times):.2f}–{max(times):.2f})"


def main() -> None:
    """Say it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tails", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portico-tails-") as home:
        rate, found = measured(Path(home), chosen.rounds)
    print(f"{rate:.0f} requests a second\n\n{told(found)}")


if __name__ == "__main__":
    main()
