"""Looks at what is around this process every minute, and closes paths while a leak is possible."""

import asyncio
import logging

from portico.egress.checking import Boundary, look
from portico.egress.findings import Finding, Guarded
from portico.egress.names import Resolve
from portico.egress.pool import Pool

log = logging.getLogger(__name__)


class Guard:
    """
    Watches over *boundary*; `panicking` are the pools that are closed while a leak is possible.

    They open again by themselves, at the first look that finds no leak.
    """

    def __init__(self, boundary: Boundary, resolve: Resolve, panicking: tuple[Pool, ...]) -> None:
        self._boundary = boundary
        self._resolve = resolve
        self._panicking = panicking
        self._findings: tuple[Finding, ...] = ()
        self._looked: float | None = None

    @property
    def told(self) -> Guarded | None:
        """What the last look found; None before the first."""
        if self._looked is None:
            return None
        age = asyncio.get_running_loop().time() - self._looked
        return Guarded(any(each.leak for each in self._findings), age, self._findings)

    async def run(self, every: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(every)

    async def once(self) -> None:
        """Look, say what is new, and close or open."""
        found = await look(self._boundary, self._resolve)
        before = {(each.check, each.where) for each in self._findings if each.leak}
        leaks = [each for each in found if each.leak]
        for each in leaks:
            if (each.check, each.where) not in before:
                log.error("a leak is possible: %s: %s (%s)", each.where, each.what, each.mend)
        if before and not leaks:
            log.warning("no leak is possible any more")
        self._findings, self._looked = found, asyncio.get_running_loop().time()
        for pool in self._panicking:
            _keep(pool, leaks)


def _keep(pool: Pool, leaks: list[Finding]) -> None:
    closed = f"a leak is possible: {leaks[0].where}: {leaks[0].what}" if leaks else ""
    if bool(closed) != bool(pool.ways.closed):
        state = "closed" if closed else "open again"
        log.error("the egress path %s is %s%s", pool.path.name, state, closed and f": {closed}")
    pool.ways.close(closed)
