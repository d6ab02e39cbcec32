"""The stand-in upstream: a raw protocol with precomputed answers, never the bottleneck."""

import argparse
import asyncio
import re
from typing import cast

import httptools
import uvloop

from benchmarks.answers import Answers, answers

PACE = 0.010
"""Seconds between the chunks of a paced stream."""

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_LOOKED_AT = 4096  # bytes at either end of a body; `stream` never stands behind a picture only


class Provider(asyncio.Protocol):
    """
    One connection. The first segment of the path says how it behaves.

    `/v1` answers briefly, `/burst` streams as fast as it is read, `/paced` every 10 ms, `/brief`
    does so for a fifth of a second, `/idle` falls silent after one delta, `/hang` never answers,
    `/v1beta` speaks Gemini.
    """

    def __init__(self, says: Answers) -> None:
        self._says = says
        self._parser = httptools.HttpRequestParser(self)
        self._url = self._head = self._tail = b""
        self._next: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common ancestor

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop a stream that nobody reads."""
        if self._next is not None:
            self._next.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse; what is not HTTP is hung up on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._url = self._head = self._tail = b""

    def on_url(self, url: bytes) -> None:
        """Gather the path."""
        self._url += url

    def on_body(self, data: bytes) -> None:
        """Keep only the two ends."""
        if not self._head:
            self._head = data[:_LOOKED_AT]
        self._tail = (self._tail + data[-_LOOKED_AT:])[-_LOOKED_AT:]

    def on_message_complete(self) -> None:
        """Answer at once, at a pace, partly, or not at all."""
        behaviour = self._url.split(b"/", 2)[1]
        if behaviour == b"hang":
            return
        if self._url.endswith(b"/models"):
            gemini = b"/v1beta/" in self._url
            self._transport.write(self._says.gemini_models if gemini else self._says.models)
        elif behaviour in (b"paced", b"brief"):
            pieces = self._says.paced if behaviour == b"paced" else self._says.brief
            if b":streamGenerateContent" in self._url:
                pieces = self._says.gemini_paced
            self._pace(pieces, 0, asyncio.get_running_loop().time())
        elif behaviour == b"burst" or b":streamGenerateContent" in self._url:
            self._burst(self._says.burst if behaviour == b"burst" else self._says.gemini_stream, 0)
        else:
            self._transport.write(self._at_once(behaviour))

    def _at_once(self, behaviour: bytes) -> bytes:
        if behaviour == b"v1beta":
            return self._says.gemini
        if behaviour == b"v1":
            streamed = _STREAM.search(self._head) or _STREAM.search(self._tail)
            return self._says.short_stream if streamed else self._says.short
        return self._says.idle

    def _burst(self, pieces: tuple[bytes, ...], at: int) -> None:
        # A turn of the loop for every piece: written in one turn they would be one write.
        self._transport.write(pieces[at])
        if at + 1 < len(pieces):
            self._next = asyncio.get_running_loop().call_soon(self._burst, pieces, at + 1)

    def _pace(self, pieces: tuple[bytes, ...], at: int, now: float) -> None:
        self._transport.write(pieces[at])
        if at + 1 < len(pieces):
            then = now + PACE
            self._next = asyncio.get_running_loop().call_at(then, self._pace, pieces, at + 1, then)


async def serve(port: int) -> None:
    """Serve on *port* of the loopback until killed."""
    says = answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(says), "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
