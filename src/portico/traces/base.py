"""What was said: a trace and its card, how long it is kept, and what a store of them promises."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from msgspec import Raw, Struct
from msgspec.structs import replace

from portico.stores.whom import Whom

MOST = 200
"""Traces that one query may return."""

LARGEST = 1_000_000
"""Bytes of a story: with its card and flags it stays under 1 MiB in every store."""

DAY = 86_400.0


class Capture(StrEnum):
    """How much of what is said is kept."""

    FULL = "full"
    NO_MEDIA = "no-media"  # texts, but neither pictures nor what would find them again
    METADATA_ONLY = "metadata-only"  # nothing that anybody said


class Life(StrEnum):
    """How long a trace is kept."""

    BACKGROUND = "background"
    INTERACTIVE = "interactive"
    FLAGGED = "flagged"  # failures, thumbs
    PINNED = "pinned"  # for ever


class Thumb(StrEnum):
    """What somebody thought of an answer."""

    UP = "up"
    DOWN = "down"


class Fidelity(StrEnum):
    """Whether a trace could be played again as it was, or what stands against it."""

    COMPLETE = "complete"
    REDACTED = "redacted"  # a secret was masked, or the text was not to be kept
    TRUNCATED = "truncated"  # it was too long
    BLOB_MISSING = "blob-missing"  # a picture or file of it is not kept


class Card(Struct, frozen=True, kw_only=True):
    """
    What a trace is found by and listed with; nothing on it was said by anybody.

    `started` and `expires` are epoch seconds (None: never), `took` is in seconds. `error` is why
    there is no whole answer, `size` the bytes of the story. `thumb` is what was thought of the
    answer, `thumb_why` a front end's word for the reason, `thumbed` when that was last said.
    """

    id: str
    started: float
    took: float
    asked: str
    operation: str = "chat"
    outcome: str
    status: int | None = None
    error: str | None = None
    degraded: str | None = None
    role: str | None = None
    target: str | None = None
    attempts: int = 0
    simulated: bool = False
    streamed: bool = False
    modalities: tuple[str, ...] = ()
    task: str | None = None
    caller: str | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    message: str | None = None
    capture: Capture = Capture.FULL
    fidelity: Fidelity = Fidelity.COMPLETE
    life: Life = Life.INTERACTIVE
    expires: float | None = None
    flags: tuple[str, ...] = ()
    thumb: Thumb | None = None
    thumbed: float | None = None
    thumb_why: str | None = None
    size: int = 0


class Trace(Struct, frozen=True):
    """A card, and the story as JSON: see `traces.story.Story`."""

    card: Card
    story: Raw


@dataclass(frozen=True, slots=True)
class Keep:
    """Days that traces of each kind are kept."""

    background: float = 3
    interactive: float = 30
    flagged: float = 180

    def until(self, life: Life, since: float) -> float | None:
        """Return when a trace of this *life* goes, whose request came at *since*; None: never."""
        match life:
            case Life.BACKGROUND:
                return since + self.background * DAY
            case Life.INTERACTIVE:
                return since + self.interactive * DAY
            case Life.FLAGGED:
                return since + self.flagged * DAY
            case Life.PINNED:
                return None


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """
    Which traces to list, newest first; a filter left None lets everything pass.

    `error` and `degraded`: whether they were. `before` is the id of the last one of the page
    before; an unknown id gives an empty page. `limit` is brought into 1..200.
    """

    caller: str | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    message: str | None = None
    task: str | None = None
    role: str | None = None
    target: str | None = None
    outcome: str | None = None
    life: str | None = None
    modality: str | None = None
    thumb: str | None = None
    error: bool | None = None
    degraded: bool | None = None
    since: float | None = None
    until: float | None = None
    before: str | None = None
    limit: int = 50

    @property
    def most(self) -> int:
        """How many a page holds."""
        return min(max(self.limit, 1), MOST)


EQUAL = (
    *("caller", "person", "team", "chat", "message", "task", "role", "target", "outcome", "life"),
    "thumb",
)
"""Filters of a query that are compared with the card's field of the same name."""

PRESENT = ("error", "degraded")
"""Filters that ask whether the card's field of the same name is there."""


class TraceStore(Protocol):
    """
    Keeps traces until they expire; what has expired is invisible at once, and gone after a sweep.

    Every method raises StoreUnavailable where the store does not answer in time.
    """

    async def append(self, traces: Sequence[Trace]) -> None:
        """Keep *traces*; idempotent by id: what is there already stays as it is."""
        ...

    async def find(self, ident: str) -> Trace | None:
        """Return the trace of the request with that id, or None."""
        ...

    async def cards(self, query: TraceQuery) -> list[Card]:
        """Return the cards of those that *query* lets pass, newest first."""
        ...

    async def mark(self, card: Card) -> bool:
        """
        Take over `life`, `expires`, `flags` and the thumb of *card*.

        False if its trace is not there, or has a thumb that was given later.
        """
        ...

    async def sweep(self, *, dry_run: bool = False) -> int:
        """Delete what has expired, or only count it; return how many, as far as they are there."""
        ...

    async def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """Delete everything of *whom*, pinned or not, or only count it; return how many."""
        ...

    def export(self) -> AsyncIterator[Trace]:
        """Give every trace that has not expired, in the order of their ids; `append` takes them."""
        ...


def flagged(card: Card, flag: str, keep: Keep) -> Card:
    """Return *card* with one more *flag*: kept for as long as a flag keeps it."""
    flags = (*(one for one in card.flags if one != flag), flag)
    return _relived(replace(card, flags=flags), keep)


def unflagged(card: Card, flag: str | None, keep: Keep) -> Card:
    """Return *card* without *flag*, or with None without any."""
    flags = tuple(one for one in card.flags if flag is not None and one != flag)
    return _relived(replace(card, flags=flags), keep)


def pinned(card: Card) -> Card:
    """Return *card* so that it is kept for ever."""
    return replace(card, life=Life.PINNED, expires=None)


def unpinned(card: Card, keep: Keep) -> Card:
    """Return *card* as it is kept without a pin."""
    return _relived(replace(card, life=natural(card)), keep)


def thumbed(card: Card, thumb: Thumb | None, at: float, why: str | None, keep: Keep) -> Card:
    """Return *card* with a *thumb* that was given at *at*, or taken back."""
    told = replace(card, thumb=thumb, thumbed=at, thumb_why=why if thumb else None)
    return _relived(told, keep)


def natural(card: Card) -> Life:
    """Return how long *card* is kept if nobody pinned it."""
    if card.flags or card.thumb:
        return Life.FLAGGED
    return Life.BACKGROUND if card.task else Life.INTERACTIVE


def _relived(card: Card, keep: Keep) -> Card:
    if card.life is Life.PINNED:
        return card
    life = natural(card)
    return replace(card, life=life, expires=keep.until(life, card.started))
