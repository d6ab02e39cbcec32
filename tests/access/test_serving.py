"""A real server and the real command: who is let in, from a fresh machine to a revoked key."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from benchmarks.processes import Command, free_port, running, wait_until_serving

PORTICO = str(Path(sys.executable).with_name("portico"))
PATIENCE = 20.0
"""Seconds for what takes one: the machine may be busy."""


class Server:
    """A gateway in a process of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port

    def ask(self, path: str, key: str | None = None) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body; `/v1/chat/completions` is asked a chat."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        body = None
        if path == "/v1/chat/completions":
            messages = [{"role": "user", "content": "hello"}]
            body = json.dumps({"model": "design", "messages": messages})
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with closing(connection):
            connection.request("POST" if body else "GET", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, json.loads(text) if text.startswith(b"{") else text

    def status(self, path: str, key: str | None = None) -> int:
        return self.ask(path, key)[0]

    def keys(self, *line: str) -> str:
        """Run `portico keys` and return what it prints."""
        done = subprocess.run(
            [PORTICO, "keys", *line],
            env=os.environ | environment(self.home),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout.strip()

    def written(self) -> bytes:
        """Return everything under the home: databases, spool, log."""
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


def environment(home: Path) -> dict[str, str]:
    none = dict.fromkeys(("GEMINI_API_KEY", "SILICONFLOW_API_KEY", "PORTICO_CONFIG"), "")
    return none | {"PORTICO_HOME": str(home)}


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    port = free_port()
    line = [PORTICO, "up", "--port", str(port), *getattr(request, "param", ())]
    command = Command("portico", line, tmp_path, environment(tmp_path))
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield Server(tmp_path, port)


def until(what: Any) -> None:
    """Wait for *what* to become true, within PATIENCE."""
    end = monotonic() + PATIENCE
    while not what():
        assert monotonic() < end, "it never became true"
        sleep(0.05)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/api/usage"])
def test_a_gateway_on_loopback_is_open_until_its_first_key(server: Server, path: str) -> None:
    assert server.status(path) == 200
    assert server.status(path, "sk-dummy") == 200  # what a chat UI sends when it must send one
    key = server.keys("create", "anna")
    until(lambda: server.status(path) == 401)
    assert server.status(path, "sk-dummy") == 401
    assert server.status(path, key) == 200
    assert server.status("/healthz") == server.status("/readyz") == 200
    server.keys("revoke", "anna")
    until(lambda: server.status(path, key) == 401)
    assert b"closed now: a first key was made" in server.written()


def test_a_key_leaves_its_id_in_the_ledger_and_itself_nowhere(server: Server) -> None:
    key = server.keys("create", "anna")
    ident = server.keys("list").splitlines()[1].split()[0]
    until(lambda: server.status("/v1/chat/completions", key) == 200)
    server.ask("/v1/chat/completions", key[:-1] + "~")  # one that is refused is no less secret
    until(lambda: server.ask("/api/requests", key)[2]["requests"])
    _, _, told = server.ask("/api/requests", key)
    assert {one["caller"] for one in told["requests"]} == {ident}
    assert key[3:-1].encode() not in server.written()


@pytest.mark.parametrize("server", [("--host", "0.0.0.0")], indirect=True)
def test_a_gateway_that_others_reach_is_closed_from_the_start(server: Server) -> None:
    status, headers, told = server.ask("/v1/chat/completions")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert headers["x-portico-request-id"] == told["error"]["request_id"]
    error = told["error"]
    assert (error["code"], error["type"]) == ("unauthenticated", "authentication_error")
    assert (error["source"], error["attempts"]) == ("client", [])
    assert "portico keys create NAME" in error["message"]
    status, headers, _ = server.ask("/v1/models")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")


def test_keys_that_cannot_be_read_are_no_reason_to_refuse_a_known_one(server: Server) -> None:
    key = server.keys("create", "anna")
    until(lambda: server.status("/v1/models", key) == 200 and server.status("/v1/models") == 401)
    stranger = "pk-" + "a" * 43
    assert server.status("/v1/models", stranger) == 401
    (server.home / "access.db").rename(server.home / "elsewhere.db")
    until(lambda: server.status("/v1/models", stranger) == 503)
    status, headers, told = server.ask("/v1/chat/completions", stranger)
    assert (status, told["error"]["code"]) == (503, "store_unavailable")
    assert int(headers["retry-after"]) > 0
    assert server.status("/v1/chat/completions", key) == 200
    _, _, ready = server.ask("/readyz")
    assert (ready["status"], ready["stores"]["access"]) == ("degraded", "away")
    (server.home / "elsewhere.db").rename(server.home / "access.db")
    until(lambda: server.status("/v1/models", stranger) == 401)
    assert server.ask("/readyz")[2]["stores"]["access"] == "ok"
