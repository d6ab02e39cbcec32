"""A line to a real server that can be cut, swallow everything, or be slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

type Mode = Literal["well", "down", "black hole", "slow", "refusing"]

SLOW = 5.0
"""Seconds that everything the server says is held up by."""

FULL = b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Proxy:
    """
    Stands before one server. `mode` may be changed at any time with `become`.

    `down` resets what is open and what comes; `black hole` takes what comes and never answers;
    `slow` answers seconds too late; `refusing` answers as an HTTP server whose disk is full does.
    `met` counts the connections that came since the mode was changed.
    """

    def __init__(self, host: str, port: int) -> None:
        self.mode: Mode = "well"
        self.met = 0
        self._upstream = host, port
        self._open: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def address(self) -> str:
        """Where to call it: `127.0.0.1:port`."""
        return f"127.0.0.1:{self._port}"

    async def become(self, mode: Mode) -> None:
        """Change the mode; connections that are open meet it, too."""
        self.mode, self.met = mode, 0
        for task in list(self._open):
            task.cancel()
        await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Treat one connection as the mode says."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.met += 1
        try:
            await self._treat(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass  # cut: the other side sees a reset, and this task has nothing else to do
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _treat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "down":
            return
        if self.mode == "black hole":
            while await reader.read(65536):
                pass
            return
        if self.mode == "refusing":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(FULL)
            await writer.drain()
            return
        await self._between(reader, writer)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(*self._upstream)
        try:
            there = asyncio.create_task(_copy(reader, ours, 0))
            back = asyncio.create_task(_copy(theirs, writer, SLOW if self.mode == "slow" else 0))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (there, back):
                    task.cancel()
                await asyncio.wait({there, back})
        finally:
            ours.transport.abort()

    async def aclose(self) -> None:
        """Cut everything."""
        for task in list(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=5)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: float) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            await asyncio.sleep(late)
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """Open a proxy to the server at *host* and *port*."""
    one = Proxy(host, port)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one._port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.aclose()
