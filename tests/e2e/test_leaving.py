"""Told to stop, the gateway lets answers end, and says 503 to what is new."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

CHAT = "/v1/chat/completions"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def portico(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Run `portico up` without keys."""
    port = free_port()
    environ = {**os.environ, "PORTICO_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "portico.cli", "up", "--port", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environ, stderr=log, stdout=log) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client,
    ):
        try:
            until_it_answers(client, process)
            yield process, client
        finally:
            process.kill()


def until_it_answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("portico up did not answer")


def asked(text: str) -> dict[str, object]:
    return {"model": "code", "stream": True, "messages": [{"role": "user", "content": text}]}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_answers_under_way_end_and_new_ones_are_told_to_wait(
    sent: signal.Signals, tmp_path: Path
) -> None:
    with portico(tmp_path) as (process, client):
        with client.stream("POST", CHAT, json=asked("LONG 40 DELAY 50")) as answer:
            lines = answer.iter_lines()
            next(lines)
            process.send_signal(sent)
            time.sleep(0.3)
            refused = client.post(CHAT, json=asked("hello"))
            ready = client.get("/readyz")
            rest = list(lines)
        code = process.wait(20)

    assert rest[-2] == "data: [DONE]"
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["error"]["code"] == "gateway_overloaded"
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert code in (0, 130), "uvicorn may hand an interrupt on, and a shell expects that"


def test_with_nothing_under_way_it_stops_at_once(tmp_path: Path) -> None:
    with portico(tmp_path) as (process, _client):
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_told_twice_it_does_not_wait(tmp_path: Path) -> None:
    long = asked("LONG 4000 DELAY 50")
    with portico(tmp_path) as (process, client), client.stream("POST", CHAT, json=long) as answer:
        next(answer.iter_lines())
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_what_was_answered_is_in_the_ledger_after_the_end(tmp_path: Path) -> None:
    with portico(tmp_path) as (process, client):
        ids = [
            client.post(CHAT, json={**asked("hi"), "stream": False}).headers["x-portico-request-id"]
            for _ in range(20)
        ]
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    with portico(tmp_path) as (_process, client):
        rows = client.get("/api/requests").json()["requests"]

    assert {row["id"] for row in rows} == set(ids)
    assert json.dumps(rows)
