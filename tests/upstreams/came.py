"""An answer of an upstream whose bytes and cuts are known, for what reads it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from portico.egress.clients import HTTPRequest
from portico.egress.status import Receipt


class Came:
    """An answer whose body comes in these pieces; a client that gives it to whoever asks."""

    status = 200
    headers: Mapping[str, str] = {"content-type": "text/event-stream"}
    receipt = Receipt("direct")

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    @asynccontextmanager
    async def send(self, request: HTTPRequest) -> AsyncIterator["Came"]:
        yield self

    def barred(self) -> bool:
        return False

    async def read(self, limit: int = 0) -> bytes:
        return b"".join(self._pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
