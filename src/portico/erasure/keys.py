"""Somebody among the keys, the people and the deeds, and in what is remembered of those."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portico.access.base import AccessStore, Deed
from portico.access.forgetting import FORGOTTEN, changed, marks_of
from portico.access.keyring import COMMAND, Keyring
from portico.access.rows import MOST
from portico.access.watch import LOOK
from portico.erasure.base import Counts, Opener, Traced
from portico.stores.whom import Whom

NOTICED = 2 * LOOK
"""Seconds after which every gateway has looked at the keys again, and written what it held."""

PARTLY = "person.partly_forgotten"
"""What the deed of a run is called that has left something."""


@dataclass(frozen=True, slots=True)
class Keys:
    """
    Who they are. Last of all: the keys say what else is theirs.

    Deeds stay, and name a mark in their place. Gateways that serve read of the mark there, and
    drop the answers that they hold for it.
    """

    ring: Opener[Keyring]
    home: Path
    name: str = "access"
    after: frozenset[str] = frozenset({"traces", "memory", "artifacts", "ledger"})

    async def look(self, traced: Traced) -> Counts:
        """See Place."""
        async with self.ring() as ring:
            return await _counts(ring.store, traced.whom)

    async def erase(self, traced: Traced) -> Counts:
        """See Place."""
        async with self.ring() as ring:
            marks = marks_of(traced.whom, await ring.sealing())
            counts = await _counts(ring.store, traced.whom)
            told = {"marks": sorted(marks.values())}
            await ring.store.forget(marks, done(FORGOTTEN, min(marks.values()), told))
        await asyncio.sleep(NOTICED)
        await asyncio.to_thread(self._clear)
        return counts

    def _clear(self) -> None:
        """A gateway that serves writes it again, by what it knows now."""
        for path in self.home.glob("access.snapshot*"):
            path.unlink(missing_ok=True)


async def whom(ring: Keyring, person: str) -> Whom:
    """Return *person*, in whichever case they are written, with the keys that are theirs."""
    people = frozenset({person, person.lower()})
    kept = (await ring.store.register()).keys
    return Whom(people, frozenset(one.key.id for one in kept if one.key.person in people))


async def shut(ring: Keyring, theirs: Whom) -> None:
    """Revoke the keys of *theirs*, so that nothing more comes by them."""
    for one in (await ring.store.register()).keys:
        if one.key.id in theirs.keys and one.key.revoked is None:
            await ring.revoke(one.key.id)


def done(what: str, mark: str, told: dict[str, list[str]]) -> Deed:
    """Return the deed of an erasure, which names a mark."""
    return Deed(at=time.time(), by=COMMAND, what=what, about=mark, after=told)


async def _counts(store: AccessStore, theirs: Whom) -> Counts:
    register = await store.register()
    marks = dict.fromkeys(theirs.owners, "")
    return {
        "keys": sum(one.key.id in theirs.keys for one in register.keys),
        "people": sum(one.id in theirs.people for one in register.people),
        "deeds": len(changed(await _deeds(store), marks)),
    }


async def _deeds(store: AccessStore) -> Sequence[Deed]:
    found: list[Deed] = []
    page = list(await store.deeds(None, MOST))
    while page:
        found += page
        page = list(await store.deeds(page[-1].number, MOST))
    return found
