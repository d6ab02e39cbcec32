"""What stands before the application: uvicorn's protocol, with a bound on heads, in our words."""

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portico.api.problems import envelope
from portico.errors import MalformedRequest

MOST_HEAD = 64 * 1024  # bytes of request line and headers
MOST_HEADERS = 256


class Front(HttpToolsProtocol):
    """Refuses what is not HTTP, and heads that go on for ever, with the envelope of any error."""

    _reading_head = True
    _head = 0  # bytes read while the head is not complete
    _size = 0  # bytes of complete headers

    def data_received(self, data: bytes) -> None:
        """Count while a head is coming: the parser itself has no bound."""
        if self._reading_head:
            self._head += len(data)
        super().data_received(data)
        if self._reading_head and self._head > MOST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Start counting anew."""
        super().on_message_begin()
        self._reading_head = True
        self._head = 0
        self._size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what one read may have brought all at once."""
        self._size += len(name) + len(value)
        if self._size > MOST_HEAD or len(self.headers) >= MOST_HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The rest is body: bounded by whoever reads it."""
        self._reading_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say it in the envelope, and close."""
        many = self.headers is not None and len(self.headers) >= MOST_HEADERS
        large = many or self._size > MOST_HEAD or self._head > MOST_HEAD
        error = MalformedRequest("The head of the request is too large." if large else msg)
        status = b"431 Request Header Fields Too Large" if large else b"400 Bad Request"
        error.code = "request_too_large" if large else error.code
        body = msgspec.json.encode(envelope(error, ""))
        length = str(len(body)).encode()
        self.transport.write(
            b"HTTP/1.1 "
            + status
            + b"\r\ncontent-type: application/json\r\ncontent-length: "
            + length
            + b"\r\nconnection: close\r\n\r\n"
            + body
        )
        self.transport.close()
