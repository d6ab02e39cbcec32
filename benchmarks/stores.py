"""
What stores cost the gateway: python -m benchmarks.stores cpu | outage | search

`cpu` compares Postgres and MongoDB with the embedded stores: processor time of the gateway alone, a
request, in turns. `outage` freezes Postgres (SIGSTOP: it takes connections and never answers) and
tells what that adds to answers until the breaker opens, and after. `search` searches a hundred
thousand vectors in the embedded memory. Wall times mean something only where nobody else works.
"""

import argparse
import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scripts.services import mongo, postgres

from benchmarks.ledger import server
from benchmarks.measure import Plan, one_round, press
from benchmarks.subjects import Subject, bench_config, gateway, upstream
from benchmarks.workloads import workloads
from portico.access.keyring import Keyring
from portico.access.postgres import open_postgres
from portico.memory.base import EVERYBODY, PICTURE, TEXT, Point, Space, ident
from portico.memory.local import open_local
from portico.vision import likeness

POINTS, MEANT = 100_000, 1_024
ROUNDS = 5
WORDS = [f"word{number}" for number in range(5_000)]
OFTEN = (1 / np.arange(20, 5_020)) / (1 / np.arange(20, 5_020)).sum()
"""How often a word is said: as in speech, the next more seldom than the one before."""


@contextmanager
def documents() -> Iterator[str]:
    """Give the URL of what stands in for MongoDB."""
    process, url = mongo.launched()
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def cpu() -> None:
    """Print the gateway's processor time a request with either kind of stores, in turns."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        tables = stack.enter_context(server(home / "postgres"))
        real = {"ledger": tables, "traces": stack.enter_context(documents())}
        port = stack.enter_context(upstream(home))
        subjects = {
            name: stack.enter_context(gateway(home / name, bench_config(port) | more))
            for name, more in (("embedded", {}), ("real", {"stores": real}))
        }
        for name in ("2kb", "burst"):
            compare(name, subjects)


def compare(name: str, subjects: dict[str, Subject]) -> None:
    """Print one workload's costs."""
    workload, plan = workloads()[name], Plan(rounds=ROUNDS, share=0.5)
    for subject in subjects.values():
        press(subject, workload, plan.count(workload, 0.1), 120)
    costs: dict[str, list[float]] = {which: [] for which in subjects}
    for _ in range(ROUNDS):
        for which, subject in subjects.items():
            costs[which].append(one_round(subject, workload, plan)[0])
    medians = {which: statistics.median(found) for which, found in costs.items()}
    for which, found in costs.items():
        each = " ".join(f"{cost:.3f}" for cost in found)
        print(f"{name:<6} {which:<9} {medians[which]:.3f} CPU ms a request ({each})")
    print(f"{name:<6} real / embedded {medians['real'] / medians['embedded']:.2f}")


def outage(rate: float) -> None:
    """Print how long answers take before, while the breaker finds out, after, and at the end."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        tables = stack.enter_context(server(home / "postgres"))
        port = stack.enter_context(upstream(home))
        config = bench_config(port) | {"stores": {"ledger": tables}, "access": {"required": True}}
        served = stack.enter_context(gateway(home / "served", config))
        bearer = asyncio.run(key(tables, home / "served" / ".portico"))
        time.sleep(5)  # it looks for new keys now and then
        ask(served, "before", rate, 10, bearer)
        with frozen(home / "postgres"):
            ask(served, "in the first two seconds", rate, 2, bearer)
            time.sleep(3)
            ask(served, "after that", rate, 10, bearer)
        ask(served, "when it is back", rate, 10, bearer)


async def key(url: str, home: Path) -> str:
    """Make a key for the gateway in *home*."""
    async with open_postgres(url) as store:
        return (await Keyring(store, home / "secret").issue("bench")).text


def ask(via: Subject, when: str, rate: float, seconds: float, bearer: str) -> None:
    """Print how long answers take at a steady rate."""
    more = ("--rate", f"{rate:g}", "--times", "--header", f"authorization: Bearer {bearer}")
    report = press(via, workloads()["2kb"], round(rate * seconds), seconds + 30, *more)
    took = report["took_ms"]
    assert isinstance(took, list)
    p50, p95, most = (float(np.percentile(took, part)) for part in (50, 95, 100))
    print(f"{when:<26} p50 {p50:6.1f}  p95 {p95:6.1f}  most {most:6.1f} ms ({len(took)} answers)")


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Let the Postgres of *folder* take connections and never answer."""
    data = str(Path(postgres._note(folder)["home"], "data"))
    (head,) = [pid for pid, line in _processes() if data in line and "postgres" in line]
    every = [head, *(pid for pid, _ in _processes() if _parent(pid) == head)]
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in every:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _processes() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(folder.name), (folder / "cmdline").read_bytes().decode("utf-8", "replace")


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


async def search(count: int) -> None:
    """Print how long one question's three searches take over *count* screens."""
    spaces = {TEXT: Space(MEANT, "bench"), PICTURE: Space(likeness.DIMENSIONS, likeness.MADE_BY)}
    chance = np.random.default_rng(7)
    with TemporaryDirectory() as folder:
        async with open_local(Path(folder), spaces) as memory:
            for first in range(0, count, 1_000):
                await memory.put([point(first + n, chance) for n in range(1_000)])
            took: dict[str, list[float]] = {
                "near": [],
                "words": [],
                "likeness": [],
                "all three": [],
            }
            for _ in range(60):
                began = time.perf_counter()
                await memory.near(TEXT, unit(chance, MEANT), "anna", 100)
                after = time.perf_counter()
                await memory.worded(list(chance.choice(WORDS, 3, p=OFTEN)), "anna", 100)
                later = time.perf_counter()
                await memory.near(PICTURE, unit(chance, likeness.DIMENSIONS), "anna", 100)
                end = time.perf_counter()
                spans = (after - began, later - after, end - later, end - began)
                for name, span in zip(took, spans, strict=True):
                    took[name].append(span * 1000)
    for name, found in took.items():
        p50, p95 = (float(np.percentile(found[5:], part)) for part in (50, 95))
        print(f"{name:<10} p50 {p50:6.1f}  p95 {p95:6.1f} ms over {count} screens")


def point(number: int, chance: np.random.Generator) -> Point:
    """Return a screen that half of the lab may see."""
    said = " ".join(chance.choice(WORDS, 12, p=OFTEN))
    readers = frozenset({EVERYBODY} if number % 2 else {"anna", "bert"})
    vectors = {TEXT: unit(chance, MEANT), PICTURE: unit(chance, likeness.DIMENSIONS)}
    return Point(
        id=ident(f"art_{number}", "req"),
        artifact=f"art_{number}",
        chat="req",
        at=float(number),
        readers=readers,
        text=f"{said} {number}",
        looks="00ff",
        vectors=vectors,
    )


def unit(chance: np.random.Generator, size: int) -> list[float]:
    """Return a direction."""
    numbers = chance.standard_normal(size).astype(np.float32)
    found: list[float] = (numbers / np.linalg.norm(numbers)).tolist()
    return found


def main() -> None:
    """Measure what is asked for."""
    told = argparse.ArgumentParser(prog="python -m benchmarks.stores", description=__doc__)
    told.add_argument("what", choices=("cpu", "outage", "search"))
    told.add_argument("--rate", type=float, default=50.0, help="of an outage, requests a second")
    told.add_argument("--points", type=int, default=POINTS)
    chosen = told.parse_args()
    if chosen.what == "search":
        asyncio.run(search(chosen.points))
    elif chosen.what == "outage":
        outage(chosen.rate)
    else:
        cpu()


if __name__ == "__main__":
    main()
