"""The nouns of sharing, and the one thing that a hub can do."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

MINUTE = 60
"""Seconds of a window, and seconds for which what was drawn counts in it."""

SPARE = 16
"""A hub lends one part in so many of what is left, besides what was asked for."""

LIFE = 1.0
"""Seconds for which a process keeps what it has not used; then it gives it back."""


class Ask(Struct, frozen=True, array_like=True):
    """
    What is wanted of one limit: *want* units where `most` may be used by all processes together.

    A `window` counts what was drawn in the last minute, and lets in while there is any room, as
    `access.limits` does. Otherwise units are places, which are had until they are given back;
    whoever would wait for one says so by `queue`, asks again soon, and is served in turn.
    """

    name: str
    most: int
    want: int = 1
    window: bool = False
    queue: bool = False


class Lent(Struct, frozen=True, array_like=True):
    """Granted: for each ask the cell (epoch second) that it counts in, and spare units with it."""

    cells: tuple[int, ...]
    spare: tuple[int, ...]


class Short(Struct, frozen=True, array_like=True, tag=True):
    """Refused: which of the asks leaves no room, and the seconds after which it may again."""

    which: int
    wait: float


class Back(Struct, frozen=True, array_like=True):
    """Units of *name* that are given back; cell 0: places. Negative: more were used than drawn."""

    name: str
    cell: int
    units: int


class Say(Struct, frozen=True, array_like=True):
    """
    News for all others. What is `kept` is told to whoever comes later, too.

    A value of None takes back what is kept under *key*.
    """

    key: str
    value: str | None
    kept: bool = True


class Batch(Struct, frozen=True, omit_defaults=True):
    """
    One process's turn at the hub: first what it gives back, then what it says and draws.

    `holds` is given when it comes, or comes back: the places that it has, by name.
    """

    who: str
    draws: tuple[tuple[Ask, ...], ...] = ()
    backs: tuple[Back, ...] = ()
    says: tuple[Say, ...] = ()
    holds: dict[str, int] | None = None


class Drawn(Struct, frozen=True, omit_defaults=True):
    """What became of one draw: all of its asks are granted, or none is."""

    lent: Lent | None = None
    short: Short | None = None


class Reply(Struct, frozen=True, omit_defaults=True):
    """The hub's word to a batch; `board` is what is kept, for whoever has just come."""

    drawn: tuple[Drawn, ...] = ()
    board: dict[str, str] | None = None


type Hear = Callable[[str, str | None], None]
"""Takes what another process said: its key and value."""


class Hub(Protocol):
    """Where processes meet. One batch of a process is under way at a time."""

    async def swap(self, batch: Batch) -> Reply:
        """
        Hand in *batch*.

        Raises:
            StoreUnavailable: the hub cannot be reached, or went away; it may have taken the batch.
        """
        ...

    def listening(
        self, hear: Hear, missed: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        """
        Tell *hear* what others say, on the event loop, until the context ends.

        *missed* is called when others may have said what was not heard. Never raises: a hub that
        is away is tried again.
        """
        ...

    async def put(self, name: str, value: bytes | None, seconds: float) -> None:
        """
        Keep *value* for all, for so many seconds or for less where room is short; None: nothing.

        Raises:
            StoreUnavailable: it may be kept, or what was before it.
        """
        ...

    async def get(self, name: str) -> bytes | None:
        """
        Return what is kept under *name*, None if nothing is.

        Raises:
            StoreUnavailable: nobody can tell.
        """
        ...
