"""The record of what was tried: Failure, Limit, Outcome, Passage, Attempt."""

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from portico.chat.reply import Usage
from portico.routing.tiers import Target


class Kind(StrEnum):
    """Why an upstream did not answer, in the words of the design's failure table."""

    UNREACHABLE = "unreachable"  # no connection; the tunnel is down
    SILENT = "silent"  # no first delta, or idle too long
    UNAVAILABLE = "unavailable"  # 5xx, overloaded, an empty or truncated answer
    GARBLED = "garbled"  # answered, but not in the agreed protocol
    RATE_LIMITED = "rate_limited"  # too much in a short time
    QUOTA_SPENT = "quota_spent"  # the day's allowance is gone
    ACCOUNT = "account"  # our credentials or balance: a person must act
    REGION = "region"  # the exit is in the wrong place, or a portal answers for it
    MODEL_GONE = "model_gone"  # the id is retired
    TRANSLATION = "translation"  # our own rewriting was wrong: mend it and ask again
    TOO_LONG = "too_long"  # over the target's window
    INCAPABLE = "incapable"  # the model lacks a modality or feature: the catalog is wrong
    REFUSED = "refused"  # safety or policy
    REJECTED = "rejected"  # any other fault of the request


class Metric(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"


class Window(StrEnum):
    """How long a limit counts it."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Limit:
    """
    Which limit was hit, as far as the provider says so.

    `value` is what it allows in a window; None: not said. `about` is the provider's own name of
    it. `zone` is the calendar by whose midnight a day ends; empty: the window slides.
    """

    metric: Metric
    window: Window
    value: int | None = None
    about: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """
    What went wrong, as a value.

    `detail` is for people and holds neither body nor key. `delay` is the provider's own word on
    how many seconds to wait; `until` (epoch seconds) when a spent quota comes back. `scope` says
    whom a limit is about, or that none of a path's tunnels led anywhere, `limit` which limit it is
    where anybody knows. `mend` names the repair a `translation` failure asks for.
    """

    kind: Kind
    detail: str = ""
    status: int | None = None
    delay: float | None = None
    until: float | None = None
    scope: str = "target"  # target | upstream | path
    mend: str = ""
    limit: Limit | None = None


class Answered(Struct, frozen=True):
    """The answer came whole."""

    usage: Usage | None = None


class Failed(Struct, frozen=True):
    """Nothing had been relayed yet: somebody else may be asked."""

    failure: Failure


class Broken(Struct, frozen=True):
    """Failed after the first delta had been relayed."""

    failure: Failure
    usage: Usage | None = None


class Abandoned(Struct, frozen=True):
    """The caller left. Nobody's fault; does not count against the upstream."""

    usage: Usage | None = None


type Outcome = Answered | Failed | Broken | Abandoned


class Passage(Struct, frozen=True):
    """
    The tunnel that an answer came by, by name or by its listener's address, and its exit.

    `exit` and `region` are where it came out when that was last verified, `age` seconds before;
    empty and None where nobody has looked.
    """

    tunnel: str
    exit: str = ""
    region: str = ""
    age: float | None = None


class Attempt(Struct, frozen=True):
    """
    One call to one target. Times are seconds; `started` is since the request came in.

    `passage` is None where nothing has come by a tunnel.
    """

    id: str
    target: Target
    started: float
    took: float
    outcome: Outcome
    first_delta: float | None = None
    passage: Passage | None = None


def outcome_name(outcome: Outcome) -> str:
    """Return `answered`, `abandoned`, or the kind of the failure."""
    if isinstance(outcome, Failed | Broken):
        return outcome.failure.kind.value
    return "answered" if isinstance(outcome, Answered) else "abandoned"
