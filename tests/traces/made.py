"""Traces as tests need them."""

import itertools
import time

import msgspec
from msgspec import Raw

from portico.traces.base import DAY, Card, Trace

NOW = float(int(time.time()))
_numbers = itertools.count(1)


def trace(story: object = None, **told: object) -> Trace:
    """Return a trace of a request that came just now and is kept for a day, or as *told*."""
    given = {"id": f"req_{next(_numbers):08d}", "started": NOW, "took": 0.25, "asked": "design"}
    given |= {"outcome": "answered", "expires": NOW + DAY, "size": 2}
    card = msgspec.convert({**given, **told}, Card)
    return Trace(card, Raw(msgspec.json.encode({} if story is None else story)))
