"""Traces as tests need them."""

import itertools
import time

import msgspec
from msgspec import Raw

from portico.api.wire import parse
from portico.chat.reply import Delta
from portico.traces.base import DAY, Capture, Card, Trace
from portico.traces.tape import Take, begun
from tests.ledger.entries import attempt

NOW = float(int(time.time()))
_numbers = itertools.count(1)


def trace(story: object = None, **told: object) -> Trace:
    """Return a trace of a request that came just now and is kept for a day, or as *told*."""
    given = {"id": f"req_{next(_numbers):08d}", "started": NOW, "took": 0.25, "asked": "design"}
    given |= {"outcome": "answered", "expires": NOW + DAY, "size": 2}
    card = msgspec.convert({**given, **told}, Card)
    return Trace(card, Raw(msgspec.json.encode({} if story is None else story)))


def take(text: str = "hello", *, ident: str | None = None, **told: object) -> Take:
    """Return what the gateway hands over of a chat in which somebody said *text*."""
    body = msgspec.json.encode({"model": "code", "messages": [{"role": "user", "content": text}]})
    tape = begun(parse(body), {b"user-agent": b"a test"}, Capture.FULL)
    tape.hear([Delta(text="an answer"), Delta(finish="stop")])
    tape.sent.append(body)
    card = trace(id=ident or f"req_{next(_numbers):08d}", **told).card
    return Take(card, (attempt(),), None, tape)
