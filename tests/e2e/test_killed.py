"""Killed under load, the gateway loses no request whose answer a caller has in hand."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from benchmarks.processes import Command, free_port, running, wait_until_serving

from portico.ledger.base import By, LedgerStore, RequestQuery, UsageQuery
from portico.ledger.spool import Spool
from tests.serving import house

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ENOUGH = 150
"""Answers in hand when the gateway is killed."""


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    return f"sqlite:///{tmp_path}/home/ledger.db"


async def killed_under_load(folder: Path, settings: dict[str, Any]) -> list[str]:
    """Serve, be asked by many, be killed; return the ids of the requests that were answered."""
    (folder / "served.yaml").write_text(yaml.safe_dump(settings))
    port = free_port()
    line = [sys.executable, "-m", "portico.cli", "up", "--config", "served.yaml"]
    command = Command(
        "portico", [*line, "--port", str(port)], folder, {"PORTICO_HOME": str(folder / "home")}
    )
    with running(command) as process:
        await asyncio.to_thread(wait_until_serving, port, "/healthz", command, process)
        acknowledged: list[str] = []
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        async with client, asyncio.TaskGroup() as group:
            for number in range(16):
                group.create_task(keep_asking(client, number, acknowledged))
            while len(acknowledged) < ENOUGH:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
            os.kill(process.pid, signal.SIGKILL)
    return acknowledged


async def keep_asking(client: httpx.AsyncClient, number: int, acknowledged: list[str]) -> None:
    """Ask until nobody answers: whole answers, streams, and vectors."""
    body: dict[str, Any] = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    path = "/v1/chat/completions"
    if number % 3 == 1:
        body["stream"] = True
    if number % 3 == 2:
        path, body = "/v1/embeddings", {"model": "gemini-embedding", "input": "a login form"}
    with suppress(httpx.TransportError):
        while True:
            answer = await client.post(path, json=body)
            if answer.status_code == 503:  # a busy machine: keys were not read within 250 ms
                assert answer.json()["error"]["code"] == "store_unavailable", answer.text
                continue
            assert answer.status_code == 200, answer.text
            assert not body.get("stream") or answer.text.endswith("data: [DONE]\n\n")
            acknowledged.append(answer.headers["x-portico-request-id"])


@asynccontextmanager
async def started_again(folder: Path, settings: dict[str, Any]) -> AsyncIterator[LedgerStore]:
    async with house(folder, **settings) as again:
        while (
            not again.serving.gateway.ledger.store_away and Spool(folder / "home/spool").batches()
        ):
            await again.serving.gateway.ledger.flush()
        yield again.serving.ledger


async def all_of(store: LedgerStore) -> list[str]:
    found: list[str] = []
    while page := await store.requests(
        RequestQuery(before=found[-1] if found else None, limit=200)
    ):
        found += [row.id for row in page]
    return found


async def test_what_was_answered_before_a_kill_is_in_the_ledger_once(
    ledger: str, tmp_path: Path
) -> None:
    settings = {"stores": {"ledger": ledger}, "memory": {"remember": False}}
    acknowledged = await killed_under_load(tmp_path, settings)
    async with started_again(tmp_path, settings) as store:
        booked = await all_of(store)
        assert set(acknowledged) - set(booked) == set()
        assert len(booked) == len(set(booked))
        usage = await store.usage(UsageQuery(By.ROLE))
        assert sum(row.requests for row in usage) == len(booked)
