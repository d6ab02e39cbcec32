"""Brings batches to a store that may be away: within bounds, and not again before it is time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from portico.errors import ConfigError, StoreUnavailable

log = logging.getLogger(__name__)


class Bell:
    """
    When whoever delivers has its turn: *linger* seconds after the first of a batch has come.

    `ring` says that one has come; once it is `over`, nothing is waited for any more.
    """

    def __init__(self, linger: float) -> None:
        self._linger = linger
        self._come = asyncio.Event()
        self._closed = asyncio.Event()
        self.ring = self._come.set

    @property
    def over(self) -> bool:
        """True once it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """Wake whoever waits, for the last time."""
        self._closed.set()
        self.ring()

    async def due(self, wait: float | None) -> None:
        """Wait for a batch, or for *wait* seconds where there is something else to do then."""
        try:
            async with asyncio.timeout(wait):
                await self._come.wait()
        except TimeoutError:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                await self._closed.wait()
        self._come.clear()  # before anything is taken: what comes meanwhile rings anew


class Delivery:
    """
    To one store. *what* names it in the log (`the ledger's store`), *meanwhile* says what becomes
    of batches while it is away; *patience* and *retry* are seconds, for one batch and between two
    attempts on a store that is away. That it goes and comes back is said once each.
    """

    def __init__(self, what: str, meanwhile: str, patience: float, retry: float) -> None:
        self._what = what
        self._meanwhile = meanwhile
        self._patience = patience
        self._retry = retry
        self._at = 0.0  # of the loop's clock; 0 while the store is there
        self.why = ""

    @property
    def away(self) -> bool:
        """True if the store did not answer when it was last asked; `why` says what it came to."""
        return self._at > 0

    @property
    def wait(self) -> float:
        """Seconds until the store may be asked, 0 for now."""
        return max(0.0, self._at - _now()) if self._at else 0.0

    def postpone(self, seconds: float | None = None) -> None:
        """Ask it no more for so many seconds: something is wrong, with it or with us."""
        self._at = _now() + (self._retry if seconds is None else seconds)

    async def give(self, work: Callable[[], Awaitable[None]]) -> bool:
        """
        Do *work* if the store may be asked; return whether it took what it was given.

        One whose tables a newer version of this program has written is away, too.
        """
        if self.wait:
            return False
        try:
            async with asyncio.timeout(self._patience):
                await work()
        except (StoreUnavailable, ConfigError, TimeoutError) as exc:
            if not self._at:
                log.warning("%s is away; %s: %s", self._what, self._meanwhile, exc)
            self.why = str(exc) or f"{self._what} took nothing within {self._patience:g} s"
            self.postpone()
            return False
        if self._at:
            log.info("%s is back", self._what)
            self._at, self.why = 0.0, ""
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
