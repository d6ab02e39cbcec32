"""
The gateway with something about it changed for a measurement: `altered HOW portico's arguments`.

`watched` writes down how long its event loop was held, into the file that $BENCH_HELD names.
`blind` sends pictures on as they came: what is left is the cost of relaying them.
`unrecorded` keeps neither ledger nor traces: what is left is what requests themselves wait for.
"""

import os
import sys
from pathlib import Path
from threading import get_native_id
from time import monotonic, thread_time_ns

import uvloop

from portico import cli
from portico.chat.request import ChatRequest
from portico.dispatch.eyes import Eyes
from portico.dispatch.journey import Journey
from portico.ledger.writer import Ledger
from portico.routing.tiers import Target
from portico.traces.recorder import Recorder

TICK = 0.001
"""Seconds from one look at the loop to the next."""
SAID = 0.003
"""Seconds between two looks from which on they are written down."""


class Watched(uvloop.Loop):
    """
    A loop with a timer that comes late when the loop is held.

    A line says when (seconds of the monotonic clock), and in nanoseconds: the time between two
    looks, of that its thread's processor time, and its time in the queue for a core. What is left
    is a wait for another thread, or for the timer.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self._file = file or Path(os.environ["BENCH_HELD"])

    def run_forever(self) -> None:
        """Look, from the first turn on."""
        thread = Path(f"/proc/self/task/{get_native_id()}/schedstat")
        with self._file.open("a", buffering=1) as self._lines, thread.open("rb") as self._thread:
            self._last = self._seen()
            self._looking = self.call_later(TICK, self._look)
            try:
                super().run_forever()
            finally:
                self._looking.cancel()

    def _look(self) -> None:
        now = self._seen()
        took, worked, queued = (
            after - before for after, before in zip(now, self._last, strict=True)
        )
        self._last = now
        if took > SAID * 1e9:
            self._lines.write(f"{monotonic():.6f} {took} {worked} {queued}\n")
        self._looking = self.call_later(TICK, self._look)

    def _seen(self) -> tuple[int, int, int]:
        queued = int(os.pread(self._thread.fileno(), 100, 0).split()[1])
        return int(monotonic() * 1e9), thread_time_ns(), queued


async def as_it_came(
    eyes: Eyes, journey: Journey, request: ChatRequest, target: Target, within: float
) -> ChatRequest:
    """Show every target what came, in place of `Eyes.show`."""
    return request


def forgotten(keeper: object, one: object) -> None:
    """Keep nothing, in place of `Ledger.record` and `Recorder.record`."""


if __name__ == "__main__":
    ways: dict[str, list[tuple[object, str, object]]] = {
        "watched": [(uvloop, "Loop", Watched)],
        "blind": [(Eyes, "show", as_it_came)],
        "unrecorded": [(Ledger, "record", forgotten), (Recorder, "record", forgotten)],
    }
    for way in ways[sys.argv.pop(1)]:
        setattr(*way)
    cli.main()
