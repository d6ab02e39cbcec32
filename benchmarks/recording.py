"""
What a trace costs, in microseconds of a thread's processor time: python -m benchmarks.recording.

On the loop's thread a request is only noted; it is told in the recorder's thread, and put into rows
in the store's. The least of several rounds counts: what is above it is the neighbours'.
"""

import time
from collections.abc import Callable

from benchmarks.workloads import workloads
from portico.api.wire import parse
from portico.chat.reply import Delta
from portico.dispatch.gateway import entry_of
from portico.dispatch.journey import Journey
from portico.dispatch.taping import Taping
from portico.routing.attempts import Answered, Attempt
from portico.routing.roles import Role
from portico.routing.routes import Needs, Route
from portico.routing.tiers import Target
from portico.traces.composing import Composer
from portico.traces.tape import Take

ROUNDS, TIMES = 9, 1_000
CHUNKS = [[Delta(text="word ")] for _ in range(200)]
ANSWER = [[Delta(text="the answer has twenty words or so " * 3), Delta(finish="stop")]]
TARGET = Target(name="bench-text", upstream="bench", model="bench/text")


class Tray:
    """Stands where the recorder stands, and keeps the last take."""

    def __init__(self) -> None:
        self.take: Take | None = None
        self.weight = 0

    def record(self, take: Take) -> None:
        """Do what the recorder does on the loop."""
        self.weight += take.weight
        self.take = take


def least(work: Callable[[], object]) -> float:
    """Return the microseconds that *work* takes."""
    found = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for _ in range(TIMES):
            work()
        found.append((time.thread_time() - begun) / TIMES * 1e6)
    return min(found)


def measure(name: str, batches: list[list[Delta]]) -> None:
    """Print what a 2 KB request that is answered with *batches* costs."""
    body, tray = workloads()["2kb"].asked.body, Tray()
    taping = Taping(tray)  # type: ignore[arg-type]  # all that it needs of a recorder
    journey = Journey("req_bench", parse(body), time.time(), time.monotonic())
    journey.headers = {b"user-agent": b"bench", b"accept": b"*/*"}
    journey.route = Route(Role("bench-text", (TARGET.name,)), Needs(), (TARGET,))
    journey.attempts.append(Attempt("req_bench-1", TARGET, 0.0, 0.1, Answered(None), 0.05))
    entry, composer = entry_of(journey), Composer()

    def note() -> None:
        taping.begin(journey)
        assert journey.tape is not None
        journey.tape.sent.append(body)
        for batch in batches:
            journey.tape.hear(batch)
        taping.end(journey, entry)

    on_the_loop = least(note)
    assert tray.take is not None
    take = tray.take
    told = least(lambda: composer.trace(take, {}))
    size = composer.trace(take, {}).card.size
    print(f"{name}: {on_the_loop:.1f} on the loop, {told:.0f} to tell it ({size} bytes)")


if __name__ == "__main__":
    measure("2 KB request, one answer", ANSWER)
    measure("2 KB request, 200 chunks", CHUNKS)
