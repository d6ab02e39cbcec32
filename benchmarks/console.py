"""
What the console costs: pages over 100,000 requests, and the live view at 200 requests a second.

    python -m benchmarks.console

Page times are the server's, asked over loopback, and the first paint of a headless chromium where
there is one. The live view's price is processor time of the gateway, with somebody looking on and
without, in turn.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.painting import paints, watching
from portico.ledger.base import AttemptRow, RequestRow
from portico.ledger.sqlite import open_sqlite

TARGETS = ("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder")
ROLES = ("design", "vision", "code", "devops", "background")
RATE = 200
"""Requests a second that the live view shows."""
TICK = os.sysconf("SC_CLK_TCK")


def row(number: int, now: float, chance: random.Random) -> RequestRow:
    """Return a request of the last week; one in twenty failed once on the way."""
    started = now - 7 * 86_400 * (1 - number / 100_000)
    target, role = chance.choice(TARGETS), chance.choice(ROLES)
    wait = chance.lognormvariate(0, 0.6)
    kinds = [None] if number % 20 else ["rate_limited", None]
    attempts = tuple(
        AttemptRow(
            id=f"a{number}-{index}",
            target=target,
            upstream="siliconflow",
            model="m",
            tier=2,
            egress="direct",
            started=index * 0.2,
            took=wait + 1,
            first_delta=None if kind else wait,
            outcome="failed" if kind else "answered",
            kind=kind,
            input=None if kind else 1_000,
            output=None if kind else 200,
            cost_usd=None if kind else "0.00045",
        )
        for index, kind in enumerate(kinds)
    )
    return RequestRow(
        id=f"req_{number:020}",
        started=started,
        took=wait + 1.2,
        asked="auto",
        role=role,
        decided_by="word refactor*",
        caller="key_0123456789abcdef",
        task="title_generation" if number % 7 == 0 else None,
        modalities=("image", "text") if number % 3 == 0 else ("text",),
        outcome="answered",
        status=200,
        target=target,
        first_delta=wait,
        attempts=attempts,
    )


async def seed(file: Path, count: int) -> None:
    """Fill a ledger."""
    chance, now = random.Random(7), time.time()
    async with open_sqlite(file) as store:
        for first in range(0, count, 2_000):
            await store.append([row(n, now, chance) for n in range(first, first + 2_000)])


@contextmanager
def gateway(home: Path) -> Iterator[tuple[str, int]]:
    """Run `portico up` over *home*; give its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**os.environ, "PORTICO_HOME": str(home)}
    for name in ("GEMINI_API_KEY", "SILICONFLOW_API_KEY"):
        environ.pop(name, None)
    command = [sys.executable, "-m", "portico.cli", "up", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{url}/healthz", trust_env=False).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield url, process.pid
        finally:
            process.send_signal(signal.SIGINT)


def pages(url: str, pid: int, rounds: int) -> None:
    """Print what the pages take."""
    paths = {
        "Requests, first page": "/console/requests",
        "Requests, one role": "/console/requests?role=code",
        "Requests, a failure on the way": "/console/requests?kind=rate_limited",
        "Requests, a failure that never was": "/console/requests?kind=region",
        "Requests, with a picture, degraded": "/console/requests?modality=image&degraded=yes",
        "Requests, a task and a target": "/console/requests?task=title_generation&target=qwen-vl",
        "Requests, whose fault, none was": "/console/requests?source=gateway",
        "Requests, one person": "/console/requests?person=nobody",
        "Requests, thumbs": "/console/requests?thumb=down",
        "Requests, the 20th page": "",
        "Now": "/console",
        "Charts, 24 h": "/console/charts?span=24+h",
        "Charts, 7 d": "/console/charts?span=7+d",
    }
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.get("/console/requests")
        deep = "/console/requests"
        for _ in range(19):
            text = client.get(deep).text
            deep = text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        paths["Requests, the 20th page"] = deep
        print(f"{'page':<38}{'CPU ms':>10}{'least ms':>10}{'median':>8}")
        for name, path in paths.items():
            took, before = [], spent(pid)
            for _ in range(rounds):
                began = time.perf_counter()
                client.get(path).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)
            cpu = (spent(pid) - before) / rounds * 1000
            print(f"{name:<38}{cpu:>10.1f}{min(took):>10.1f}{statistics.median(took):>8.1f}")


def spent(pid: int) -> float:
    """Return the processor seconds that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def load(url: str, rate: int, seconds: float) -> int:
    """Ask *rate* times a second; give how many were answered."""
    body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    limits = httpx.Limits(max_connections=64)
    answered = 0

    async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) as client:

        async def ask() -> None:
            nonlocal answered
            answer = await client.post("/v1/chat/completions", json=body)
            answered += answer.status_code == 200

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(began + number / rate - time.monotonic(), 0))
                group.create_task(ask())
    return answered


async def look(url: str, told: dict[str, int]) -> None:
    """Look on; count events and requests."""
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=None) as client,
        client.stream("GET", "/console/live") as live,
    ):
        async for line in live.aiter_lines():
            if line.startswith("data: "):
                told["events"] += 1
                told["requests"] += json.loads(line[6:]).get("ended", 0)


async def settled(pid: int) -> None:
    """Wait until the gateway has done what it put off: rows, traces, notes."""
    before = spent(pid)
    while True:
        await asyncio.sleep(1)
        after = spent(pid)
        if after - before < 0.05:
            return
        before = after


async def cost(url: str, pid: int, seconds: float, onlookers: int, told: dict[str, int]) -> float:
    """Return the percent of a core that the load takes, all that is put off included."""
    await settled(pid)
    looking = [asyncio.create_task(look(url, told)) for _ in range(onlookers)]
    await asyncio.sleep(0.5)
    before = spent(pid)
    told["asked"] += await load(url, RATE, seconds) * bool(onlookers)
    await settled(pid)
    took = (spent(pid) - before) / seconds * 100
    for one in looking:
        one.cancel()
    await asyncio.gather(*looking, return_exceptions=True)
    return took


async def live(url: str, pid: int, rounds: int, seconds: float) -> None:
    """Print what looking on costs the gateway: for one, and for eight at once."""
    crowds: dict[int, list[float]] = {0: [], 1: [], 8: []}
    told = {"events": 0, "requests": 0, "asked": 0}
    await load(url, RATE, 3)
    order = list(crowds)
    for _ in range(rounds):
        for onlookers in order:
            crowds[onlookers].append(await cost(url, pid, seconds, onlookers, told))
        order = order[1:] + order[:1]  # nobody is always the first
    plain = statistics.median(crowds.pop(0))
    print(f"\nat {RATE} requests/s the gateway takes {plain:.1f} % of a core")
    for onlookers, took in crowds.items():
        middle = statistics.median(took)
        print(f"with {onlookers} looking on {middle:.1f} %: {middle - plain:+.1f} points")
    print(
        f"{told['asked']} requests were asked, {told['requests']} told in {told['events']} events"
    )


def frames(url: str, seconds: float) -> None:
    """Print how a browser that looks on keeps up."""
    pages = {"a page that nothing changes": "/console/tiers", "the live view": "/console"}
    for what, path in pages.items():
        # The browser's own loop runs in this thread.
        with watching(url + path, what), ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, load(url, RATE, seconds)).result()


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("pages", "paints", "live", "frames"))
    parser.add_argument("--seconds", type=float, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        asyncio.run(seed(home / "ledger.db", given.count))
        with gateway(home) as (url, pid):
            parts = {
                "pages": lambda: pages(url, pid, given.rounds),
                "paints": lambda: paints(url, given.rounds),
                "live": lambda: asyncio.run(live(url, pid, 3, given.seconds)),
                "frames": lambda: frames(url, given.seconds),
            }
            for name, part in parts.items():
                if given.only in (None, name):
                    part()


if __name__ == "__main__":
    main()
