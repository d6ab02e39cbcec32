"""Rows that wait in memory, once more on the disk: a killed process takes none of them along."""

import ctypes
import errno
import fcntl
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from portico.ledger.base import RequestRow

log = logging.getLogger(__name__)

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(RequestRow)

# `os.write` hands the interpreter to whichever thread waits for it, and has it back as late as
# 5 ms after: once a request, on the event loop. Through PyDLL it is kept, for a microsecond.
_write = ctypes.PyDLL(None, use_errno=True).write
_write.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
_write.restype = ctypes.c_ssize_t


class Journal:
    """
    Two files in *directory*, in turns: one takes rows while the other's are brought to the store.

    What was appended outlives the process, however it ends, but not the machine: nothing is synced.
    What a dead process leaves is found by `adopt`. Nothing raises: where the disk takes nothing,
    `why` and the log say so, and rows wait in memory alone.
    """

    def __init__(self, directory: Path) -> None:
        self.why = ""
        self._directory = directory
        self._now, self._before = _Half(), _Half()
        self._resting = False

    def append(self, row: RequestRow) -> None:
        """Write *row*; on the event loop only, and never waits for the disk."""
        if self._resting:
            return
        try:
            if self._now.handle < 0:
                self._now.open(self._directory)
            self._now.write(_ENCODER.encode(row) + b"\n")
        except OSError as exc:
            self._failed(exc)
            return
        if self.why:
            log.info("the ledger's journal takes rows again")
            self.why = ""

    def turn(self) -> None:
        """
        Let what comes go to the other file, unless that one's rows are not known to be safe yet.

        On the event loop only: no row may be appended before it and be waiting in memory after.
        """
        if not self._before.size:
            self._now, self._before = self._before, self._now

    @property
    def holds(self) -> bool:
        """True if something was appended before the last turn, and is not settled."""
        return self._before.size > 0 or self._resting

    def settle(self) -> None:
        """Forget what was appended before the last turn: all of it is in the store or the spool."""
        self._resting = False  # one attempt for each batch is enough for a disk that is full
        try:
            self._before.clear()
        except OSError as exc:
            self._failed(exc)

    def close(self, *, safe: bool) -> None:
        """End; only rows that are not *safe* elsewhere are left, as those of a dead process."""
        self._resting = True
        for half in (self._now, self._before):
            half.close(forget=safe or not half.size)

    def _failed(self, exc: OSError) -> None:
        self._resting = True
        if not self.why:
            log.error("rows wait in memory alone, a kill would lose them: %s", exc.strerror)
        self.why = exc.strerror or type(exc).__name__


class _Half:
    """One file, opened when it is needed, and locked while its process lives."""

    def __init__(self) -> None:
        self.handle = -1
        self.size = 0
        self._path = Path()

    def open(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / f"{time.time_ns():020d}-{os.getpid()}.journal"
        draft = self._path.with_suffix(".draft")
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        handle = os.open(draft, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self._path)  # nobody may find it before it is locked
        except BaseException:
            os.close(handle)
            draft.unlink(missing_ok=True)
            raise
        self.handle = handle

    def write(self, line: bytes) -> None:
        done = _write(self.handle, line, len(line))
        if done == len(line):
            self.size += done
            return
        number = ctypes.get_errno() if done < 0 else errno.ENOSPC
        if done > 0:
            os.ftruncate(self.handle, self.size)
        raise OSError(number, os.strerror(number))

    def clear(self) -> None:
        if self.size:
            os.ftruncate(self.handle, 0)
            self.size = 0

    def close(self, *, forget: bool) -> None:
        if self.handle < 0:
            return
        if forget:
            with suppress(OSError):
                self._path.unlink()
        os.close(self.handle)
        self.handle = -1


def adopt(directory: Path) -> None:
    """
    Make batches of the spool (`.jsonl`) of the journals that dead processes left in *directory*.

    Rows at the end that are not whole were never acknowledged, or went with the machine.
    Raises OSError.
    """
    for path in directory.glob("*.journal"):
        with suppress(FileNotFoundError):  # another process was faster
            handle = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _adopt(path, handle)
            except BlockingIOError:
                pass  # its process lives, and may be this one
            finally:
                os.close(handle)


def _adopt(path: Path, handle: int) -> None:
    raw = path.read_bytes()
    whole = _whole(raw)
    if whole < len(raw):
        log.warning("the end of a dead process's journal is not whole, and left out: %s", path.name)
        os.ftruncate(handle, whole)
    if whole:
        path.rename(path.with_suffix(".jsonl"))
    else:
        path.unlink()


def _whole(raw: bytes) -> int:
    """Return how many bytes of *raw*, from its beginning, are rows. Pure."""
    try:
        _DECODER.decode_lines(raw[: raw.rfind(b"\n") + 1])
        return raw.rfind(b"\n") + 1
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    end = 0
    for line in raw.splitlines(keepends=True):
        try:
            _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
        end += len(line)
    return end
