"""Requests as they end, in batches: server-sent events that cost next to nothing."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from multiprocessing import parent_process
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from portico.console.visit import Visit
from portico.errors import Overloaded
from portico.ledger.base import RequestRow
from portico.ledger.feed import Onlooker

PAUSE = 0.5
"""Seconds between two batches."""
QUIET = 10.0
"""Seconds after which a comment shows that somebody is still there."""
MOST_SHOWN = 60
"""Rows of one batch: more than a person reads in PAUSE. The rest is counted."""


async def stream(visit: Visit) -> Response:
    """Show what ends from now on; the stream ends with the seat."""
    feed = visit.here.operating.feed
    if feed.full:
        raise Overloaded("Too many live views are open.", retry_after=5)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(visit), media_type="text/event-stream", headers=headers)


async def _events(visit: Visit) -> AsyncIterator[bytes]:
    with visit.here.operating.feed.looking_on() as onlooker:
        before: dict[str, Any] = {}
        quiet = 0.0
        yield b"retry: 2000\n\n"
        while not visit.lobby.draining and _may(visit):
            pulse = _pulse(visit)
            batch = _batch(onlooker)
            if batch or pulse != before:
                yield b"data: " + msgspec.json.encode({**pulse, **batch}) + b"\n\n"
                before, quiet = pulse, 0.0
            elif (quiet := quiet + PAUSE) >= QUIET:
                yield b": here\n\n"
                quiet = 0.0
            await asyncio.sleep(PAUSE)
        yield b"event: over\ndata: {}\n\n"


def _may(visit: Visit) -> bool:
    """A key that is revoked ends what it opened."""
    if visit.key is None:
        return visit.open
    roster = visit.here.gate.roster
    known = roster.keys.values() if roster else ()
    now = time.time()
    alive = any(key.id == visit.key.id and key.state(now) == "live" for key in known)
    return alive and now < visit.seat.expires


def worker() -> int | None:
    """Return which of several workers this is, by its process; None for the only one."""
    return os.getpid() if parent_process() is not None else None


def _pulse(visit: Visit) -> dict[str, Any]:
    gateway = visit.here.gateway
    resting = gateway.standing.view(gateway.house.catalog.targets.values(), time.time())
    return {
        "worker": worker(),
        "in_flight": gateway.in_flight,
        "under_way": {name: n for name, n in gateway.failover.places.under_way().items() if n},
        "resting": {name: rest.reason for name, rest in resting.items() if rest.room is None},
    }


def _batch(onlooker: Onlooker) -> dict[str, Any]:
    rows = onlooker.take()
    missed, onlooker.missed = onlooker.missed, 0
    if not rows and not missed:
        return {}
    return {
        "rows": [brief(row) for row in rows[-MOST_SHOWN:]],
        "ended": len(rows) + missed,
    }


def brief(row: RequestRow) -> dict[str, Any]:
    """Return of a request what one line shows."""
    return {
        "id": row.id,
        "started": row.started,
        "took": row.took,
        "asked": row.asked,
        "role": row.role,
        "target": row.target,
        "outcome": row.outcome,
        "attempts": len(row.attempts),
        "image": "image" in row.modalities,
        "simulated": row.simulated,
        "degraded": row.degraded,
        "task": row.task,
    }
