"""Where traces wait while their store is away: a bounded ring of files on this disk."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Raw

from portico.stores.whom import Whom
from portico.traces.base import Trace

logger = logging.getLogger(__name__)

BARE = Raw(b'{"left_out":["everything that was said: the store was away for too long"]}')
"""The story of a trace whose own had to make room."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Trace)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: stories that had to make room, and traces that nothing is left of."""

    bared: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Ring:
    """
    A directory of batches, of *room* bytes at most, shared by all processes of one installation.

    Where there is no room the oldest stories go first and leave their cards; then the oldest cards
    go. Any process may replay any batch: traces are idempotent. Nothing is synced to the disk: what
    a power cut takes here is no bill.
    """

    directory: Path
    room: int = 256_000_000

    def write(self, traces: Sequence[Trace]) -> Written:
        """Keep one batch; raises OSError and leaves nothing half written under its name."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = _ENCODER.encode_lines(traces)
        made = self._make_room(len(data))
        self._put(self.directory / f"{time.time_ns():020d}-{os.getpid()}.jsonl", data)
        return made

    def batches(self) -> list[Path]:
        """Return the batches that wait, oldest first; raises OSError."""
        return sorted(self.directory.glob("*.jsonl"))

    def read(self, batch: Path) -> list[Trace]:
        """
        Return the traces of *batch*; none if another process was faster.

        What cannot be read is deleted: it may hold what should be held nowhere.
        """
        try:
            return _DECODER.decode_lines(batch.read_bytes())
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError:
            logger.error("a batch of traces that waited cannot be read and is deleted")
            self.remove(batch)
            return []

    def remove(self, batch: Path) -> None:
        """Forget *batch*: its traces are in the store."""
        batch.unlink(missing_ok=True)

    def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """Take what waits of *whom* out, or only count it; return how many; raises OSError."""
        gone = 0
        for batch in self.batches():
            traces = self.read(batch)
            stay = [one for one in traces if not whom.is_meant(one.card.person, one.card.caller)]
            gone += len(traces) - len(stay)
            if len(stay) < len(traces) and not dry_run:
                self._put(batch, _ENCODER.encode_lines(stay))
        return gone

    def _make_room(self, size: int) -> Written:
        sizes = {batch: _size(batch) for batch in self.batches()}
        bared = lost = 0
        for batch in list(sizes):
            if sum(sizes.values()) + size <= self.room:
                break
            traces = self.read(batch)
            bare = [Trace(trace.card, BARE) for trace in traces if trace.story != BARE]
            if bare:
                stay = [Trace(trace.card, BARE) for trace in traces]
                bared += len(bare)
                self._put(batch, _ENCODER.encode_lines(stay))
                sizes[batch] = _size(batch)
        for batch in list(sizes):
            if sum(sizes.values()) + size <= self.room:
                break
            lost += len(self.read(batch))
            self.remove(batch)
            del sizes[batch]
        return Written(bared, lost)

    def _put(self, name: Path, data: bytes) -> None:
        draft = name.with_suffix(".draft")
        try:
            with open(draft, "wb", opener=_private) as file:
                file.write(data)
            draft.rename(name)
        except OSError:
            draft.unlink(missing_ok=True)  # it would take what room there is left
            raise


def _size(batch: Path) -> int:
    try:
        return batch.stat().st_size
    except FileNotFoundError:  # another process has replayed it
        return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
