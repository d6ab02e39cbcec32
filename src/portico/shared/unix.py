"""The hub of one gateway's workers: a thread of the process that started them, at a socket."""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.errors import StoreUnavailable
from portico.shared.base import Batch, Hear, Reply, Say
from portico.shared.counts import Counts
from portico.shared.kept import Cupboard, Get, Put, ask

LONGEST = 4 << 20
"""Bytes of a line, and of lines that a worker has not read before it is taken for dead."""

_WAIT = 0.5  # seconds to wait for what a line is answered by; a guard is over this, with less

_KEPT = "kept"  # the socket, beside the hub's, at which things are kept for all

_encode = msgspec.json.Encoder().encode
_batches = msgspec.json.Decoder(Batch)


class _Line(Struct, frozen=True, omit_defaults=True):
    """What a worker reads: the answer to its batch, or what another one said."""

    reply: Reply | None = None
    said: Say | None = None


_lines = msgspec.json.Decoder(_Line)


@contextmanager
def keep_hub() -> Iterator[Path]:
    """Keep a hub in a thread while the context is open; gives the socket that it is at."""
    with tempfile.TemporaryDirectory(prefix="portico-", ignore_cleanup_errors=True) as folder:
        path, ready = Path(folder) / "hub", threading.Event()
        loop = asyncio.new_event_loop()
        ended = asyncio.Event()
        thread = threading.Thread(
            target=loop.run_until_complete, args=(_keep(path, ready, ended),), name="hub"
        )
        thread.start()
        try:
            ready.wait(5)
            yield path
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join(5)
            loop.close()


async def _keep(path: Path, ready: threading.Event, ended: asyncio.Event) -> None:
    hub = _Hub()
    server = await asyncio.start_unix_server(hub.serve, path, limit=LONGEST)
    keeping = await asyncio.start_unix_server(Cupboard().serve, path.with_name(_KEPT))
    for one in (path, path.with_name(_KEPT)):
        os.chmod(one, 0o600)
    ready.set()
    await ended.wait()
    server.close()
    keeping.close()
    hub.close()
    await asyncio.sleep(0)  # the connections' own tasks end


class _Hub:
    """All workers' connections, and the counts between them."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._others: dict[str, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one worker for as long as it lives; then what it had is free."""
        who = ""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while line := await reader.readline():
                batch = _batches.decode(line)
                who = batch.who
                self._others[who] = writer
                reply = self._counts.swap(batch, time.time())
                writer.write(_encode(_Line(reply=reply)) + b"\n")
                for say in batch.says:
                    self._tell(who, _encode(_Line(said=say)) + b"\n")
        except (OSError, ValueError):  # gone, or nothing of ours
            pass
        finally:
            self._tasks.discard(task)
            if self._others.get(who) is writer:
                del self._others[who]
                self._counts.gone(who)
            writer.close()

    def _tell(self, who: str, line: bytes) -> None:
        for other, writer in self._others.items():
            if other == who:
                continue
            if writer.transport.get_write_buffer_size() > LONGEST:
                writer.transport.abort()
            else:
                writer.write(line)

    def close(self) -> None:
        """Hang up on everybody."""
        for task in self._tasks:
            task.cancel()


class UnixHub:
    """A worker's connection to the hub at *path*, made when it is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hear: Hear = lambda key, value: None
        self._missed: Callable[[], None] = lambda: None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[Reply] | None = None

    async def swap(self, batch: Batch) -> Reply:
        """See `Hub`."""
        try:
            writer = self._writer or await self._connected()
            self._answer = asyncio.get_running_loop().create_future()
            writer.write(_encode(batch) + b"\n")
            async with asyncio.timeout(_WAIT):
                return await self._answer
        except (OSError, TimeoutError) as exc:
            self._hang_up()
            raise StoreUnavailable(f"the hub: {exc}") from exc
        except BaseException:  # its answer would be taken for the next one's
            self._hang_up()
            raise

    async def put(self, name: str, value: bytes | None, seconds: float) -> None:
        """See `Hub`."""
        await ask(self._path.with_name(_KEPT), Put(name, value, seconds))

    async def get(self, name: str) -> bytes | None:
        """See `Hub`."""
        return await ask(self._path.with_name(_KEPT), Get(name))

    async def _connected(self) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST)
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader, writer), name="hub reader")
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                told = _lines.decode(line)
                if told.said is not None:
                    self._hear(told.said.key, told.said.value)
                elif told.reply is not None and self._answer and not self._answer.done():
                    self._answer.set_result(told.reply)
        if self._writer is writer:
            self._hang_up()
            self._missed()

    def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("it has hung up"))
            self._answer.exception()  # whoever waited may have left

    @asynccontextmanager
    async def listening(self, hear: Hear, missed: Callable[[], None]) -> AsyncIterator[None]:
        """See `Hub`; what others say comes by the same connection."""
        self._hear, self._missed = hear, missed
        try:
            yield
        finally:
            self._missed = lambda: None
            self._hang_up()
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.wait({self._reading}, timeout=1)
