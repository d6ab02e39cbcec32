"""What is remembered of a thing, and what a store of such memories promises."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

TEXT = "text"
PICTURE = "picture"
EVERYBODY = ""
"""The reader of what belongs to nobody in particular."""
MOST_WORDS = 64
"""Words of a query that are looked for."""
LONGEST = 20_000
"""Characters of a text whose words are remembered."""

type Vector = Sequence[float]


class Space(Struct, frozen=True):
    """Where vectors can be compared: their length, and what made them."""

    dimensions: int
    made_by: str


type Spaces = Mapping[str, Space]
"""By name: `text` (where something embeds texts) and `picture`."""


def fingerprint(spaces: Spaces) -> str:
    """Return what changes when vectors of before can no longer be compared with new ones."""
    told = sorted((name, one.dimensions, one.made_by) for name, one in spaces.items())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def ident(artifact: str, request: str) -> str:
    """Return the id of what a request showed: 32 hexadecimal digits, the same ones each time."""
    return hashlib.blake2b(f"{artifact} {request}".encode(), digest_size=16).hexdigest()


class Point(Struct, frozen=True, kw_only=True):
    """
    One thing that can be found: a screen in a chat, and what was said of it.

    `id` is as `ident` makes it. `readers` are who may see it, EVERYBODY among them where anybody
    may. `at` is in epoch seconds. `chat` is the id of the request that showed it. `text` is
    searched by its words; a store need not keep it. `looks` is a perceptual hash, in hexadecimal.
    Vectors are unit vectors by the name of their space.
    """

    id: str
    artifact: str
    chat: str
    at: float
    readers: frozenset[str]
    text: str = ""
    looks: str = ""
    vectors: Mapping[str, Vector] = {}


class Hit(Struct, frozen=True, kw_only=True):
    """
    What was found, best first. `score` only compares hits of the same search.

    `words` are those of the query that were found, for a search by words; `likeness` is the
    cosine, for a search by a vector.
    """

    id: str
    artifact: str
    chat: str
    at: float
    looks: str = ""
    score: float = 0.0
    likeness: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """
    What is to leave no trace: everything of *artifacts*, single *points*, and names of *readers*.

    `readers` are pairs of an artifact and who may not see it any more.
    """

    artifacts: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()
    readers: frozenset[tuple[str, str]] = frozenset()


class Memory(Protocol):
    """
    Keeps points whose vectors are of the spaces that it was opened with.

    Every method raises StoreUnavailable where the store does not answer: nothing found is never
    said of a store that could not look.
    """

    async def put(self, points: Sequence[Point]) -> None:
        """Keep *points*; one with a known id takes the place of what was known."""
        ...

    async def near(self, space: str, vector: Vector, reader: str | None, limit: int) -> list[Hit]:
        """Return the points nearest to *vector* that *reader* may see."""
        ...

    async def worded(self, words: Sequence[str], reader: str | None, limit: int) -> list[Hit]:
        """Return the points that hold most of *words*, the rarer the better."""
        ...

    async def share(self, artifact: str, reader: str, *, seen: bool) -> None:
        """Let *reader* see what is known of the artifact, or no longer."""
        ...

    async def forget(self, artifacts: Collection[str]) -> None:
        """Forget all that is known of *artifacts*; that there was nothing is no error."""
        ...

    async def erase(self, gone: Gone, *, dry_run: bool = False) -> int:
        """
        Leave nothing of *gone*, in whatever spaces and files; return how many points that takes.

        Vectors of other spaces than these may go as a whole. A dry run changes nothing.
        """
        ...

    async def count(self) -> int:
        """Return how many points there are."""
        ...

    async def others(self) -> list[str]:
        """Return the names of what is kept for other spaces than these: it wants a rebuild."""
        ...

    async def clear(self) -> None:
        """Forget everything, of other spaces too."""
        ...


def readers_of(reader: str | None) -> list[str]:
    """Return under which names *reader* may see things."""
    return [EVERYBODY] if reader is None else [EVERYBODY, reader]
