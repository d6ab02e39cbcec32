"""Finished requests, shown as they come to whoever looks on."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from portico.ledger.base import RequestRow

MOST = 32
"""Onlookers at a time."""

KEPT = 2_000
"""Requests that wait for one onlooker at most; the oldest go first."""


class Onlooker:
    """One who looks on: takes what has come since last time."""

    def __init__(self) -> None:
        self.missed = 0  # went before anybody took them
        self._waiting: deque[RequestRow] = deque()

    def give(self, row: RequestRow) -> None:
        """Hand *row* on; called from the ledger's thread."""
        if len(self._waiting) >= KEPT:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(row)

    def take(self) -> list[RequestRow]:
        """Return what has come since, oldest first; called on the event loop."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]


class Feed:
    """
    Hands finished requests of this process to onlookers. While there is none it costs nothing.

    `give` runs in the ledger's thread, the rest on the event loop: a tuple is replaced whole.
    """

    def __init__(self) -> None:
        self._onlookers: tuple[Onlooker, ...] = ()

    def give(self, row: RequestRow) -> None:
        """Show *row* to everybody."""
        for one in self._onlookers:
            one.give(row)

    @property
    def full(self) -> bool:
        """True where nobody more may look on."""
        return len(self._onlookers) >= MOST

    @contextmanager
    def looking_on(self) -> Iterator[Onlooker]:
        """Look on until the block ends."""
        one = Onlooker()
        self._onlookers = (*self._onlookers, one)
        try:
            yield one
        finally:
            self._onlookers = tuple(other for other in self._onlookers if other is not one)
