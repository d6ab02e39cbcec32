"""
Many requests at once while a third of all upstream calls fails at random: `make soak`.

    python -m scripts.soak [--requests 10000] [--in-flight 200] [--seed 1]
    python -m scripts.soak --requests 2000000 [--seconds 36000]   # a day's, or a night long
    python -m scripts.soak --memory [--requests 50000] [--warm-up 25000]

The gateway and the upstreams are processes of their own. Every answer is read strictly: it is
exactly what was asked for, or an honest error. With `--memory` all requests are streamed, and the
gateway's resident memory is sampled after every tenth of them. Without it requests are mixed, and
memory, open files and threads of the gateway's whole tree are sampled after every hundredth; each
sample is a line on the error stream, so that a run that is stopped has told what it saw. With
`--seconds` no further hundredth is begun after so long.

Exits 1 if anything was mixed, was cut and looked complete, or was lost; if the gateway logged a
fault of its own; or if memory is not within 10 % of what it was after the warm-up (in a mixed run
of 100,000 or more: after a quarter of it). By then SQLite's page caches are full (2 MB for each
connection), and Python has what its busiest moment takes: see `docs/resilience-soak.md`.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import uvloop
import yaml
from benchmarks.processes import (
    Command,
    cpu_seconds,
    free_port,
    raise_file_limit,
    rss_megabytes,
    running,
    tree,
    wait_until_serving,
)
from tests.chaos.replies import Reply, bare, envelope_faults, read
from tests.serving import PNG, config

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.paths import Direct
from portico.egress.pool import Pool

WORDS = 24
ROLES = ("code", "design", "devops", "auto", "background", "vision")
CLOCK = 120.0
"""Seconds that no request may take."""

_LONG = 100_000  # requests from which memory is judged in a mixed run

SETTLING = 1.0
"""Seconds for the ledger to take what is recorded after an answer."""

PATIENCE = {"connect": 5, "first_delta": 2, "idle": 2, "total": 3}
BREAKER = {"failures": 100_000, "recovery": 1, "max_recovery": 1}
"""Never opens: this is about failing over; `tests/chaos` has breakers that open."""

TARGETS = ("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder")
WRONG = ("mixed", "cut, looks complete", "lost")
FAULT = re.compile(r"Traceback|never retrieved|Exception in|Unhandled")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many requests, how many of them at once, and whether all of them are streamed."""

    requests: int
    in_flight: int
    streamed: bool = False
    seconds: float = float("inf")


@dataclass(slots=True)
class Tally:
    """What came of the requests."""

    came: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    attempts: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, what: str, number: int, reply: Reply | None) -> None:
        """Count one request; keep a few that went wrong."""
        self.came[what] += 1
        if reply is not None and reply.error:
            self.codes[reply.error["code"]] += 1
        if what in WRONG and len(self.examples) < 5:
            self.examples.append(f"{what}: request {number}: {reply and reply.events[-2:]}")

    @property
    def asked(self) -> int:
        """How many requests there have been."""
        return self.came.total()

    def quantile(self, share: float) -> float:
        """Return the seconds within which that *share* of the requests was over."""
        took = sorted(self.took)
        return took[min(int(share * len(took)), len(took) - 1)]


def text_of(number: int) -> str:
    """Return the text that request *number* wants said: no other request has a word of it."""
    return " ".join(f"r{number}w{index}" for index in range(WORDS))


def body_of(number: int, *, streamed: bool) -> bytes:
    """Return the body of request *number*; every tenth has a picture, every fourth is whole."""
    content: Any = f"SAY: {text_of(number)}"
    if number % 10 == 0:
        link = {"type": "image_url", "image_url": {"url": PNG}}
        content = [{"type": "text", "text": content}, link]
    role = ROLES[number % len(ROLES)]
    body = {"model": role, "messages": [{"role": "user", "content": content}]}
    return json.dumps(body | {"stream": streamed or number % 4 != 0}).encode()


def judge(reply: Reply, number: int) -> str:
    """Say what *reply* to request *number* is: `answered`, `honest error`, or one of WRONG."""
    if reply.complaints:
        return "lost"
    said, wanted = "".join(one.text for one in reply.spoken().values()), text_of(number)
    heard = bare(said)
    if any(word not in wanted.split() for word in said.split()[:-1]):
        return "mixed"
    if reply.complete:
        if heard == bare(wanted):
            return "answered"
        return "cut, looks complete" if bare(wanted).startswith(heard) else "mixed"
    if not bare(wanted).startswith(heard):
        return "mixed"
    return "lost" if envelope_faults(reply) else "honest error"


class Load:
    """The callers: so many at once, each with the next request as soon as it has an answer."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._client = Pool(Direct())
        self._next = 0

    async def press(self, plan: Plan, tally: Tally) -> None:
        """Make *plan*'s requests."""
        last = self._next + plan.requests
        callers = (self._call(last, tally, plan) for _ in range(plan.in_flight))
        await asyncio.gather(*callers)

    async def _call(self, last: int, tally: Tally, plan: Plan) -> None:
        while self._next < last:
            number, self._next = self._next, self._next + 1
            began = perf_counter()
            reply = await self._ask(number, plan)
            tally.took.append(perf_counter() - began)
            tally.note("lost" if reply is None else judge(reply, number), number, reply)

    async def _ask(self, number: int, plan: Plan) -> Reply | None:
        body = body_of(number, streamed=plan.streamed)
        request = HTTPRequest(self._url, {"content-type": "application/json"}, body)
        try:
            async with asyncio.timeout(CLOCK), self._client.send(request) as answer:
                return read(answer.status, answer.headers, await answer.read())
        except (TimeoutError, EgressError, ValueError):
            return None

    async def aclose(self) -> None:
        """Hang up."""
        await self._client.aclose()


@dataclass(frozen=True, slots=True)
class Subject:
    """The gateway under load."""

    pid: int
    port: int
    log: Path

    @property
    def faults(self) -> int:
        """How many faults of its own it has logged."""
        return len(FAULT.findall(self.log.read_text(errors="replace")))


@contextmanager
def subject(home: Path, seed: int) -> Iterator[Subject]:
    """Start upstreams and a gateway that asks them, each in a process of its own."""
    upstreams, port = free_port(), free_port()
    line = [sys.executable, "-m", "scripts.soak_upstreams"]
    line += ["--port", str(upstreams), "--seed", str(seed)]
    root = str(Path(__file__).resolve().parent.parent)
    simulator = Command("upstreams", line, home, {"PYTHONPATH": root})
    quick = {name: {"patience": PATIENCE, "max_concurrency": 512} for name in TARGETS}
    told = config(f"http://127.0.0.1:{upstreams}", targets=quick, breaker=BREAKER)
    told["telemetry"] = {"log": "warning"}
    (home / "portico.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    up = ["-m", "portico.cli", "up", "--config", "portico.yaml", "--port", str(port)]
    gateway = Command("gateway", [sys.executable, *up], home, {"PORTICO_HOME": str(home / "home")})
    with running(simulator) as first:
        wait_until_serving(upstreams, "/_control", simulator, first)
        with running(gateway) as second:
            wait_until_serving(port, "/healthz", gateway, second)
            yield Subject(second.pid, port, gateway.log)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the gateway has after so many requests, all its processes together."""

    asked: int
    rss_mb: float
    files: int
    sockets: int
    threads: int


def sampled(under: Subject, asked: int) -> Sample:
    """Look at the gateway, and say so on the error stream."""
    files = sockets = threads = 0
    for pid in tree(under.pid):
        threads += len(list(Path(f"/proc/{pid}/task").iterdir()))
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                sockets += os.readlink(file).startswith("socket:")
            files += 1
    sample = Sample(asked, round(rss_megabytes(under.pid), 1), files, sockets, threads)
    print(sample, file=sys.stderr, flush=True)
    return sample


async def soak(under: Subject, plan: Plan) -> dict[str, Any]:
    """Make *plan*'s requests and return what came of them."""
    tally, load, samples = Tally(), Load(under.port), list[Sample]()
    before, began = cpu_seconds(under.pid), perf_counter()
    parts = max(1, min(100, plan.requests // 1000))
    for part in range(parts):
        if perf_counter() - began > plan.seconds:
            break
        share = plan.requests * (part + 1) // parts - tally.asked
        await load.press(Plan(share, plan.in_flight), tally)
        await asyncio.sleep(SETTLING)
        samples.append(sampled(under, tally.asked))
    seconds = perf_counter() - began
    spent = cpu_seconds(under.pid) - before
    await load.aclose()
    await asyncio.sleep(SETTLING)
    warm = samples[len(samples) // 4 :]
    return _report(tally, under) | {
        "requests": tally.asked,
        "in_flight": plan.in_flight,
        "seconds": round(seconds, 1),
        "p50_s": round(tally.quantile(0.5), 3),
        "p99_s": round(tally.quantile(0.99), 3),
        "cpu_ms_per_request": round(spent * 1000 / tally.asked, 2),
        "first": asdict(samples[0]),
        "warm": asdict(warm[0]),
        "last": asdict(samples[-1]),
        "when nobody asks": asdict(sampled(under, tally.asked)),
        **({"drift_percent": _drift(warm)} if tally.asked >= _LONG else {}),
    }


def _drift(samples: list[Sample]) -> float:
    first = samples[0].rss_mb
    return round(max(abs(sample.rss_mb / first - 1) for sample in samples) * 100, 1)


async def memory(under: Subject, plan: Plan, warm_up: int) -> dict[str, Any]:
    """Stream *plan*'s requests after a warm-up, and return the memory after each batch."""
    tally, load = Tally(), Load(under.port)
    await load.press(Plan(warm_up, plan.in_flight, streamed=True), tally)
    samples = [await _resident(under)]
    batches = max(1, min(10, plan.requests // 1000))
    for _ in range(batches):
        await load.press(Plan(plan.requests // batches, plan.in_flight, streamed=True), tally)
        samples.append(await _resident(under))
    await load.aclose()
    drift = max(abs(sample / samples[0] - 1) for sample in samples)
    return _report(tally, under) | {
        "warm_up": warm_up,
        "requests": plan.requests,
        "in_flight": plan.in_flight,
        "rss_mb": [round(sample, 1) for sample in samples],
        "drift_percent": round(drift * 100, 1),
    }


async def _resident(under: Subject) -> float:
    await asyncio.sleep(SETTLING)
    return rss_megabytes(under.pid)


def _report(tally: Tally, under: Subject) -> dict[str, Any]:
    came = {what: tally.came[what] for what in ("answered", "honest error", *WRONG)}
    return came | {
        "errors": dict(tally.codes),
        "faults logged": under.faults,
        "examples": tally.examples,
    }


def wrong(report: dict[str, Any]) -> bool:
    """Say whether *report* is one that should not be."""
    broken = any(report[what] for what in WRONG) or report["faults logged"] > 0
    return broken or not report["answered"] or report.get("drift_percent", 0) > 10


def _main(given: argparse.Namespace) -> int:
    raise_file_limit()
    with tempfile.TemporaryDirectory() as folder, subject(Path(folder), given.seed) as under:
        sleep(SETTLING)  # the model lists are read at start
        if given.memory:
            plan = Plan(given.requests or 50_000, given.in_flight)
            report = uvloop.run(memory(under, plan, given.warm_up))
        else:
            limit = given.seconds or float("inf")
            plan = Plan(given.requests or 10_000, given.in_flight, seconds=limit)
            report = uvloop.run(soak(under, plan))
        log = under.log.read_text(errors="replace")
    if given.json:
        print(json.dumps(report))
    else:
        print("\n".join(f"{name:>22}  {value}" for name, value in report.items()))
    if report["faults logged"]:
        print(log[-4000:], file=sys.stderr)
    return int(wrong(report))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--requests", type=int)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--seconds", type=float, help="begin no more after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--warm-up", type=int, default=25_000)
    parser.add_argument("--json", action="store_true")
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(_main(parser.parse_args()))
