"""
What a request costs, counted in calls of functions: CI notices what makes every request dearer.

Calls can be counted exactly where time cannot be measured. A new feature may need a few more: the
bounds are there to make that a decision. `docs/performance.md` says what calls come to.
"""

import asyncio
import gc
import json
import logging
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import uvloop
import yaml
from benchmarks.answers import SEGMENT, STREAMED, gemini_events, openai_events
from benchmarks.workloads import workloads
from starlette.types import Message

from portico.api.chunks import ChunkWriter, Head
from portico.app import create_app
from portico.ledger.rows import row_of
from portico.ledger.watching import watching
from portico.settings import load_settings
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.telemetry.logs import configure
from portico.telemetry.observer import Observer
from portico.upstreams.base import Account, Upstream
from portico.upstreams.gemini import Gemini
from portico.upstreams.openai import OpenAI
from portico.upstreams.reasonings import Reasonings
from portico.upstreams.signatures import Signatures
from portico.wiring import open_serving
from tests.ledger.entries import attempt, entry
from tests.serving import config
from tests.upstreams.came import Came
from tests.upstreams.openai_asks import ask as asked_for

ANSWERING = 545
"""Calls from a request's arrival at the application to its answer's last byte."""

RELAYING = 1850
"""Calls to relay a stream of 200 chunks that comes in 31 pieces, from its bytes to ours."""

TRANSLATING = 5350
"""The same for a stream of Gemini's."""

RECORDING = 300
"""Calls for its row, its counters and its line in the log."""


@contextmanager
def counting() -> Iterator[list[int]]:
    """Count every call that this thread makes, of Python and of C; other threads are left out."""
    found = [0]

    def note(frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_call"):
            found[0] += 1

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


@contextmanager
def simulator() -> Iterator[str]:
    """Give the address of a simulator in a thread of its own: its calls are not ours."""
    addresses: list[str] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serve_simulator(Simulator()) as url:
            addresses.append(url)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield addresses[0]
    finally:
        over.set()
        thread.join()


async def ask(app: Callable[..., Awaitable[None]], body: bytes, status: int = 200) -> int:
    """Ask *app* as a server would, and return how many calls the answer took."""
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/chat/completions"}
    scope["headers"] = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    told: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        told.append(message)

    with counting() as calls:
        await app(scope, receive, send)
    assert told[0]["status"] == status
    return calls[0]


def test_a_small_request_takes_no_more_calls_than_agreed(tmp_path: Path) -> None:
    body = workloads()["2kb"].asked.body.replace(b"bench-text", b"qwen3-coder")

    async def scene(upstream: str) -> list[int]:
        file = tmp_path / "portico.yaml"
        file.write_text(yaml.safe_dump(config(upstream)))
        load = partial(load_settings, file, {})
        app = create_app(lambda: open_serving(load, tmp_path / "home", exposed=False, environ={}))
        async with app.router.lifespan_context(app):
            return [await ask(app, body) for _ in range(20)]

    with simulator() as upstream:
        found = uvloop.run(scene(upstream))
    # The first ones fill caches, and background work may come between: the least is the cost.
    assert min(found) <= ANSWERING, found


@contextmanager
def garbage() -> Iterator[list[object]]:
    """Give what in the block came to be garbage that only a collection finds."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("kind", ["whole", "streamed", "unanswered"])
def test_a_request_leaves_nothing_to_the_collector(tmp_path: Path, kind: str) -> None:
    asked = {**json.loads(workloads()["2kb"].asked.body), "stream": kind == "streamed"}
    body = json.dumps({**asked, "model": "qwen3-coder"}).encode()
    status = 502 if kind == "unanswered" else 200

    async def scene(upstream: str) -> list[object]:
        file = tmp_path / "portico.yaml"
        file.write_text(yaml.safe_dump(config(upstream)))
        load = partial(load_settings, file, {})
        app = create_app(lambda: open_serving(load, tmp_path / "home", exposed=False, environ={}))
        async with app.router.lifespan_context(app):
            await ask(app, body, status)
            with garbage() as found:
                for _ in range(3):
                    await ask(app, body, status)
                await asyncio.sleep(0.6)  # recorded, too
        return found

    nobody = "http://127.0.0.1:1"
    with nullcontext(nobody) if kind == "unanswered" else simulator() as upstream:
        found = uvloop.run(scene(upstream))
    ours = [one for one in found if type(one).__module__.startswith("portico.")]
    assert Counter(type(one).__qualname__ for one in ours) == {}


@pytest.fixture
def log() -> Iterator[StringIO]:
    """The log as `portico up` writes it; who wrote it before gets it back."""
    root, stream = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    configure("info", "text", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_recording_a_request_takes_no_more_calls_than_agreed(log: StringIO) -> None:
    watch = watching(Observer())
    found = []
    for _ in range(5):
        one = entry(attempt())
        with counting() as calls:
            row_of(one)
            watch(one)
        found.append(calls[0])
    assert log.getvalue().count("answered") == 2 * len(found)
    assert min(found) <= RECORDING, found


def account(events: Sequence[bytes]) -> Account:
    """Where these events are streamed, in packets that cut them anywhere."""
    body = b"".join(events)
    pieces = [body[at : at + SEGMENT] for at in range(0, len(body), SEGMENT)]
    return Account("x", "http://x/v1", Came(pieces))


def relayed(upstream: Upstream) -> int:
    """Return how many calls a whole stream takes."""

    async def relay() -> tuple[int, bytes]:
        writer, sent = ChunkWriter(Head("x", 1, "ours")), b""
        with counting() as calls:
            async with upstream.open(asked_for(stream=True)) as batches:
                async for batch in batches:
                    sent += writer.write(batch)
        return calls[0], sent

    found, sent = min(asyncio.run(relay()) for _ in range(3))
    assert sent.count(b'" lorem"') == STREAMED
    return found


def test_relaying_a_stream_takes_no_more_calls_than_agreed() -> None:
    assert relayed(OpenAI(account(openai_events(STREAMED)), Reasonings())) <= RELAYING


def test_the_bound_notices_a_stream_whose_every_event_is_decoded() -> None:
    """What it is there for: a field that differs from event to event leaves no pattern."""
    events = [
        event.replace(b'"object"', b'"obfuscation":"%d","object"' % number)
        for number, event in enumerate(openai_events(STREAMED))
    ]
    assert relayed(OpenAI(account(events), Reasonings())) > 3 * RELAYING


def test_translating_a_stream_takes_no_more_calls_than_agreed() -> None:
    assert relayed(Gemini(account(gemini_events()), Signatures())) <= TRANSLATING
