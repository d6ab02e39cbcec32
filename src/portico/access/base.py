"""Who is asking, keys as values, who is on the roster, and what a store of keys promises."""

import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import Struct

KEY = re.compile(rb"pk-[A-Za-z0-9_-]{43}")
"""What a key looks like: 32 random bytes, so that guessing one is hopeless."""

MADE = "key.created"
"""The deed of making a key; it outlives the key's row."""

type State = Literal["live", "expired", "revoked"]
type Capture = Literal["full", "no-media", "metadata-only"]
"""How much of what is said may be kept: all of it, all but pictures and files, or that it was."""


EVERYBODY = "*"
"""The id of the person whose terms hold for each of those who have none of their own."""


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What somebody may, and how much of it; what is None is open. Budgets are US dollars.

    Days and months are UTC's. `roles` are those that may be asked for, `targets` those that may
    answer. Where several terms hold, the narrowest of each kind does.
    """

    roles: frozenset[str] | None = None
    targets: frozenset[str] | None = None
    usd_per_day: Decimal | None = None
    usd_per_month: Decimal | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    capture: Capture | None = None

    @property
    def bounded(self) -> bool:
        """True if something has to be counted."""
        counted = (self.requests_per_minute, self.tokens_per_minute, self.concurrency)
        return any(one is not None for one in (self.usd_per_day, self.usd_per_month, *counted))


@dataclass(frozen=True, slots=True)
class Bound:
    """Whose terms have to be counted against; `account` is `key:ID`, `person:ID` or `team:ID`."""

    account: str
    whose: str  # as a refusal says it
    terms: Terms


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who is asking, and what they may.

    `key` is the id of their key, None where no key is needed and none came; `name` is that key's.
    `person` and `team` are ids of people and teams, or None. `roles` are the roles and `targets`
    the targets they may use, None for all. `trusted` keys are a front end's: what its headers say
    of a user and a chat is believed. `owner` is whom pictures, streams and answers that are kept
    belong to. `bounds` are the limits that hold for them.
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
    bounds: tuple[Bound, ...] = ()

    @property
    def known(self) -> str:
        """How an audit names them: by their key, or as whoever reached a gateway without one."""
        return f"{self.key} ({self.name})" if self.key else "nobody (no key is needed)"


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
    """
    What is known of a key, which is not the key. Times are epoch seconds.

    Until `overlap` the text that the key had before its last rotation is good as well.
    """

    id: str
    name: str
    created: float
    expires: float | None
    revoked: float | None
    last4: str
    admin: bool = False
    trusted: bool = False
    person: str | None = None
    team: str | None = None
    terms: Terms = field(default=Terms())
    overlap: float | None = None

    def state(self, now: float) -> State:
        """Say what this key is at *now*; a revoked key never expires any more."""
        if self.revoked is not None:
            return "revoked"
        return "live" if self.expires is None or now < self.expires else "expired"


@dataclass(frozen=True, slots=True)
class Kept:
    """
    A key as a store keeps it: `digest` tells it again, `sealed_by` names the secret used.

    `before` is the digest of the text before the last rotation.
    """

    key: Key
    digest: bytes
    sealed_by: str
    before: bytes | None = None


class Person(Struct, frozen=True, kw_only=True):
    """Somebody: `id` is what the ledger knows them by, such as an e-mail address."""

    id: str
    name: str = ""
    team: str | None = None
    created: float = 0.0
    terms: Terms = Terms()


class Team(Struct, frozen=True, kw_only=True):
    """Several people with a budget of their own."""

    id: str
    name: str = ""
    created: float = 0.0
    terms: Terms = Terms()


class Deed(Struct, frozen=True, kw_only=True):
    """
    One act of an operator: when (epoch seconds), who, what, on what, and what that changed.

    `before` and `after` hold no secret. `number` is the store's, 0 until it has it.
    """

    at: float
    by: str
    what: str
    about: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Register:
    """
    Everything a store knows, as of its deed number `version`.

    `ever` is true once a key was made, whether or not its row has been forgotten since.
    """

    keys: Sequence[Kept] = ()
    people: Sequence[Person] = ()
    teams: Sequence[Team] = ()
    version: int = 0
    ever: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key with its text, which exists here and with its owner, and nowhere else."""

    key: Key
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Roster:
    """
    Every key that is known, by its digest, and the secret that digests are made with.

    `outgoing` are the digests of texts before a rotation; each is good until its key's `overlap`.
    `ever` is true once a key was made, also where all have been forgotten.
    """

    keys: Mapping[bytes, Key]
    secret: bytes = field(repr=False)
    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    outgoing: frozenset[bytes] = frozenset()
    ever: bool = False

    def find(self, text: bytes) -> Key | None:
        """
        Return the key whose text this is, in whatever state; None if nobody made it, or if another
        text has taken its place for good.

        What is compared are digests under a secret: how long it takes tells nothing of a key.
        """
        mark = digest(self.secret, text)
        key = self.keys.get(mark)
        if key is not None and mark in self.outgoing and time.time() >= (key.overlap or 0.0):
            return None
        return key

    def lives(self, now: float) -> bool:
        """Return True if anybody has a key that opens at *now*."""
        return any(key.state(now) == "live" for key in self.keys.values())


class AccessStore(Protocol):
    """
    Where keys, people, teams and the audit are kept. A key goes only when its person is forgotten:
    who a row of the ledger belongs to stays known.

    Every change is kept with the deed that tells of it, both or neither. Every method raises
    StoreUnavailable if the store does not answer, and ConfigError if a newer version of this
    program wrote it.
    """

    async def version(self) -> int:
        """Return the number of the latest deed: while it stays, so does everything."""
        ...

    async def register(self) -> Register:
        """Return everything, oldest first."""
        ...

    async def keep(self, thing: Kept | Person | Team, deed: Deed) -> None:
        """Keep a new thing, or a known one as it is now; a revoked key stays revoked."""
        ...

    async def drop(self, thing: Person | Team, deed: Deed) -> None:
        """Forget a person or a team; keys and people that name it go on naming it."""
        ...

    async def note(self, deed: Deed) -> None:
        """Keep a deed that changed nothing here."""
        ...

    async def forget(self, marks: Mapping[str, str], deed: Deed) -> None:
        """
        Delete the people and keys with the ids of *marks*, and keep *deed*, which names none.

        Deeds of before get the marks in the place of the ids, as `access.forgetting` says.
        """
        ...

    async def deeds(self, before: int | None = None, limit: int = 50) -> Sequence[Deed]:
        """Return the latest deeds, or those before that number, newest first."""
        ...


def digest(secret: bytes, text: bytes) -> bytes:
    """Return what stands for the key *text* in a store."""
    return hmac.digest(secret, text, "sha256")


def seal(secret: bytes) -> str:
    """Return a name for *secret* that does not give it away."""
    return digest(secret, b"which secret is this?").hex()[:16]
