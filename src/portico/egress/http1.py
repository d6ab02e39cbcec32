"""
HTTP/1.1 on httptools: the client under every upstream.

Our own because it stands on the hot path of every request and must go through tunnels that
general clients dial badly (`docs/decisions/002-own-http-client.md` has the measurements).
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable, Iterator
from typing import cast

import httptools

from portico.egress.clients import ConnectionLost, EgressError, HungUp, NotHTTP, Piece, TooLarge

_PAUSE_ABOVE = 256 * 1024  # bytes waiting for the reader before the socket is left alone
_MOST_FRAMING = 64 * 1024  # bytes of head, trailers or chunk sizes without a byte of body

STEP = 256 * 1024
"""Bytes of a large body that are sent in one turn of the loop."""

type Lost = Callable[[Connection], None]
"""Told once that a connection has ended."""


def _steps(body: tuple[Piece, ...]) -> Iterator[memoryview]:
    """Give *body* in pieces that a socket is handed at once; nothing is copied."""
    for piece in body:
        held = memoryview(piece)
        for begin in range(0, held.nbytes, STEP):
            yield held[begin : begin + STEP]


class Connection(asyncio.Protocol):
    """One connection, one exchange at a time. Knows framing, not what the bytes mean."""

    def __init__(self, on_lost: Lost) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.closed = False  # by either side
        self._on_lost = on_lost
        self._waits: select.poll | None = None
        self._parser: httptools.HttpResponseParser | None = None  # it holds on to us
        self._begin()
        self._busy = False
        self._full = False  # the socket takes no more for now
        self._step: asyncio.Handle | None = None  # the next one of a large body

    def _begin(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._framing = 0
        self._head_done = False
        self._complete = False
        self._keep = False
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self._broken: tuple[type[EgressError], str] | None = None  # raised anew: no cycle with us
        self._waiter: asyncio.Future[None] | None = None
        self._unsent: deque[memoryview] | None = None  # the rest of a large body
        self._busy = True

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio's promise."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; anything unasked closes the connection."""
        if not self._busy or self._complete or self._parser is None:
            self.hang_up()
            return
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._reject(f"the answer is not HTTP: {type(exc).__name__}")
        if self._framing > _MOST_FRAMING and not self._complete:
            self._reject("the answer's head or framing is too long")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange: cleanly only where the framing says that the end is the end."""
        if self._busy and not self._complete and self._broken is None:
            if self._head_done and exc is None and not self.closed and self._ends_with_connection():
                self._complete = True
            else:
                said = "midway" if self._head_done else "before its head was complete"
                unsaid = not (self._head_done or self._framing)
                silent = exc is None and not self.closed and unsaid
                lost = HungUp if silent else ConnectionLost
                self._broken = lost, f"the connection was lost {said}"
        self.closed = True
        self._unsent = None
        self._parser = None  # a cycle would stay until a collection
        self._wake()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """Keep the rest of a large body until the socket has taken what it was given."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with it."""
        self._full = False
        self._go_on()

    # -- what httptools calls

    def on_message_begin(self) -> None:
        """Refuse a second answer in one: nobody asked for it, and it would overwrite the first."""
        if self._complete:
            self.hang_up()
            raise ValueError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header; trailers are nobody's."""
        if not self._head_done:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the status; an interim answer (1xx) is passed over."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = {}
            return
        self.status = status
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; leave the socket alone while the reader is slow."""
        self._framing = 0
        self._chunks.append(body)
        self._waiting += len(body)
        if self._waiting > _PAUSE_ABOVE and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note the end of a final answer, and whether the other side keeps the connection."""
        if self._head_done and self._parser is not None:
            self._complete = True
            self._keep = self._parser.should_keep_alive()  # the parser forgets it after this

    # -- what the exchange calls

    def ask(self, head: bytes, body: bytes | tuple[Piece, ...]) -> None:
        """
        Send a request on an idle connection.

        A large body is handed over step by step, as the socket takes it: eleven megabytes at once
        hold the loop for ten milliseconds where TLS is spoken, and are held twice.
        """
        assert self.transport is not None
        self._begin()
        self._parser = httptools.HttpResponseParser(self)
        if isinstance(body, bytes) and len(body) < 65_536:
            self.transport.write(head + body)
            return
        self.transport.write(head)
        self._unsent = deque(_steps((body,) if isinstance(body, bytes) else body))
        self._send()

    async def answered(self) -> None:
        """Wait for the answer's head; raises ConnectionLost or NotHTTP."""
        while not self._head_done:
            if self._broken is not None:
                kind, said = self._broken
                raise kind(said)
            await self._change()

    async def next_chunk(self) -> bytes:
        """Return all that has arrived, b"" at the end; raises ConnectionLost or NotHTTP."""
        while not self._chunks:
            if self._broken is not None:
                kind, said = self._broken
                raise kind(said)
            if self._complete:
                return b""
            await self._change()
        chunk = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._waiting = 0
        if self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()
        return chunk

    async def read(self, limit: int) -> bytes:
        """Return the rest of the body; raises TooLarge above *limit* bytes."""
        first = await self.next_chunk()
        if self._complete and not self._chunks and len(first) <= limit:
            return first
        got = bytearray(first)
        while len(got) <= limit:
            chunk = await self.next_chunk()
            if not chunk:
                return bytes(got)
            got += chunk
        raise TooLarge(f"the answer is over {limit} bytes")

    @property
    def reusable(self) -> bool:
        """True once the answer is whole, read, and both sides keep the connection."""
        whole = self._complete and not self._unsent and not self._chunks
        return whole and self._keep and not self.closed

    @property
    def stale(self) -> bool:
        """True for a resting connection on which something waits: its end, or what nobody asked."""
        if self.closed or self.transport is None:
            return True
        if self._waits is None:  # made once: it is asked before every request
            self._waits = select.poll()
            self._waits.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(self._waits.poll(0))

    def rest(self, now: float) -> None:
        """Wait in the pool from *now* (loop time) on."""
        self._busy = False
        self.idle_since = now

    def hang_up(self) -> None:
        """Close at once; what was not sent or read is dropped."""
        self.closed = True
        self._unsent = None
        if self.transport is not None:
            self.transport.abort()

    # -- inside

    def _go_on(self) -> None:
        if self._unsent and not self._full and self._step is None:
            self._step = asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        """Hand over one step of a large body; what is left waits for another turn of the loop."""
        self._step = None
        if self._unsent and not self._full and self.transport is not None:
            self.transport.write(self._unsent.popleft())
            self._go_on()

    def _ends_with_connection(self) -> bool:
        """RFC 9112 §6.3: neither a length nor chunks, so the close is the end."""
        return "content-length" not in self.headers and "transfer-encoding" not in self.headers

    def _reject(self, why: str) -> None:
        """Give up on what cannot be parsed; an answer that was whole before it stays whole."""
        if not self._complete:
            self._broken = self._broken or (NotHTTP, why)
        self.hang_up()

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
