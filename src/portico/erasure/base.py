"""What of somebody is in one store, and what became of it: the words of every erasure."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from portico.errors import ConfigError, StoreUnavailable
from portico.stores.whom import Whom

type Opener[T] = Callable[[], AbstractAsyncContextManager[T]]
"""Opens a store."""

type Counts = Mapping[str, int]
"""How many there are of each kind of thing, such as `rows` or `blobs`."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Somebody, and the ids of all requests that the ledger knows as theirs."""

    whom: Whom
    requests: frozenset[str] = field(default_factory=frozenset)


class Place(Protocol):
    """
    One place where something of somebody may be.

    Both methods raise StoreUnavailable where it does not answer; what was erased so far is then
    erased, and a further call erases the rest.
    """

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    @property
    def after(self) -> frozenset[str]:
        """The places that have to be done before: this one says what of theirs there is."""
        ...

    async def look(self, traced: Traced) -> Counts:
        """Count what is there, and change nothing."""
        ...

    async def erase(self, traced: Traced) -> Counts:
        """Leave nothing of it; return what that took."""
        ...


class Told(Struct, frozen=True, kw_only=True):
    """What was found in one place, or erased. `left` says why it is not done, "" if it is."""

    place: str
    counts: Counts
    left: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """What came of it, place by place; it does not say of whom."""

    dry_run: bool
    places: tuple[Told, ...]

    @property
    def done(self) -> bool:
        """True if every place was looked into, or erased, to its end."""
        return not any(place.left for place in self.places)

    @property
    def total(self) -> int:
        """How many things were found or erased."""
        return sum(sum(place.counts.values()) for place in self.places)


async def told(name: str, work: Callable[[], Awaitable[Counts]]) -> Told:
    """Return what *work* counted, or why it could not."""
    try:
        return Told(place=name, counts=await work())
    except (StoreUnavailable, ConfigError, OSError) as exc:
        why = exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else str(exc)
        return Told(place=name, counts={}, left=why)
