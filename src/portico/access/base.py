"""Who is asking, keys as values, who is on the roster, and what a store of keys promises."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

KEY = re.compile(rb"pk-[A-Za-z0-9_-]{43}")
"""What a key looks like: 32 random bytes, so that guessing one is hopeless."""

type State = Literal["live", "expired", "revoked"]
type Capture = Literal["full", "no-media", "metadata-only"]
"""How much of what is said may be kept: all of it, all but pictures and files, or that it was."""


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who is asking, and what they may.

    `key` is the id of their key, None where no key is needed and none came; `name` is that key's.
    `person` and `team` are ids of people and teams, or None. `roles` are the roles and `targets`
    the targets they may use, None for all. `trusted` keys are a front end's: what its headers say
    of a user and a chat is believed. `owner` is whom pictures, streams and answers that are kept
    belong to.
    """

    key: str | None = None
    name: str | None = None
    person: str | None = None
    team: str | None = None
    admin: bool = False
    capture: Capture = "full"
    trusted: bool = False
    roles: frozenset[str] | None = None
    targets: frozenset[str] | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A front end's user, in its words."""

    id: str | None = None
    email: str | None = None
    name: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """
    Where in a front end a request comes from, as far as somebody we trust has said so.

    `task` is its background task (`title_generation`), None for what its user asked.
    """

    chat: str | None = None
    message: str | None = None
    task: str | None = None
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key, which is not the key. Times are epoch seconds."""

    id: str
    name: str
    created: float
    expires: float | None
    revoked: float | None
    last4: str

    def state(self, now: float) -> State:
        """Say what this key is at *now*; a revoked key never expires any more."""
        if self.revoked is not None:
            return "revoked"
        return "live" if self.expires is None or now < self.expires else "expired"


@dataclass(frozen=True, slots=True)
class Kept:
    """A key as a store keeps it: `digest` tells it again, `sealed_by` names the secret used."""

    key: Key
    digest: bytes
    sealed_by: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key with its text, which exists here and with its owner, and nowhere else."""

    key: Key
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Roster:
    """Every key ever made, by its digest, and the secret that digests are made with."""

    keys: Mapping[bytes, Key]
    secret: bytes = field(repr=False)

    def find(self, text: bytes) -> Key | None:
        """
        Return the key whose text this is, in whatever state; None if nobody made it.

        What is compared are digests under a secret: how long it takes tells nothing of a key.
        """
        return self.keys.get(digest(self.secret, text))

    def lives(self, now: float) -> bool:
        """Return True if anybody has a key that opens at *now*."""
        return any(key.state(now) == "live" for key in self.keys.values())


class KeyStore(Protocol):
    """
    Where keys are kept. Nothing is ever deleted: who a row of the ledger belongs to stays known.

    Every method raises StoreUnavailable if the store does not answer, and ConfigError if a newer
    version of this program wrote it.
    """

    async def add(self, kept: Kept) -> None:
        """Keep a new key, durably."""
        ...

    async def all(self) -> Sequence[Kept]:
        """Return every key, oldest first."""
        ...

    async def revoke(self, ident: str, when: float) -> None:
        """Mark the key with that id as revoked; one that is already keeps its time."""
        ...


def digest(secret: bytes, text: bytes) -> bytes:
    """Return what stands for the key *text* in a store."""
    return hmac.digest(secret, text, "sha256")


def seal(secret: bytes) -> str:
    """Return a name for *secret* that does not give it away."""
    return digest(secret, b"which secret is this?").hex()[:16]
