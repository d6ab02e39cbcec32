"""Notes of pictures that wait for their stores: so many, so long; what is given up is counted."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from portico.access.base import Caller
from portico.dispatch.journey import Glance
from portico.dispatch.records import Record

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of what waits; times are seconds."""

    waiting: int = 1_000
    """Notes that may wait; the oldest make room."""
    gather: float = 0.2
    """For which a note waits for more of them: a batch costs little more than one."""
    retry: float = 1.0
    """Until the first new attempt while a store is away; then twice that, and so on …"""
    slowest: float = 30.0
    """… up to this."""
    hold: float = 600.0
    """For which a note waits for a store to come back; pictures wait as long."""


@dataclass(frozen=True, slots=True)
class Note:
    """
    A record to be made of a picture: of an artifact, or of the bytes with that SHA-256.

    `came` is by the loop's clock. Of one that is `written` only its point is missing.
    """

    record: Record
    caller: Caller
    glance: Glance
    came: float
    artifact: str | None = None
    written: bool = False


class Notes:
    """Those that wait. `lost` counts the ones that were given up before they were written."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.lost = 0
        self.pace = pace or Pace()
        self._waiting: deque[Note] = deque()
        self._failures = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def delay(self) -> float:
        """Seconds until those that wait should be tried."""
        if not self._failures:
            return self.pace.gather
        return min(self.pace.slowest, self.pace.retry * 2.0 ** min(self._failures - 1, 16))

    def take(self, note: Note) -> None:
        """Let *note* wait; sync, never raises."""
        self._waiting.append(note)
        self._trimmed()

    def batch(self, most: int) -> list[Note]:
        """Take the oldest note away, with others of its caller, *most* in all."""
        taken: list[Note] = []
        others: list[Note] = []
        for note in self._waiting:
            ours = not taken or (len(taken) < most and _whose(note) == _whose(taken[0]))
            (taken if ours else others).append(note)
        self._waiting = deque(others)
        return taken

    def told(self, left: Sequence[Note], why: str) -> None:
        """Let those wait on whose store was away, *why* in words; none if none was."""
        if left and not self._failures:
            log.warning("what was shown is not remembered yet, its notes wait: %s", why)
        if self._failures and not left:
            log.info("what was shown is remembered again")
        self._failures = self._failures + 1 if left else 0
        oldest = asyncio.get_running_loop().time() - self.pace.hold
        self._waiting.extendleft(note for note in reversed(left) if note.came >= oldest)
        self._lose([note for note in left if note.came < oldest])
        self._trimmed()

    def close(self) -> None:
        """Give up what waits."""
        self._lose(self._waiting)
        self._waiting = deque()

    def _trimmed(self) -> None:
        over = len(self._waiting) - self.pace.waiting
        self._lose([self._waiting.popleft() for _ in range(over)])

    def _lose(self, notes: Collection[Note]) -> None:
        """Those that are written come in with a rebuild; said once for all of them."""
        lost = sum(not note.written for note in notes)
        self.lost += lost
        if lost:
            log.error("notes of pictures were lost", extra={"fields": {"lost": self.lost}})
        if lost < len(notes):
            log.warning("pictures are found after `portico memory rebuild`: the memory was away")


def _whose(note: Note) -> tuple[str | None, str | None]:
    return note.caller.key, note.caller.owner
