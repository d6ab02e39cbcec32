"""`portico health`, by the real command: healthchecks go by its exit code."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest


def health(*line: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("portico")), "health", *line],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Answer everything with *status*; give the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/healthz"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "code", "said"), [(200, 0, "ok"), (503, 1, "status 503")])
def test_alive_is_who_answers_200(status: int, code: int, said: str) -> None:
    with answering(status) as url:
        ended, told = health("--url", url, HTTP_PROXY="http://127.0.0.1:9", http_proxy="x")
    assert ended == code
    assert said in told
    assert told.count("\n") == 1


def test_a_listener_is_enough_where_only_that_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        assert health("--tcp", place) == (0, "ok\n")
    ended, told = health("--tcp", place)
    assert (ended, told) == (1, f"nobody listens at {place}: ConnectionRefusedError\n")


@pytest.mark.parametrize("line", [("--url", "https://x/"), ("--url", "x"), ("--tcp", "host")])
def test_what_is_no_address_is_said(line: tuple[str, str]) -> None:
    ended, told = health(*line)
    assert ended == 2
    assert "write " in told
