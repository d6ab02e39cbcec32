"""What lies in no tables of ours: traces, blobs, rows that wait, and the secret of the keys."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from time import time
from typing import Any, Protocol

import msgspec

from portico.artifacts.base import Blobs
from portico.backup.base import Put
from portico.errors import ConfigError, Problem
from portico.traces.base import Trace, TraceQuery, TraceStore

BATCH = 50


class Opener[T](Protocol):
    """Opens a store."""

    def __call__(self) -> AbstractAsyncContextManager[T]:
        """Return it, to be entered."""
        ...


@dataclass(frozen=True, slots=True)
class Traces:
    """Part over a store of traces; what has expired is not in it."""

    opening: Opener[TraceStore]
    name: str = "traces"
    schema: int = 0
    keeps: bool = True

    def lasts(self, record: bytes) -> bool:
        """See Part; a backup may be older than what is in it may become."""
        expires = msgspec.json.decode(record, type=Trace).card.expires
        return expires is None or expires > time()

    async def dump(self, put: Put) -> None:
        """See Part."""
        async with self.opening() as store:
            async for trace in store.export():
                await put(msgspec.json.encode(trace))

    async def empty(self) -> bool:
        """See Part."""
        async with self.opening() as store:
            return not await store.cards(TraceQuery())

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """See Part; traces that are there stay."""
        read = msgspec.json.Decoder(Trace).decode
        async with self.opening() as store:
            for some in batched(map(read, records), BATCH):
                await store.append(some)


@dataclass(frozen=True, slots=True)
class Files:
    """Part over a store of blobs; a record is a key, a line's end, and the bytes."""

    opening: Opener[Blobs]
    name: str = "blobs"
    schema: int = 0
    keeps: bool = True

    def lasts(self, record: bytes) -> bool:
        """See Part."""
        return True

    async def dump(self, put: Put) -> None:
        """See Part."""
        async with self.opening() as store:
            async for stored in store.keys(""):
                await put(stored.key.encode() + b"\n" + await store.get(stored.key))

    async def empty(self) -> bool:
        """See Part."""
        async with self.opening() as store:
            async for _ in store.keys(""):
                return False
        return True

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """See Part; blobs that are there stay, and those of the same key become the same."""
        async with self.opening() as store:
            for one in records:
                key, _, data = one.partition(b"\n")
                await store.put(key.decode(), data)


@dataclass(frozen=True, slots=True)
class Folder:
    """Part over some files of the home folder: *patterns* say which."""

    name: str
    home: Path
    patterns: tuple[str, ...]
    schema: int = 0
    keeps: bool = False

    def lasts(self, record: bytes) -> bool:
        """See Part."""
        return True

    async def dump(self, put: Put) -> None:
        """See Part."""
        for path in self._files():
            told = {"path": str(path.relative_to(self.home))}
            data = b64encode(path.read_bytes()).decode()
            await put(msgspec.json.encode({**told, "base64": data}))

    async def empty(self) -> bool:
        """See Part."""
        return not self._files()

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """See Part."""
        for path in self._files():
            path.unlink()
        for one in records:
            told: dict[str, Any] = msgspec.json.decode(one)
            place = self.home / told["path"]
            if not place.resolve().is_relative_to(self.home.resolve()):
                raise ConfigError((Problem("the backup has a file that leads out of its folder"),))
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.touch(mode=0o600)
            place.write_bytes(b64decode(told["base64"]))

    def _files(self) -> list[Path]:
        return sorted(path for pattern in self.patterns for path in self.home.glob(pattern))
