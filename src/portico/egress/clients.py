"""HTTP over an egress path: what an upstream may use of it, and how it can fail."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct, field

from portico.egress.status import Receipt


class EgressError(Exception):
    """Bytes could not be carried; says how far we got."""


class ConnectFailed(EgressError):
    """No connection: nothing was sent."""


class TunnelDown(ConnectFailed):
    """The tunnel of a tunnelled path refused, failed or stayed silent: nothing was sent."""


class ConnectionLost(EgressError):
    """The connection went away after the request had been sent and before its answer ended."""


class HungUp(ConnectionLost):
    """The peer closed cleanly and said nothing: it may have left before the request came."""


class NotHTTP(EgressError):
    """What came back does not parse as HTTP."""


class TooLarge(EgressError):
    """The answer is over the limit that its reader set."""


type Piece = bytes | memoryview


class HTTPRequest(Struct, frozen=True):
    """One request. `connect` is in seconds and bounds dialling, tunnel and TLS together."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | tuple[Piece, ...] = b""  # pieces are sent as they are, without a copy
    method: str = "POST"
    connect: float = 5.0

    @property
    def length(self) -> int:
        """Bytes of the body."""
        if isinstance(self.body, bytes):
            return len(self.body)
        return sum(memoryview(piece).nbytes for piece in self.body)


class HTTPAnswer(Protocol):
    """The answer's head has been read; its body has not."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case; of a repeated one the last counts."""
        ...

    @property
    def receipt(self) -> Receipt:
        """By which way it came."""
        ...

    def barred(self) -> bool:
        """
        Tell the path that the provider does not serve where this answer's exit is.

        True if the same request, sent anew, leaves by another exit.
        """
        ...

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """Return the whole body; raises TooLarge, ConnectionLost, NotHTTP."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Give whatever has arrived, never empty; raises ConnectionLost, NotHTTP."""
        ...


class Client(Protocol):
    """One egress path's way to talk HTTP."""

    def send(self, request: HTTPRequest) -> AbstractAsyncContextManager[HTTPAnswer]:
        """
        Send *request* and give its answer; leaving the context hangs up or returns to the pool.

        Follows no redirect, consults no environment proxy, and asks once, with two exceptions: on
        a kept connection that its peer had closed already, the request is sent anew on a new one;
        and where a tunnel is lost before the answer's head, once more through another.
        Waits for ever for the head and the body: the caller's clock bounds that.

        Raises:
            ConnectFailed: and its subclasses TunnelDown and WrongPath.
            ConnectionLost: the connection closed before the head was complete.
            NotHTTP: the head does not parse.
        """
        ...
