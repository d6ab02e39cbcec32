"""Where rows wait while the store is away: one file a batch, whole or not there at all."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portico.ledger.base import RequestRow
from portico.ledger.journal import adopt

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(RequestRow)


@dataclass(frozen=True, slots=True)
class Spool:
    """
    A directory of batches, shared by all processes of one installation.

    A batch is JSON lines, synced to the disk before it gets its name. Any process may replay any
    batch, also one of a process that died, and two may replay the same: rows are idempotent.
    """

    directory: Path

    def write(self, rows: Sequence[RequestRow]) -> None:
        """Keep one batch; raises OSError and leaves nothing half written under its name."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._put(self.directory / f"{time.time_ns():020d}-{os.getpid()}.jsonl", rows)

    def replace(self, batch: Path, rows: Sequence[RequestRow]) -> None:
        """Let *batch* hold *rows* only; without any it is gone; raises OSError."""
        if rows:
            self._put(batch, rows)
        else:
            self.remove(batch)

    def _put(self, name: Path, rows: Sequence[RequestRow]) -> None:
        draft = name.with_suffix(".draft")
        try:
            with open(draft, "wb", opener=_private) as file:
                file.write(_ENCODER.encode_lines(rows))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(name)
        except OSError:
            draft.unlink(missing_ok=True)  # it would take what room there is left
            raise
        self._sync_directory()

    def batches(self) -> list[Path]:
        """Return the batches that wait, oldest first, dead processes' too; raises OSError."""
        adopt(self.directory)
        return sorted(self.directory.glob("*.jsonl"))

    def read(self, batch: Path) -> list[RequestRow]:
        """
        Return the rows of *batch*; empty if another process was faster.

        A batch that is none is renamed to `.unreadable`, for a person to look at.
        """
        try:
            return _DECODER.decode_lines(batch.read_bytes())
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError:
            batch.rename(batch.with_suffix(".unreadable"))
            return []

    def remove(self, batch: Path) -> None:
        """Forget *batch*: its rows are in the store."""
        batch.unlink(missing_ok=True)

    def _sync_directory(self) -> None:
        handle = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
