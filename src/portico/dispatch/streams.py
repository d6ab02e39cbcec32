"""Streams that can be taken up again: numbered, kept for a while, read by any number of readers."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from portico.dispatch.errands import Errand, Errands
from portico.errors import EventGone, NotFound

COST = 96
"""Bytes that an event is reckoned at besides its content."""

STREAM_COST = 4096
"""The same for a stream, so that bytes bound the number of streams too."""

AT_ONCE = 256
"""Events that a reader is given at once; a client that is far behind is no burden on memory."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    How long and how much: seconds and bytes.

    A stream is kept for *window* after its end; while it comes it goes on for *patience* without
    a reader. *stream* is the room for the events of one, *total* for those of all.
    """

    window: float = 300.0
    patience: float = 60.0
    stream: int = 4_000_000
    total: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the headers of an answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


class Stream:
    """
    One answer as events, numbered from 1, as far back as there is room.

    Whoever makes it never waits for its readers, and it keeps its newest event in any case.
    """

    def __init__(self, caller: str | None, streams: "Streams") -> None:
        self.caller = caller
        self.errand: Errand[None]
        self.head: Head | None = None
        self.ended = False
        self.size = 0
        self.first, self.last = 1, 0  # the numbers of what is kept
        self.aside = b""
        self._streams = streams
        self._events: dict[int, bytes] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def resumable(self) -> bool:
        """True once it has begun well: from then on its readers know what to ask for."""
        return self.head is not None and self.head.status == 200

    def begin(self, head: Head) -> None:
        """Say how the answer begins."""
        self.head = head
        if self.resumable:
            self.errand.patience = self._streams.bounds.patience
        self._tell()

    def add(self, event: bytes) -> None:
        """Keep one more event, and drop the oldest ones there is no room for any more."""
        self.last += 1
        self._events[self.last] = event
        self._streams.weigh(self, COST + len(event))
        while self._streams.crowded(self) and self.first < self.last:
            self._streams.weigh(self, -COST - len(self._events.pop(self.first)))
            self.first += 1
        self._tell()

    def remark(self, aside: bytes) -> None:
        """Tell those who read just now something that is no event, and is not kept."""
        self.aside = aside
        self._tell()

    def end(self) -> None:
        """Say that there is no more."""
        self.ended = True
        self._tell()

    def since(self, number: int) -> list[bytes]:
        """
        Return the next events after that with *number*, AT_ONCE at most; none if there are none.

        Raises:
            EventGone: one of those after *number* is no longer kept.
        """
        if number + 1 < self.first:
            raise EventGone(
                f"Event {number + 1} is no longer kept: the oldest that is has the id {self.first}."
            )
        end = min(self.last, number + AT_ONCE)
        return [self._events[at] for at in range(number + 1, end + 1)]

    @contextmanager
    def read(self, after: int) -> Iterator["Reader"]:
        """Read on after event *after*, for as long as the context lasts."""
        with self.errand.awaited():
            yield Reader(self, after)

    async def news(self) -> None:
        """Wait until anything of the above happens."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _tell(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


class Reader:
    """One reader's place in a stream."""

    def __init__(self, stream: Stream, after: int) -> None:
        self._stream = stream
        self._after = after

    async def head(self) -> Head | None:
        """Return how the answer begins, once it does; None if it ended before that."""
        while self._stream.head is None and not self._stream.ended:
            await self._stream.news()
        return self._stream.head

    async def next(self) -> bytes:
        """
        Return what has come, or an aside while nothing has; b"" at the end.

        Raises:
            EventGone: this reader is too far behind.
        """
        stream = self._stream
        while True:
            if events := stream.since(self._after):
                self._after += len(events)
                return b"".join(events)
            if stream.ended:
                return b""
            await stream.news()
            if self._after == stream.last and not stream.ended:
                return stream.aside


class Streams:
    """
    All streams that can be taken up again, under the ids of their requests.

    Where there is no room, the ended ones go first, those that ended first before the others;
    after that, whoever writes loses its own oldest events.
    """

    def __init__(
        self, bounds: Bounds, errands: Errands, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.bounds = bounds
        self.size = 0
        self._errands = errands
        self._clock = clock
        self._streams: dict[str, Stream] = {}
        self._until: dict[str, float] = {}  # of those that ended, in the order of their ends

    def begin(
        self, ident: str, caller: str | None, make: Callable[[Stream], Coroutine[Any, Any, None]]
    ) -> Stream:
        """
        Begin the stream that *make* makes, for somebody who is going to read it at once.

        Until it has begun well, nobody could take it up again: it ends when its reader leaves.
        """
        self._forget_what_is_over()
        stream = self._streams[ident] = Stream(caller, self)
        self.weigh(stream, STREAM_COST)
        stream.errand = self._errands.begin(make(stream), 0.0)
        stream.errand.task.add_done_callback(lambda _: self._ended(ident, stream))
        return stream

    def find(self, ident: str, caller: str | None) -> Stream:
        """
        Return the stream of the request with that id.

        Raises:
            NotFound: there is none, or it is over for too long, or it is not this caller's.
        """
        self._forget_what_is_over()
        stream = self._streams.get(ident)
        if stream is None or not stream.resumable or stream.caller != caller:
            raise NotFound("There is no such stream, or it is not kept any more.")
        return stream

    def weigh(self, stream: Stream, size: int) -> None:
        """Take into account that *stream* has grown by that many bytes."""
        stream.size += size
        self.size += size

    def crowded(self, stream: Stream) -> bool:
        """Let ended streams go where all are too large; True if *stream* still has to shrink."""
        while self.size > self.bounds.total and self._until:
            self._forget(next(iter(self._until)))
        return stream.size > self.bounds.stream or self.size > self.bounds.total

    def drop_of(self, theirs: Callable[[str], bool]) -> None:
        """Keep nothing of the callers whom *theirs* knows, but for what still comes."""
        for ident in list(self._until):
            caller = self._streams[ident].caller
            if caller is not None and theirs(caller):
                self._forget(ident)

    def _ended(self, ident: str, stream: Stream) -> None:
        stream.end()
        self._until[ident] = self._clock() + self.bounds.window
        if not stream.resumable:
            self._forget(ident)

    def _forget_what_is_over(self) -> None:
        now = self._clock()
        while self._until and (ident := next(iter(self._until))) and self._until[ident] <= now:
            self._forget(ident)

    def _forget(self, ident: str) -> None:
        del self._until[ident]
        self.size -= self._streams.pop(ident).size
