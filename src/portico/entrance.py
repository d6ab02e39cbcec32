"""One address, several workers: whoever has the fewest connections takes the next one."""

import asyncio
import fcntl
import logging
import mmap
import os
import socket
import struct
from collections.abc import Callable, Sized
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

SEATS = "PORTICO_SEATS"
"""How a worker learns of the file in which all of them say how many connections they have."""

MOST = 64
"""Seats in the file. A worker that finds none takes whatever comes."""

_COUNT = struct.Struct("=I")
_NOBODY = 0xFFFFFFFF

_MORE = 2
"""So many more connections than another one, or an eighth more, a worker may have all the same."""

_HEAD_START = 0.001
"""Seconds that others are given to take what this worker leaves to them."""

_NO_FILES = 1.0
"""Seconds to wait where no more files can be opened."""


def set_seats(path: Path) -> None:
    """Make the file, with nobody in it."""
    path.write_bytes(_COUNT.pack(_NOBODY) * MOST)


class Seat:
    """
    A worker's place in the file at *path*, its own until it ends, however it does.

    Where a worker was killed its last word stands until the next one has its seat: a count that is
    wrong only costs a head start.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)  # a lock ends with the file, or with the process
        self._counts = mmap.mmap(self._file, MOST * _COUNT.size)
        self._place = next((place for place in range(MOST) if self._free(place)), None)

    def _free(self, place: int) -> bool:
        with suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _COUNT.size, place * _COUNT.size)
            return True
        return False

    def crowded(self, count: int) -> bool:
        """Say that this worker has *count* connections; true if the next is another one's."""
        if self._place is None:
            return False
        _COUNT.pack_into(self._counts, self._place * _COUNT.size, count)
        fewest: int = min(told for (told,) in _COUNT.iter_unpack(self._counts))
        return count >= fewest + max(_MORE, fewest // 8)

    def leave(self) -> None:
        """Nobody waits for this worker any more."""
        if self._place is not None:
            _COUNT.pack_into(self._counts, self._place * _COUNT.size, _NOBODY)
        self._counts.close()
        os.close(self._file)


class Entrance:
    """
    Takes connections at *listener*, which other workers have as well, for as long as it is open.

    A worker with more of them than another leaves the next one to whoever is there first, for a
    millisecond; then it takes it after all. So nobody waits for a worker that has no time.
    """

    def __init__(
        self, listener: socket.socket, make: Callable[[], asyncio.Protocol], guests: Sized
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._make = make
        self._guests = guests  # who has a connection: uvicorn's own set of them
        self._arriving: set[asyncio.Task[None]] = set()
        self._seat = Seat(Path(os.environ[SEATS]))
        self._later: asyncio.TimerHandle | None = None

    def open(self, backlog: int) -> None:
        """Begin to take connections."""
        self._listener.setblocking(False)
        self._listener.listen(backlog)
        self._look()

    def _look(self) -> None:
        self._loop.add_reader(self._listener, self._come)

    def _come(self) -> None:
        if self._seat.crowded(len(self._guests) + len(self._arriving)):
            self._pause(_HEAD_START)
        else:
            self._take()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._look()
        self._take()

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # another one has it, or it has gone
            return
        except OSError as exc:
            log.warning("no connection can be taken: %s", exc.strerror)
            self._pause(_NO_FILES)
            return
        task = self._loop.create_task(self._welcome(connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _welcome(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, connection)
        except OSError:  # it has gone already
            connection.close()

    def close(self) -> None:
        """Leave the address to the others."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listener)
        self._seat.leave()

    async def wait_closed(self) -> None:
        """Return when nobody arrives any more."""
        if self._arriving:
            await asyncio.wait(self._arriving)


class SharingLoop(uvloop.Loop):
    """A worker's event loop: asked to serve a socket that was bound by its parent, it shares it."""

    async def create_server(self, protocol_factory: Any, *args: Any, **given: Any) -> Any:
        """Asyncio's promise; uvicorn's for protocols that know of each other."""
        if (listener := given.get("sock")) is None:
            return await super().create_server(protocol_factory, *args, **given)
        first: HttpToolsProtocol = protocol_factory()
        entrance = Entrance(listener, protocol_factory, first.connections)
        entrance.open(given["backlog"])
        return entrance
