"""What is kept for all processes, in one of them: bytes by name, for a time, in so much room."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.errors import StoreUnavailable

ROOM = 64_000_000
"""Bytes of all that is kept; what was kept first goes first."""

LARGEST = 4 << 20
"""Bytes of one request or answer on the wire."""

COST = 200
"""Bytes that anything is reckoned at besides its content."""


class Put(Struct, frozen=True, tag=True):
    """Keep *value* for so many seconds; None: keep nothing under *name*."""

    name: str
    value: bytes | None
    seconds: float


class Get(Struct, frozen=True, tag=True):
    """Say what is kept under *name*."""

    name: str


_encode = msgspec.msgpack.Encoder().encode
_wishes = msgspec.msgpack.Decoder(Put | Get)
_values = msgspec.msgpack.Decoder(bytes | None)


class Cupboard:
    """Sync state, with a clock for what is over."""

    def __init__(self, room: int = ROOM, clock: Callable[[], float] = time.monotonic) -> None:
        self.size = 0
        self._room = room
        self._clock = clock
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def do(self, wish: Put | Get) -> bytes | None:
        """Put or get; returns what is kept under that name then."""
        value, until = self._kept.get(wish.name, (b"", 0.0))
        if isinstance(wish, Get):
            return value if until > self._clock() else None
        self._drop(wish.name)
        if wish.value is not None:
            self._kept[wish.name] = wish.value, self._clock() + wish.seconds
            self.size += COST + len(wish.value)
        while self.size > self._room:
            self._drop(next(iter(self._kept)))
        return wish.value

    def _drop(self, name: str) -> None:
        if (kept := self._kept.pop(name, None)) is not None:
            self.size -= COST + len(kept[0])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one wish of a worker."""
        try:
            wish = _wishes.decode(await _framed(reader))
            writer.write(_frame(_encode(self.do(wish))))
            await writer.drain()
        except (OSError, EOFError, ValueError):  # gone, or nothing of ours
            pass
        finally:
            writer.close()


async def ask(path: Path, wish: Put | Get) -> bytes | None:
    """
    Have the cupboard at that socket do *wish*, by a connection of its own.

    Raises:
        StoreUnavailable: nobody is there, or it went away.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(_frame(_encode(wish)))
            value: bytes | None = _values.decode(await _framed(reader))
            return value
        finally:
            writer.close()
    except (OSError, EOFError, ValueError) as exc:
        raise StoreUnavailable(f"what is kept for all: {type(exc).__name__}") from exc


def _frame(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


async def _framed(reader: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await reader.readexactly(4))
    if size > LARGEST:
        raise ValueError("larger than anything that is kept")
    return await reader.readexactly(size)
