"""What is known of artifacts: whose they are, where their bytes lie, which chats carried them."""

import base64
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from portico.artifacts.base import content_hash

ID = re.compile(r"art_[a-z2-7]{26}")
"""What an id looks like: 130 random bits. It opens nothing by itself; a grant does."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """
    One file of one owner (None: everybody's). Times are epoch seconds.

    `raw` is the SHA-256 of the bytes that came, `key` where bytes with these pixels lie, and `kind`
    and `size` are theirs. `bare`: those bytes hold pixels and nothing else. `pixels` is None where
    there are several sheets. `uploaded`: somebody put it here; otherwise a chat carried it, and it
    goes with the last chat that did.
    """

    id: str
    owner: str | None
    raw: str
    key: str
    kind: str
    size: int
    width: int
    height: int
    pixels: str | None
    name: str
    created: float
    bare: bool = False
    uploaded: bool = True

    @property
    def sha256(self) -> str:
        """Return the hash of the bytes that are given for it."""
        return content_hash(self.key)


@dataclass(frozen=True, slots=True)
class Use:
    """
    One view of an artifact that a target was shown in a chat.

    `place` is where the picture stood in the request, `number` which of the views made of it this
    is. `recipe` made `derived` (a key) of it; both are "" where it went as it came, and `derived`
    alone where the recipe only strips: that is done again for whoever wants to see it.
    """

    request: str
    place: str
    target: str
    number: int
    artifact: str
    seen: float
    part: str = ""
    sheet: int = 0
    width: int = 0
    height: int = 0
    mime: str = ""
    recipe: str = ""
    derived: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An artifact, and who else may see it."""

    artifact: Artifact
    grants: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Theirs:
    """
    What an index knows of somebody.

    `artifacts` are theirs. `shown` are others' artifacts, each with a request of theirs that showed
    it, `given` others' artifacts that they may see, each with the name under which. `keys` are
    those of bytes that nothing but these speaks of, or that had still to go before.
    """

    artifacts: frozenset[str] = frozenset()
    shown: frozenset[tuple[str, str]] = frozenset()
    given: frozenset[tuple[str, str]] = frozenset()
    keys: frozenset[str] = frozenset()


class Claim(StrEnum):
    """What the index says to somebody who is about to put bytes under a key."""

    NEW = "new"  # put them
    KNOWN = "known"  # they are there
    GOING = "going"  # the sweep deletes them right now: ask again


@dataclass(frozen=True, slots=True)
class Met:
    """What there is of bytes that a chat carried, and what was said of each key claimed for it."""

    artifact: Artifact | None
    claims: Mapping[str, Claim]


class Index(Protocol):
    """
    Knows artifacts, grants, uses, and which keys are referred to.

    Every method raises StoreUnavailable where the store does not answer. A key that was claimed
    is safe from `condemn` until the moment that `condemn` is told, so that bytes may be put before
    anything refers to them.
    """

    async def claim(self, key: str, now: float) -> Claim:
        """Say that bytes are about to be put under *key*, and learn whether they have to be."""
        ...

    async def meet(self, owner: str | None, raw: str, keys: Collection[str], now: float) -> Met:
        """
        Do in one go what is done for every picture of a chat: `carried`, and `claim` for *keys*.

        Claimed are also the key of what is known, and `blob_key(raw)` unless that has its bytes.
        """
        ...

    async def settle(
        self, stored: Collection[str], new: Artifact | None, uses: Sequence[Use]
    ) -> set[str]:
        """
        Do in one go what is left: `stored`, `add` for what is *new*, `note` for *uses*.

        Return the artifacts whose uses were left out, for they are gone.
        """
        ...

    async def stored(self, keys: Collection[str]) -> None:
        """Note that there are bytes under *keys*, all of them claimed before."""
        ...

    async def lost(self, key: str) -> None:
        """Note that the bytes under *key* were not there: whoever claims it next puts them."""
        ...

    async def add(self, artifact: Artifact) -> None:
        """Take in *artifact*."""
        ...

    async def find(self, ident: str) -> Held | None:
        """Return the artifact with that id."""
        ...

    async def latest(self, before: str | None, limit: int) -> list[Artifact]:
        """
        Return everybody's artifacts, newest first; *before*: those that are older than that one.

        An unknown *before* gives none.
        """
        ...

    async def carried(self, owner: str | None, raw: str) -> Artifact | None:
        """Return the oldest artifact of *owner* that came as the bytes *raw*."""
        ...

    async def alike(self, owner: str | None, pixels: str) -> Artifact | None:
        """Return the oldest bare artifact of *owner* with these pixels."""
        ...

    async def grant(self, ident: str, to: str) -> None:
        """Let *to* see the artifact as well."""
        ...

    async def revoke(self, ident: str, to: str) -> None:
        """Take that back."""
        ...

    async def remove(self, ident: str) -> None:
        """Forget the artifact, its grants and its uses."""
        ...

    async def note(self, uses: Sequence[Use]) -> None:
        """Keep *uses*; twice is once, and those of an artifact that is gone are left out."""
        ...

    async def uses(self, request: str) -> list[Use]:
        """Return what the chat with that id showed, in order."""
        ...

    async def seen(self, request: str, at: float) -> None:
        """Count what the chat with that id showed as seen at that time."""
        ...

    async def expired(self, before: float) -> int:
        """Count the uses from before *before*."""
        ...

    async def expire(self, before: float) -> int:
        """Forget those, and the artifacts that only they spoke of; return how many uses."""
        ...

    async def referred(self, keys: Iterable[str], before: float) -> set[str]:
        """Return those of *keys* that anything still refers to once `expire(before)` was done."""
        ...

    async def condemn(self, key: str, now: float, before: float) -> bool:
        """
        Begin to delete *key*, unless something refers to it or it was claimed after *before*.

        Until `forget`, or for CONDEMNED seconds, whoever claims it is told to wait.
        """
        ...

    async def forget(self, key: str) -> None:
        """End that: whoever claims *key* next has to put its bytes."""
        ...

    async def theirs(self, owners: Collection[str], requests: Collection[str]) -> Theirs:
        """Return what is of *owners*, or was shown in *requests*; `keys` may be others' too."""
        ...

    async def disown(self, owners: Collection[str], requests: Collection[str]) -> Theirs:
        """Forget all of that; return what it was, with those keys only that have to go."""
        ...


CONDEMNED = 60.0
"""Seconds after which a sweep that never said `forget` is taken for dead."""


def new_id() -> str:
    """Return an id that nobody guesses."""
    text = base64.b32encode(secrets.token_bytes(17)).decode().lower()
    return f"art_{text[:26]}"
