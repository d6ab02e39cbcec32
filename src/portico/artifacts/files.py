"""Blobs in a directory tree: every key is a file, written aside and moved into place."""

import asyncio
import errno
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from pathlib import Path

from portico.artifacts.base import BlobMissing, Span, Stored, checked, clipped
from portico.errors import StoreUnavailable

SCHEME = "file:///"

PATIENCE = 10.0
"""Seconds for one file; a disk that hangs costs a thread, and nobody's request."""

THREADS = 4
BATCH = 500

ASIDE = ".new"
"""The folder of what is being written; no key begins with a dot."""

LEFT = 86_400.0
"""Seconds after which what is still in it was left by somebody who died."""


def path_of(url: str) -> Path:
    """
    Return the folder of `file:///relative` or `file:////absolute`.

    Raises:
        ValueError: it is no such URL.
    """
    if not url.startswith(SCHEME) or not url.removeprefix(SCHEME):
        raise ValueError("not of the form file:///path")
    return Path(url.removeprefix(SCHEME))


@asynccontextmanager
async def open_files(root: Path, patience: float = PATIENCE) -> AsyncIterator["Files"]:
    """
    Open the store in the folder *root*, made if need be.

    Raises:
        StoreUnavailable: it cannot be made or written to.
    """
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="artifacts files")
    files = Files(root, threads, patience)
    try:
        await files.open()
        yield files
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class Files:
    """Blobs under one folder; several processes may share it, on one machine or over a network."""

    def __init__(self, root: Path, threads: ThreadPoolExecutor, patience: float) -> None:
        self._root = root
        self._aside = root / ASIDE
        self._threads = threads
        self._patience = patience

    async def open(self) -> None:
        """Make the folder, and clear away what was left half written."""
        await self._do(self._open)

    async def put(self, key: str, data: bytes, *, lasting: bool = True) -> None:
        """See Blobs."""
        path = self._path(key)
        await self._do(lambda: self._put(path, data, lasting))

    async def get(self, key: str, span: Span | None = None) -> bytes:
        """See Blobs."""
        path = self._path(key)
        return await self._do(lambda: _get(path, span))

    async def size(self, key: str) -> int:
        """See Blobs."""
        path = self._path(key)
        return await self._do(lambda: _size(path))

    async def delete(self, key: str) -> None:
        """See Blobs."""
        path = self._path(key)
        with suppress(BlobMissing):
            await self._do(lambda: _unlink(path))

    async def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        """See Blobs."""
        top = self._path(prefix.rstrip("/")) if prefix else self._root
        found = _walk(self._root, top)
        while batch := await self._do(lambda: list(islice(found, BATCH))):
            for stored in batch:
                yield stored

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _open(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else may look below
        self._aside.mkdir(mode=0o700, exist_ok=True)
        for path in self._aside.iterdir():
            with suppress(FileNotFoundError):  # another process clears away as well
                if path.stat().st_mtime < time.time() - LEFT:
                    path.unlink()

    def _put(self, path: Path, data: bytes, lasting: bool) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._aside.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._aside)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if lasting:
            _settle(path.parent)

    async def _do[T](self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError:
            told = "the folder of artifacts did not answer in time"
            raise StoreUnavailable(told, retry_after=self._patience) from None
        except OSError as exc:
            name = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
            told = f"the folder of artifacts did not answer: {name}"
            raise StoreUnavailable(told, retry_after=self._patience) from exc


def _settle(folder: Path) -> None:
    """A file is there after a crash only if its folder's entry is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise BlobMissing from None


def _size(path: Path) -> int:
    with _there():
        told = path.stat()
    if not stat.S_ISREG(told.st_mode):
        raise BlobMissing
    return told.st_size


def _unlink(path: Path) -> None:
    _size(path)  # a folder is no blob
    with _there():
        path.unlink()


def _get(path: Path, span: Span | None) -> bytes:
    with _there(), path.open("rb") as file:
        if span is None:
            return file.read()
        first, end = clipped(span)
        file.seek(first)
        return file.read(end - first)


def _walk(root: Path, top: Path) -> Iterator[Stored]:
    """Give every file below *top*; what vanishes meanwhile is left out."""
    for folder, below, names in os.walk(top):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                told = path.stat()
                key = path.relative_to(root).as_posix()
                yield Stored(key, told.st_size, told.st_mtime)
