"""What the ledger is told of a request, the rows it keeps, and what a store of them promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from portico.routing.attempts import Abandoned, Answered, Attempt, Broken, Failed, Kind, Outcome
from portico.stores.whom import Whom

MOST = 200
"""Requests that one query may return."""


class Ending(StrEnum):
    """How a request, or one attempt, ended."""

    ANSWERED = "answered"
    FAILED = "failed"  # nobody answered
    BROKEN = "broken"  # cut after the first delta
    ABANDONED = "abandoned"  # the caller left
    REFUSED = "refused"  # by us before anybody was asked, or by a provider's policy


class Source(StrEnum):
    """Whose fault it is that there is no whole answer, in the words of an error's `source`."""

    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class Entry(Struct, frozen=True, kw_only=True):
    """
    One finished request, as `dispatch` tells it: cheap to make, never holds a body.

    `started` is in epoch seconds, `took` in seconds. `asked` is `model` as the caller wrote it,
    `role` the decided role (None where there is none), `decided_by` a few words on how.
    `outcome` is an `Ending`. `target` is who answered. `traceparent` is the caller's header.
    `caller` is the id of a key, `person` and `team` whose it is; `chat` and `message` are a front
    end's ids, where it is trusted.
    """

    id: str
    started: float
    took: float
    asked: str
    outcome: str
    role: str | None = None
    caller: str | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    message: str | None = None
    decided_by: str = ""
    task: str | None = None
    operation: str = "chat"  # chat | embeddings
    modalities: tuple[str, ...] = ()
    streamed: bool = False
    status: int | None = None
    target: str | None = None
    degraded: str | None = None
    attempts: tuple[Attempt, ...] = ()
    traceparent: str | None = None


class AttemptRow(Struct, frozen=True, kw_only=True):
    """
    One call to one target, as it is kept.

    Tokens are None where the provider counted none. `cost_usd` is an exact decimal, None where
    price or usage is unknown and for simulated targets: never 0 for want of knowledge.

    `egress` is the path. Where an answer came by a tunnel, `tunnel` says by which, `exit` and
    `exit_region` where that came out when it was last verified, `exit_age` seconds before.
    """

    id: str
    target: str
    upstream: str
    model: str
    tier: int
    egress: str
    started: float  # seconds since the request came in
    took: float
    first_delta: float | None = None  # seconds since the call began
    outcome: str
    kind: str | None = None  # of the failure
    status: int | None = None
    detail: str = ""
    input: int | None = None
    cached: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cost_usd: str | None = None
    simulated: bool = False
    tunnel: str | None = None
    exit: str | None = None
    exit_region: str | None = None
    exit_age: float | None = None


class RequestRow(Struct, frozen=True, kw_only=True):
    """One request, as it is kept. `first_delta` is in seconds since the request came in."""

    id: str
    started: float
    took: float
    asked: str
    role: str | None = None
    decided_by: str = ""
    caller: str | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    message: str | None = None
    task: str | None = None
    operation: str = "chat"
    modalities: tuple[str, ...] = ()
    streamed: bool = False
    outcome: str
    status: int | None = None
    degraded: str | None = None
    target: str | None = None
    first_delta: float | None = None
    simulated: bool = False
    attempts: tuple[AttemptRow, ...] = ()


class By(StrEnum):
    """What usage is added up by; days are UTC's."""

    ROLE = "role"
    TARGET = "target"
    UPSTREAM = "upstream"
    DAY = "day"
    CALLER = "caller"
    PERSON = "person"
    TEAM = "team"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Requests that began at or after `since` and before `until` (epoch seconds)."""

    by: By = By.TARGET
    since: float | None = None
    until: float | None = None


class UsageRow(Struct, frozen=True, kw_only=True):
    """
    What the requests of one key add up to.

    `attempts` counts all, `simulated` those among them that asked nobody real. Tokens and
    `cost_usd` are of real attempts only; `simulated_input` and `simulated_output` are the others'.
    `cost_usd` adds what is known and is None when nothing is; `unpriced` counts the real attempts
    that brought at least the beginning of an answer and whose cost is not known.
    """

    key: str | None
    requests: int
    attempts: int
    input: int
    cached: int
    output: int
    reasoning: int
    cost_usd: str | None
    unpriced: int
    simulated: int
    simulated_input: int
    simulated_output: int


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """
    Which requests to list, newest first; a filter left None lets everything pass.

    `target` is who answered. `task` is a chat UI's background task, "" for none; `modality` is one
    that the request carried; `kind` a failure that one of its attempts met; `degraded` and
    `simulated` say whether it was; `source` is a `Source`, as `source_of` tells it. `among` are
    ids, of which it must be one. `before` is the id of the last request of the page before; an
    unknown id gives an empty page. `limit` is brought into 1..200.
    """

    role: str | None = None
    target: str | None = None
    outcome: str | None = None
    caller: str | None = None
    task: str | None = None
    modality: str | None = None
    kind: str | None = None
    degraded: bool | None = None
    simulated: bool | None = None
    person: str | None = None
    team: str | None = None
    chat: str | None = None
    source: str | None = None
    among: tuple[str, ...] | None = None
    since: float | None = None
    until: float | None = None
    before: str | None = None
    limit: int = 50


STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Seconds: the upper bounds of the classes that waits for a first delta are counted in."""


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Requests that began in the `count` spans of `step` seconds from `since` (epoch seconds)."""

    since: float
    step: float
    count: int


class SeriesRow(Struct, frozen=True, kw_only=True):
    """
    What one target did in one span (`at`, from 0); `target` is None for requests nobody answered.

    `answered`, `failed` (broken ones too) and `others` (refused, abandoned) add up to its requests,
    `simulated` counts those of them that were. Everything else is of real answers only: `waits`
    counts by STEPS how long callers waited for a first delta, with one class more for longer;
    tokens and `cost_usd` are of every attempt that this target made.
    """

    at: int
    target: str | None
    answered: int = 0
    failed: int = 0
    others: int = 0
    simulated: int = 0
    waits: tuple[int, ...] = ()
    input: int = 0
    output: int = 0
    cost_usd: str | None = None


class LedgerStore(Protocol):
    """Keeps rows. Every method raises StoreUnavailable where the store does not answer."""

    async def append(self, rows: Sequence[RequestRow]) -> None:
        """
        Keep *rows*, all or none; idempotent by request id and by attempt id.

        What is already there stays as it is: rows are never changed.
        """
        ...

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        """
        Add up usage, the most requested key first, days in order.

        By target and by upstream, requests that asked nobody are not in it.
        """
        ...

    async def series(self, query: SeriesQuery) -> list[SeriesRow]:
        """Return what each target did, span by span; where nothing was there is no row."""
        ...

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        """List requests with their attempts, newest first."""
        ...

    async def request(self, ident: str) -> RequestRow | None:
        """Return one request with its attempts in the order of asking, or None."""
        ...

    async def requests_of(self, whom: Whom) -> list[str]:
        """Return the ids of all requests of *whom*."""
        ...

    async def forget(self, whom: Whom) -> int:
        """
        Delete all rows of *whom*; return how many requests.

        What they add up to stays, and is nobody's from then on.
        """
        ...


def source_of(row: RequestRow) -> Source | None:
    """
    Return whose fault it is that *row* has no whole answer; None where it has, or policy refused.

    It is told from how the request ended, as its error told it: what a caller spent is refused
    before there is a role, what every candidate is limited by comes after.
    """
    status, early = row.status or 0, row.outcome == Ending.REFUSED
    if row.outcome == Ending.ANSWERED or (early and status < 400):
        return None
    if row.outcome == Ending.ABANDONED:
        return Source.CLIENT
    if status == 503 or (early and status >= 500 and status not in (502, 504)):
        return Source.GATEWAY
    limited = status == 429 and row.role is not None
    return Source.UPSTREAM if not early or status >= 500 or limited else Source.CLIENT


def ending(attempts: Sequence[Attempt], otherwise: Ending = Ending.REFUSED) -> Ending:
    """Return how a request with these *attempts* ended; *otherwise* if there are none."""
    return attempt_ending(attempts[-1].outcome) if attempts else otherwise


def attempt_ending(outcome: Outcome) -> Ending:
    """Return how one attempt ended."""
    match outcome:
        case Answered():
            return Ending.ANSWERED
        case Abandoned():
            return Ending.ABANDONED
        case Broken():
            return Ending.BROKEN
        case Failed(failure):
            return Ending.REFUSED if failure.kind is Kind.REFUSED else Ending.FAILED
