"""The one way to call a store: within a deadline, and not at all while it is known to be away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from portico.errors import StoreUnavailable
from portico.stores.breaker import Breaker

log = logging.getLogger(__name__)

DEADLINE = 0.25
"""Seconds for one call on the way of a request (product.md §2.6)."""


class Guard:
    """
    Guards the calls of one store. *what* names it to an operator: `the ledger`.

    `asked` counts the calls that reached the store's client, `late` those among them that met
    their deadline, and `spared` those that were answered at once because the store is away.
    """

    def __init__(self, what: str, breaker: Breaker | None = None) -> None:
        self.what = what
        self.why = ""
        self.asked = 0
        self.late = 0
        self.spared = 0
        self._breaker = breaker or Breaker()

    @property
    def away(self) -> bool:
        """True while calls are not made; `why` says what the last one came to."""
        return self._breaker.open

    async def call[T](self, work: Callable[[], Awaitable[T]], within: float = DEADLINE) -> T:
        """
        Return what *work* returns within that many seconds.

        Raises:
            StoreUnavailable: *work* raised it, it took too long, or the store is away.
        """
        wait = self._breaker.wait()
        if wait:
            self.spared += 1
            raise StoreUnavailable(f"{self.what} is away: {self.why}", retry_after=wait)
        self.asked += 1
        try:
            async with asyncio.timeout(within):
                done = await work()
        except TimeoutError:
            self.late += 1
            late = StoreUnavailable(
                f"{self.what} did not answer within {within:g} s", retry_after=within
            )
            self._failed(late)
            raise late from None
        except StoreUnavailable as exc:
            self._failed(exc)
            raise
        except BaseException:  # says nothing of the store, and goes on to whom it concerns
            self._breaker.left()
            raise
        self._succeeded()
        return done

    def _failed(self, exc: StoreUnavailable) -> None:
        was, self.why = self._breaker.open, str(exc)
        self._breaker.failed()
        if self._breaker.open and not was:
            log.warning("%s is away and is asked only now and then: %s", self.what, self.why)

    def _succeeded(self) -> None:
        if self._breaker.open:
            log.info("%s is back", self.what)
        self._breaker.succeeded()
        self.why = ""
