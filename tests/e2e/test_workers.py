"""Two workers of one `portico up`: limits hold, every request is booked once, no answer is cut."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from benchmarks.processes import Command, free_port, running, wait_until_serving

from portico.access.base import Terms
from portico.wiring import keyring
from tests.e2e.counting_upstream import Counting, counting_upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

CHAT = "/v1/chat/completions"
WHOLE = [str(number) for number in range(20)]


def settings(upstream: Counting) -> dict[str, Any]:
    return {
        "upstreams": {"own": upstream.upstream()},
        "targets": {"m": {"upstream": "own", "model": "m", "max_concurrency": 4}},
        "roles": {"code": {"targets": ["m"]}},
        "server": {"share_within": 2},
    }


@asynccontextmanager
async def portico(
    folder: Path, given: dict[str, Any], workers: int = 2
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    (folder / "portico.yaml").write_text(yaml.safe_dump(given))
    port = free_port()
    line = [sys.executable, "-m", "portico.cli", "up", "--config", "portico.yaml"]
    line += ["--port", str(port), "--workers", str(workers)]
    command = Command("portico", line, folder, {"PORTICO_HOME": str(folder / "home")})
    with running(command) as process:
        await asyncio.to_thread(wait_until_serving, port, "/healthz", command, process)
        yield f"http://127.0.0.1:{port}", process


def calling(url: str) -> httpx.AsyncClient:
    """Every request comes by a connection of its own, and so to either worker."""
    alone = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=alone)


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}


def pids_of_workers(process: subprocess.Popen[bytes]) -> set[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {pid for pid in map(int, children) if b"spawn_main" in _line(pid)}


def _line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def difference(port: int | None, workers: set[int]) -> int:
    """Return how many more of 64 connections that come at once are at one of two workers."""
    kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(64)]
    mine = {writer.get_extra_info("sockname")[1] for _, writer in kept}
    try:
        async with asyncio.timeout(10):
            had: list[int] = []
            while sum(had) < 64:
                await asyncio.sleep(0.02)
                had = [taken(pid, mine) for pid in workers]
    finally:
        for _, writer in kept:
            writer.close()
            await writer.wait_closed()
    return abs(had[0] - had[1])


def taken(pid: int, peers: set[int]) -> int:
    """Return how many connections from the ports in *peers* the process *pid* has taken."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    theirs = {row[9] for row in rows if int(row[2].partition(":")[2], 16) in peers}
    found = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(file).removeprefix("socket:[").removesuffix("]") in theirs
    return found


async def words(client: httpx.AsyncClient, started: asyncio.Semaphore) -> list[str]:
    said: list[str] = []
    async with client.stream("POST", CHAT, json=chat(stream=True)) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            said.append(line)
            if len(said) == 1:
                started.release()
    return said


async def test_two_workers_count_as_one_and_leave_as_one(tmp_path: Path) -> None:
    ring = keyring(tmp_path / "home")
    operator = {"authorization": f"Bearer {(await ring.issue('operator')).text}"}
    terms = Terms(requests_per_minute=10)
    mine = {"authorization": f"Bearer {(await ring.issue('anna', terms=terms, admin=False)).text}"}
    async with counting_upstream(0.02) as upstream:
        async with portico(tmp_path, settings(upstream)) as (url, process), calling(url) as client:
            both = pids_of_workers(process)
            async with asyncio.timeout(30):
                while await difference(client.base_url.port, both) == 64:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)  # one of them is still starting
            asks = [client.post(CHAT, json=chat(), headers=mine) for _ in range(50)]
            answers = await asyncio.gather(*asks)
            unbound = [client.post(CHAT, json=chat(), headers=operator) for _ in range(30)]
            answers += await asyncio.gather(*unbound)
            key = operator | {"idempotency-key": "k"}
            once = await asyncio.gather(
                *(client.post(CHAT, json=chat(), headers=key) for _ in range(8))
            )
            uneven = [await difference(client.base_url.port, both) for _ in range(3)]
            asked, upstream.peak = upstream.peak, 0

            client.headers.update(operator)
            upstream.takes = 0.1
            started = asyncio.Semaphore(0)
            streams = [asyncio.create_task(words(client, started)) for _ in range(4)]
            for _ in streams:
                await started.acquire()
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while (ready := await client.get("/readyz")).status_code != 503:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            refused = await client.post(CHAT, json=chat())
            said = await asyncio.gather(*streams)
            await asyncio.to_thread(process.wait, 20)
        assert upstream.asked == 10 + 30 + 1 + 4

    statuses = [answer.status_code for answer in answers[:50]]
    assert (statuses.count(200), statuses.count(429)) == (10, 40)
    assert {answer.status_code for answer in answers[50:]} == {200}
    assert len({answer.content for answer in once}) == 1
    assert sum("x-portico-idempotent-replay" in answer.headers for answer in once) == 7
    assert len(both) == 2
    assert sorted(uneven)[1] <= 16, "of 64 connections each worker has its half, or nearly"
    assert 2 <= asked <= 4
    assert ready.json()["status"] == "draining"
    assert refused.status_code == 503
    assert all(lines[-2] == "data: [DONE]" for lines in said)
    assert process.returncode == 0
    numbers = {answer.headers["x-portico-request-id"] for answer in answers}
    booked = booked_in(tmp_path / "home" / "ledger.db")
    assert len(booked) == len(set(booked))
    assert numbers <= set(booked)
    assert len(booked) == len(answers) + 1 + len(said)


def booked_in(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM requests")]
