"""What a drill is made of: scenes, who plays in them, what a caller got, what is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from portico.routing.tiers import Target


class By(StrEnum):
    """Who is to answer: the first candidate, anybody but that one, or whoever it may be."""

    PRIMARY = "primary"
    ANOTHER = "another"
    ANYBODY = "anybody"


class Way(StrEnum):
    """What an answer takes while the fault lasts, and so whether one is possible."""

    CLEAR = "clear"  # nothing: the fault does no harm
    FAILOVER = "failover"  # somebody else in the chain
    ELSEWHERE = "elsewhere"  # somebody else, at another upstream
    LARGER = "larger"  # somebody else with a larger window
    RESCUE = "rescue"  # somebody else, and a role that goes on with broken answers
    POLICY = "policy"  # somebody else, and a role that asks the next after a refusal
    RULED = "ruled"  # there is none: a provider's policy has the last word
    NONE = "none"  # there is none, or nobody can tell


class Got(StrEnum):
    """What a caller can get."""

    ANSWER = "answer"  # whole and right
    FILTERED = "filtered"  # OpenAI's content_filter
    ERROR = "error"  # an honest one: it says so, and nothing looks complete


class Wait(StrEnum):
    """The patience that ends a silence."""

    CONNECT = "connect"
    FIRST_DELTA = "first_delta"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Order:
    """One fault of the simulator's, `times` over (None: for as long as the scene lasts)."""

    fault: str
    times: int | None = 1
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """
    One request of a scene, `pause` seconds after the one before.

    `calls` is how many upstream calls it may cost at most (None: one for each candidate).
    `mended` takes the fault away before it is asked.
    """

    by: By = By.ANOTHER
    calls: int | None = 2
    pause: float = 0.0
    stream: bool = True
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """
    What goes wrong, and what is asked meanwhile.

    `orders` are alternatives: the first that the first candidate's upstream can have is taken,
    preferably at one of `prefers`. `everybody` has it, or the first candidate alone. `flaps`
    alternates seconds down and seconds up. `hangs` puts the first candidate at an address that
    never accepts.
    """

    name: str
    wrong: str
    way: Way
    orders: tuple[Order, ...] = ()
    asks: tuple[Ask, ...] = (Ask(),)
    prefers: frozenset[str] = frozenset()
    wait: Wait | None = None
    everybody: bool = False
    hangs: bool = False
    flaps: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A candidate, and the simulated upstream that plays it."""

    target: Target
    stage: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A model name to ask for, who stands behind it, and what its role does about failures."""

    model: str
    parts: tuple[Part, ...]
    rescues: bool = False
    refusal_stops: bool = True
    hedges: bool = False

    @property
    def primary(self) -> Part:
        """Who is asked first."""
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt as the ledger has it; `at` is in epoch seconds."""

    target: str
    outcome: str
    kind: str | None
    at: float

    @property
    def spoke(self) -> bool:
        """True if the caller has heard something of it."""
        return self.outcome in ("answered", "broken")


@dataclass(frozen=True, slots=True)
class Heard:
    """
    What a caller got of one request.

    `models` are those of the chunks, each as often as it took over; `done` counts `[DONE]`,
    `code` is an error's. `seconds` is how long it took.
    """

    status: int
    text: str = ""
    models: tuple[str, ...] = ()
    finish: str | None = None
    done: int = 0
    code: str | None = None
    blamed: bool = False  # the error names its source, and who was asked or rests
    request: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """One request as it was asked, heard, booked; `calls` reached the simulator."""

    ask: Ask
    said: str  # the right answer
    heard: Heard
    calls: int
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """A scene as it was played. `undisturbed` is a request's seconds without the fault."""

    scene: Scene
    cast: Cast
    taken: tuple[Taken, ...]
    undisturbed: float
    usd: str | None  # None: the price of somebody who was asked is not known


class Verdict(StrEnum):
    """How a scene went; it is not played where nobody in the catalog can have its fault."""

    OK = "ok"
    FAILED = "failed"
    NOT_PLAYED = "not played"
