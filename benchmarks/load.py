"""The load: keep-alive connections, every answer checked; a process of its own."""

import argparse
import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

import httptools
import uvloop

from benchmarks.answers import WORD
from benchmarks.workloads import Question, Workload, brief_stream, idle_stream, workloads

_WORD = WORD.encode()
_DIALLING = 50  # connections opened at the same time; no listening queue overflows


@dataclass(slots=True)
class Tally:
    """What is left to ask and what came of what was asked."""

    question: Question
    left: int
    more: Sequence[str] = ()  # lines of each request's head
    pending: int = field(init=False)
    answered: int = 0
    open: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)  # by the monotonic clock
    idle: "deque[Punctual]" = field(default_factory=deque)  # of an open loop: who could ask,
    late: deque[float] = field(default_factory=deque)  # and when those were due whom nobody asks
    started: float = field(default_factory=perf_counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.pending = self.left

    def take(self) -> bool:
        """Take one request of those that are left."""
        if not self.left:
            return False
        self.left -= 1
        return True

    def settle(self, trouble: str | None) -> None:
        """Count one answer, right or wrong."""
        if trouble is None:
            self.answered += 1
        else:
            self.wrong[trouble] += 1
        self.pending -= 1
        if not self.pending:
            self.over.set()

    def times(self) -> dict[str, object]:
        """Return when every answer ended, how long it and its first word took: milliseconds."""
        told = {"took_ms": self.took, "begun_ms": self.begun, "ended_ms": self.ended}
        return {name: [round(took * 1000, 3) for took in times] for name, times in told.items()}

    def report(self) -> dict[str, object]:
        """Return the tally as JSON; times are milliseconds."""
        took = sorted(self.took) or [0.0]
        return {
            "answered": self.answered,
            "unanswered": self.pending,
            "wrong": dict(self.wrong),
            "seconds": round(perf_counter() - self.started, 3),
            "p50_ms": round(took[len(took) // 2] * 1000, 3),
            "p99_ms": round(took[len(took) * 99 // 100] * 1000, 3),
        }


class Caller(asyncio.Protocol):
    """One connection: asks, checks, and asks again while anything is left."""

    def __init__(self, tally: Tally, request: bytes) -> None:
        self._tally = tally
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._asked: float | None = None
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common ancestor
        self._tally.open += 1
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that was cut; without connections the load is over."""
        self._tally.open -= 1
        if self._asked is not None:
            self._asked = None
            self._tally.settle("the connection closed before the answer's end")
        if not self._tally.open:
            self._tally.over.set()

    def data_received(self, data: bytes) -> None:
        """Parse; what is not HTTP is hung up on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_body(self, data: bytes) -> None:
        """Gather the answer."""
        self._body.append(data)
        if not self._begun and self._asked is not None and _WORD in data:
            self._begun = True
            self._tally.begun.append(perf_counter() - self._asked)

    def on_message_complete(self) -> None:
        """Check the answer and ask for the next."""
        if self._asked is not None:
            self._tally.ended.append(now := perf_counter())
            self._tally.took.append(now - self._asked)
        self._asked = None
        body, self._body = b"".join(self._body), []
        self._tally.settle(trouble(self._parser.get_status_code(), body, self._tally.question))
        self._ask()

    def _ask(self) -> None:
        if not self._tally.take():
            self._transport.close()
            return
        self._begun = False
        self._asked = perf_counter()
        self._transport.write(self._request)


class Punctual(Caller):
    """One connection of an open loop: it asks when a request is due, whoever is still waiting."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever has hung up can ask nobody any more."""
        if self in self._tally.idle:
            self._tally.idle.remove(self)
        super().connection_lost(exc)

    def ask(self, due: float) -> None:
        """Ask; the answer's time counts from when it was *due*."""
        self._begun = False
        self._asked = due
        self._transport.write(self._request)

    def _ask(self) -> None:
        if self._tally.late:
            self.ask(self._tally.late.popleft())
        else:
            self._tally.idle.append(self)


class Holder(Caller):
    """One connection whose stream is held open after its first delta."""

    def on_body(self, data: bytes) -> None:
        """Count the stream as soon as it has given a word."""
        before = b"".join(self._body)
        self._body.append(data)
        if _WORD not in before and _WORD in before + data:
            self._tally.settle(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a stream that somebody else ended; we hold on to all of them."""
        self._tally.open -= 1
        self._tally.wrong["the connection closed while its stream was idle"] += 1
        self._tally.over.set()

    def on_message_complete(self) -> None:
        """An idle stream has no end."""
        self._tally.wrong["the idle stream ended"] += 1
        self._tally.over.set()


def trouble(status: int, body: bytes, question: Question) -> str | None:
    """Return what is wrong with an answer, or None."""
    if status != 200:
        return f"status {status}"
    if (words := body.count(_WORD)) != question.words:
        return f"{words} of {question.words} words"
    return None if question.ending in body else "no ending"


def request_bytes(question: Question, port: int, more: Sequence[str] = ()) -> bytes:
    """Return *question* as one HTTP/1.1 request, with *more* lines in its head."""
    head = (
        f"POST {question.path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(question.body)}\r\n"
    )
    return "".join((head, *(f"{line}\r\n" for line in more), "\r\n")).encode() + question.body


async def dial(port: int, kind: type[Caller], tally: Tally, connections: int) -> None:
    """Open *connections* to *port*, a few at a time."""
    loop = asyncio.get_running_loop()
    request = request_bytes(tally.question, port, tally.more)
    for first in range(0, connections, _DIALLING):
        some = range(first, min(first + _DIALLING, connections))
        await asyncio.gather(
            *(loop.create_connection(lambda: kind(tally, request), "127.0.0.1", port) for _ in some)
        )


async def press(port: int, tally: Tally, connections: int, seconds: float) -> None:
    """Ask until nothing is left, for *seconds* at the most."""
    try:
        async with asyncio.timeout(seconds):
            await dial(port, Caller, tally, connections)
            await tally.over.wait()
    except TimeoutError:
        tally.wrong[f"not over after {seconds:g} s"] += 1
    except OSError as error:
        tally.wrong[f"could not connect: {error.strerror}"] += 1


async def keep_pace(port: int, tally: Tally, load: "Pace", seconds: float) -> None:
    """Ask *load.rate* times a second, however long answers take: an open loop."""
    try:
        async with asyncio.timeout(seconds):
            await dial(port, Punctual, tally, load.connections)
            began = perf_counter()
            for number in range(tally.left):
                due = began + number / load.rate
                if (early := due - perf_counter()) > 0:
                    await asyncio.sleep(early)
                if tally.idle:  # that our own timer was late is nobody's delay
                    tally.idle.popleft().ask(perf_counter())
                else:
                    tally.late.append(due)
            await tally.over.wait()
    except TimeoutError:
        tally.wrong[f"not over after {seconds:g} s"] += 1
    except OSError as error:
        tally.wrong[f"could not connect: {error.strerror}"] += 1


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests a second, over so many connections."""

    rate: float
    connections: int


async def hold(port: int, tally: Tally, connections: int, seconds: float) -> None:
    """Open *connections*, say when all have given a word, keep them until standard input ends."""
    try:
        async with asyncio.timeout(seconds):
            await dial(port, Holder, tally, connections)
            await tally.over.wait()
            _say(tally)
            await asyncio.to_thread(sys.stdin.read)
    except TimeoutError:
        tally.wrong[f"not over after {seconds:g} s"] += 1
    except OSError as error:
        tally.wrong[f"could not connect: {error.strerror}"] += 1


def _say(tally: Tally, *, times: bool = False) -> None:
    print(json.dumps(tally.report() | (tally.times() if times else {})), flush=True)


async def _main(chosen: argparse.Namespace) -> None:
    workload = idle_stream() if chosen.hold else _workload(chosen.workload)
    connections = min(chosen.connections or workload.connections, chosen.count)
    tally = Tally(workload.question(chosen.via), chosen.count, chosen.header)
    if chosen.rate:
        await keep_pace(chosen.port, tally, Pace(chosen.rate, connections), chosen.seconds)
    else:
        pressing = hold if chosen.hold else press
        await pressing(chosen.port, tally, connections, chosen.seconds)
    _say(tally, times=chosen.times)


def _workload(name: str) -> Workload:
    brief = brief_stream()
    return brief if name == brief.name else workloads()[name]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workload", default="2kb")
    parser.add_argument("--via", choices=("gateway", "nginx", "upstream"), default="gateway")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--rate", type=float, help="requests a second, in an open loop")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--header", action="append", default=[], help="one more, `name: value`")
    parser.add_argument("--times", action="store_true", help="tell every answer's")
    parser.add_argument("--hold", action="store_true", help="open idle streams and keep them")
    uvloop.run(_main(parser.parse_args()))
