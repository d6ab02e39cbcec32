"""What stands before the application: uvicorn's protocol, with a bound on heads, in our words."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from portico.api.answers import REQUEST_ID
from portico.api.body import PARTING, WHOLE
from portico.api.gathering import Gathering
from portico.api.problems import envelope
from portico.dispatch.journey import new_id
from portico.errors import MalformedRequest

MOST_HEAD = 64 * 1024  # bytes of request line and headers
MOST_HEADERS = 256

_OFFER = frozenset({b"connection", b"upgrade", b"http2-settings"})


class Front(HttpToolsProtocol):
    """
    Refuses what is not HTTP, and heads that go on for ever, with the envelope of any error.

    An offer to speak another protocol is ignored, as RFC 9110 §7.8 allows: the request is answered
    as if it had not been made.
    """

    slowest_head = 30.0  # seconds from a head's first byte to its last

    _refused = False
    _head: int | None = None  # bytes of a head that is not complete, None between heads
    _size = 0  # bytes of its parts that are
    _timer: TimerHandle | None = None
    _offered = False  # another protocol
    _running: RequestResponseCycle | None = None  # the one of several in a row that is answered

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Whoever connects and says nothing is idle, like whoever has been answered."""
        super().connection_made(cast("Transport", Gathering(transport)))
        idle = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self.timeout_keep_alive_task = idle

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more; whoever answers hears of it, not only the last asked."""
        self._stop_timer()
        running, self._running = self._running, None
        super().connection_lost(exc)
        if running is not None and running is not self.cycle and not running.response_complete:
            running.disconnected = True
            running.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Count while a head is coming: the parser itself has no bound."""
        if self._refused:
            return  # they may finish sending, and read why; nobody listens
        self._unset_keepalive_if_required()
        if self._head is not None:
            self._head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._decline(data[exc.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("This is not HTTP as it is spoken here.")
        else:
            self._watch_head()

    def _watch_head(self) -> None:
        if self._head is None:
            return
        if self._head > MOST_HEAD:
            self.send_400_response("")
        elif self._timer is None:
            self._timer = self.loop.call_later(self.slowest_head, self._late)

    def _late(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, MalformedRequest("The head stopped coming."))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_message_begin(self) -> None:
        """Start counting anew."""
        super().on_message_begin()
        self._head = self._size = 0

    def on_url(self, url: bytes) -> None:
        """Count what one read may have brought all at once."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count, as above; trailers too."""
        self._count(len(name) + len(value))
        if len(self.headers) >= MOST_HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_HEAD:
            raise ValueError("too large a head")

    def on_headers_complete(self) -> None:
        """The rest is body: bounded by whoever reads it."""
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("no proxy")
        self._offered = self.parser.should_upgrade()
        if self._offered:
            return
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _Chunkless  # it is uvicorn's to make, and has not begun
        self._head = None
        self._stop_timer()

    def on_message_complete(self) -> None:
        """An offer's request is read once more, without it."""
        if not self._offered:
            cast("dict[str, Any]", self.scope)[WHOLE] = True
            super().on_message_complete()

    def _decline(self, rest: bytes) -> None:
        """The parser takes an offered protocol for spoken and stops: begin again without it."""
        line = b"%s %s HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        kept = [b"%s: %s\r\n" % pair for pair in self.headers if pair[0] not in _OFFER]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([line, *kept, b"\r\n", rest]))

    def send_400_response(self, msg: str) -> None:
        """Refuse what does not parse, and heads that are too large."""
        many = self.headers is not None and len(self.headers) >= MOST_HEADERS
        if many or max(self._size, self._head or 0) > MOST_HEAD:
            error = MalformedRequest("The head of the request is too large.")
            error.code = "request_too_large"
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, error)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, MalformedRequest(msg))

    def _refuse(self, status: HTTPStatus, error: MalformedRequest) -> None:
        """Say it in the envelope, where it cannot be taken for another request's answer; close."""
        self._refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._head is not None or cycle.response_started or self.pipeline:
                cycle.keep_alive = False  # closes after the answer that is under way
                return
            cycle.disconnected = True  # it was this request's body: ours is its answer
            cycle.message_event.set()
        elif self._head is None:  # the body of a request that has its answer
            self.transport.close()
            return
        self.transport.write(_answer(status, error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(PARTING, self.transport.close)


class _Chunkless(RequestResponseCycle):
    """An answer to HTTP/1.0, which has no chunks: without a length it ends with the connection."""

    _unmeasured = False

    async def send(self, message: Any) -> None:
        """ASGI's promise."""
        if message["type"] == "http.response.start":
            named = {name.lower() for name, _ in message.get("headers", ())}
            self._unmeasured = b"content-length" not in named
            self.chunked_encoding = False if self._unmeasured else None
        elif self._unmeasured:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def _answer(status: HTTPStatus, error: MalformedRequest) -> bytes:
    rid = new_id()
    body = msgspec.json.encode(envelope(error, rid))
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"{REQUEST_ID}: {rid}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
