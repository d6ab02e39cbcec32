"""
What an HTTP client costs: ours beside httpx and aiohttp, for `docs/decisions/002`.

    python scripts/compare_clients.py [--rounds 5] [--scale 1.0]

CPU milliseconds (user and system time of this process) for one 2 KB request and for one stream of
200 chunks that comes at once, against the benchmarks' upstream in a process of its own. Rounds of
the three clients alternate; the figures are medians, with the least and the most. Every answer is
counted word by word. All run on uvloop, without environment proxies, and parse no JSON.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import httpx
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.answers import SHORT, STREAMED, WORD
from benchmarks.subjects import upstream
from benchmarks.workloads import workloads

from portico.egress.clients import HTTPRequest
from portico.egress.paths import Direct
from portico.egress.pool import Pool

HEADERS = {"content-type": "application/json", "authorization": "Bearer nobody"}
COUNTED = WORD.encode()

type Fetch = Callable[[str], Awaitable[int]]
"""Posts the question to a URL and returns how many words the answer has."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked: of which path, how often, by how many at once, for how many words."""

    name: str
    path: str
    requests: int
    connections: int
    words: int


LOADS = (
    Load("2 KB request", "/v1/chat/completions", 4000, 64, SHORT),
    Load("200-chunk stream, at once", "/burst/chat/completions", 600, 32, STREAMED),
)


class Words:
    """Counts the word in an answer that may be cut anywhere."""

    def __init__(self) -> None:
        self.count = 0
        self._tail = b""

    def add(self, data: bytes) -> None:
        """Count what *data* completes."""
        text = self._tail + data
        self.count += text.count(COUNTED)
        self._tail = text[-(len(COUNTED) - 1) :]


@asynccontextmanager
async def ours(body: bytes) -> AsyncIterator[Fetch]:
    """`portico.egress.pool.Pool` over a direct path."""
    pool = Pool(Direct())

    async def fetch(url: str) -> int:
        words = Words()
        async with pool.send(HTTPRequest(url, HEADERS, body)) as answer:
            async for chunk in answer.chunks():
                words.add(chunk)
        return words.count

    try:
        yield fetch
    finally:
        await pool.aclose()


@asynccontextmanager
async def with_httpx(body: bytes) -> AsyncIterator[Fetch]:
    """httpx, with as many kept connections as are used."""
    limits = httpx.Limits(max_connections=128, max_keepalive_connections=128)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60) as client:

        async def fetch(url: str) -> int:
            words = Words()
            async with client.stream("POST", url, content=body, headers=HEADERS) as answer:
                async for chunk in answer.aiter_raw():
                    words.add(chunk)
            return words.count

        yield fetch


@asynccontextmanager
async def with_aiohttp(body: bytes) -> AsyncIterator[Fetch]:
    """aiohttp, with as many kept connections as are used."""
    connector = aiohttp.TCPConnector(limit=128)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:

        async def fetch(url: str) -> int:
            words = Words()
            async with session.post(url, data=body, headers=HEADERS) as answer:
                async for chunk in answer.content.iter_any():
                    words.add(chunk)
            return words.count

        yield fetch


CLIENTS = {
    "portico": ours,
    f"httpx {httpx.__version__}": with_httpx,
    f"aiohttp {aiohttp.__version__}": with_aiohttp,
}


async def press(fetch: Fetch, base: str, load: Load, requests: int) -> float:
    """Return the CPU milliseconds of one request; a wrong answer raises."""
    left = iter(range(requests))

    async def ask() -> None:
        for _ in left:
            words = await fetch(base + load.path)
            if words != load.words:
                raise SystemExit(f"an answer had {words} of {load.words} words")

    began = _cpu()
    async with asyncio.TaskGroup() as group:
        for _ in range(load.connections):
            group.create_task(ask())
    return (_cpu() - began) * 1000 / requests


def _cpu() -> float:
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def compare(port: int, rounds: int, scale: float) -> None:
    """Print the table."""
    body, base = workloads()["2kb"].plain.body, f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        fetches = {
            name: await stack.enter_async_context(client(body)) for name, client in CLIENTS.items()
        }
        print(f"| CPU ms, {rounds} rounds | {' | '.join(fetches)} |")
        print("|---" * (1 + len(fetches)) + "|")
        for load in LOADS:
            taken: dict[str, list[float]] = {name: [] for name in fetches}
            for fetch in fetches.values():
                await press(fetch, base, load, load.connections * 4)
            for _ in range(rounds):
                for name, fetch in fetches.items():
                    requests = max(load.connections, int(load.requests * scale))
                    taken[name].append(await press(fetch, base, load, requests))
            cells = [f"{median(ms):.3f} ({min(ms):.3f}–{max(ms):.3f})" for ms in taken.values()]
            print(f"| {load.name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer requests a round")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder, upstream(Path(folder)) as port:
        uvloop.run(compare(port, asked.rounds, asked.scale))


if __name__ == "__main__":
    main()
