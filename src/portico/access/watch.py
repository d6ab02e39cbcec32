"""Keeps a gate in step with the store of keys, beside the requests and never on their way."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from portico.access.base import Roster
from portico.access.gate import MAKE, Gate
from portico.errors import StoreUnavailable

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between looks at the keys: so long may a new one be unknown, a revoked one good."""

type Read = Callable[[], Awaitable[Roster]]
type Recall = Callable[[], Awaitable[tuple[Roster, float] | None]]
"""Gives who was known when the store was last heard of, and the seconds since."""


@asynccontextmanager
async def open_gate(
    gate: Gate, read: Read, pause: float = LOOK, recall: Recall | None = None
) -> AsyncIterator[Gate]:
    """
    Open *gate*, which goes by what *read* returns, asked anew every *pause* seconds.

    A store that is away does not keep the gate from opening: it goes by what *recall* returns.

    Raises:
        ConfigError: a newer version of this program keeps the keys.
    """
    watch = Watch(gate, read)
    await watch.look()
    if gate.roster is None and recall is not None and (known := await recall()):
        gate.know(*known)
        log.warning("going by the keys of %d seconds ago", known[1])
    _announce(gate)
    task = asyncio.create_task(watch.run(pause), name="gate watch")
    try:
        yield gate
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)


class Watch:
    """Looks, tells the gate, and says it aloud when something has changed that matters."""

    def __init__(self, gate: Gate, read: Read) -> None:
        self._gate = gate
        self._read = read
        self._away = False

    async def run(self, pause: float) -> None:
        """Look every *pause* seconds, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
            except Exception:  # supervisor: a gate that no longer looks refuses everybody in time
                log.exception("reading the keys failed and is tried again")

    async def look(self) -> None:
        """Read the keys once; if that fails the gate goes on with what it knows."""
        try:
            roster = await self._read()
        except StoreUnavailable as exc:
            if not self._away:
                log.error("keys cannot be read, known ones stay good for 15 minutes: %s", exc)
            self._away, self._gate.why = True, str(exc)
            return
        self._gate.why = ""
        if self._away:
            log.info("keys can be read again")
            self._away = False
        was_open = self._gate.needs_key is False
        self._gate.know(roster)
        if was_open and self._gate.needs_key:
            log.warning("the gateway is closed now: a first key was made, callers need one")


def _announce(gate: Gate) -> None:
    rule = gate.rule
    if gate.needs_key is False:
        who = "everybody who reaches it" if rule.exposed else "this machine"
        until = "" if rule.required is False else ", until a first key is made"
        log.log(logging.WARNING if rule.exposed else logging.INFO, _OPEN, who, until)
    elif gate.roster is not None and not gate.roster.lives(time.time()):
        log.warning("nobody can ask: callers need a key and there is none: %s", MAKE)


_OPEN = "the gateway is open to %s%s: no key is needed"
