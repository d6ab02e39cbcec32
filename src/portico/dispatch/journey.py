"""One request's way through the gateway: what headers, errors, ledger and log are told of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from os import urandom

from msgspec import Struct

from portico.access.base import Caller, Conversation
from portico.artifacts.pictures import Likeness
from portico.chat.request import ChatRequest
from portico.errors import Asked
from portico.routing.attempts import Attempt, Broken, Failed
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.traces.base import Capture
from portico.traces.tape import Tape


def new_id() -> str:
    """
    Return a request's id: its second, and 64 bits that nobody guesses.

    What is recorded together lies together so in every index by id (docs/decisions/125).
    """
    return f"req_{int(time.time()):08x}{urandom(8).hex()}"


@dataclass(frozen=True, slots=True)
class Glance:
    """What stays of a picture that a target was shown: the SHA-256 of its bytes, and its looks."""

    raw: str
    likeness: Likeness | None = None


class Journey(Struct, eq=False):
    """Filled in as the request goes; `started` is epoch seconds, `began` the loop's clock."""

    id: str
    request: ChatRequest
    started: float
    began: float
    caller: Caller = Caller()
    traceparent: str | None = None
    conversation: Conversation = Conversation()
    operation: str = "chat"  # chat | embeddings
    errand: str | None = None  # a task of our own, which the route is not chosen by
    route: Route | None = None
    attempts: list[Attempt] = []
    answering: Target | None = None
    under_way: bool = False  # an attempt is, and is not among `attempts` yet
    degraded: list[str] = []
    status: int | None = None
    code: str | None = None
    uncached: bool = False  # the cache was asked for, and cannot have it
    prepared: bool = False  # its pictures are as their target takes them
    capture: Capture = Capture.FULL  # how much of it may be kept
    headers: Mapping[bytes, bytes] = {}  # as they came
    tape: Tape | None = None  # where what is said may be kept
    brought: dict[str, bytes] = {}  # pictures, by their link
    glances: dict[str, Glance] = {}  # those shown, by link

    def __repr__(self) -> str:
        """Its id alone: what was said, shown and sent along is nobody's to print."""
        return f"Journey({self.id!r})"

    def degrade(self, what: str) -> None:
        """Note that the answer is less than what was asked for, once."""
        if what not in self.degraded:
            self.degraded.append(what)

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The attempts as an error tells them."""
        return tuple(_asked(attempt) for attempt in self.attempts)


def _asked(attempt: Attempt) -> Asked:
    elapsed = round(attempt.took * 1000)
    match attempt.outcome:
        case Failed(failure) | Broken(failure):
            said = failure.detail or failure.kind.value.replace("_", " ")
            return Asked(attempt.target.name, failure.kind, failure.status, said, elapsed)
        case _:
            said = "hung up on, because another target was faster"  # whoever reads it has not left
            return Asked(attempt.target.name, "abandoned", None, said, elapsed)
