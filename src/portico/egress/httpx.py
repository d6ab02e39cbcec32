"""httpx over an egress path, for libraries that bring their own HTTP client and take no other."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

import httpx

from portico.egress.clients import Client, EgressError, HTTPAnswer, HTTPRequest
from portico.egress.status import Receipt

MOST_ERROR = 1024 * 1024
"""Bytes of an error answer that are read."""

HOP = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "accept-encoding", "te"}
)
"""Headers that are the connection's, not the request's; the path's client writes its own."""


class Watch(Protocol):
    """Sees what really went over the wire, whatever the library makes of it afterwards."""

    def sending(self, body: bytes) -> None:
        """Look at a request before it is sent; may raise, and then it is not."""
        ...

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of an answer has come; names are in lower case."""
        ...

    def heard(self, data: bytes) -> None:
        """A piece of the answer's body has come."""
        ...

    def lost(self, error: EgressError) -> None:
        """Nothing more will come, because of *error*."""
        ...


class Carrier(httpx.AsyncBaseTransport):
    """
    Carries the requests of one call over an egress path, and hangs up when it is closed.

    No proxy of the environment is consulted and nothing is asked for in compressed form. An
    error of the path becomes an httpx.ReadError: of httpx's errors the one that the libraries
    above neither retry nor take for an ending. httpx's own time-outs are not kept: *connect*
    (seconds) bounds dialling, the caller's clock everything else. `receipt` is that of the last
    answer whose head has come.
    """

    def __init__(self, client: Client, watch: Watch, connect: float) -> None:
        self._client = client
        self._watch = watch
        self._connect = connect
        self._open = AsyncExitStack()
        self.receipt: Receipt | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; raises httpx.ReadError, and what the watch raises."""
        body = await request.aread()
        self._watch.sending(body)
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        headers["accept-encoding"] = "identity"
        call = HTTPRequest(str(request.url), headers, body, request.method, self._connect)
        try:
            answer = await self._open.enter_async_context(self._client.send(call))
        except EgressError as error:
            raise self._lost(error, request) from error
        self.receipt = answer.receipt
        self._watch.answered(answer.status, answer.headers)
        return await self._response(answer, request)

    async def aclose(self) -> None:
        """Hang up whatever is open."""
        await self._open.aclose()

    async def _response(self, answer: HTTPAnswer, request: httpx.Request) -> httpx.Response:
        headers = list(answer.headers.items())
        if answer.status < 400:
            body = _Body(self._pieces(answer, request))
            return httpx.Response(answer.status, headers=headers, stream=body)
        # Read here, where the whole of it is seen: above, some of it is never read.
        try:
            complaint = await answer.read(MOST_ERROR)
        except EgressError:
            complaint = b""  # the status has come, and says enough
        self._watch.heard(complaint)
        return httpx.Response(answer.status, headers=headers, content=complaint)

    async def _pieces(self, answer: HTTPAnswer, request: httpx.Request) -> AsyncIterator[bytes]:
        try:
            async for piece in answer.chunks():
                self._watch.heard(piece)
                yield piece
        except EgressError as error:
            raise self._lost(error, request) from error

    def _lost(self, error: EgressError, request: httpx.Request) -> httpx.ReadError:
        self._watch.lost(error)
        return httpx.ReadError(str(error), request=request)


class _Body(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces
