"""What a bootstrap is asked for, and what its steps tell."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """How a step ended; of several things in one step, the first of these is its state."""

    FAILED = "failed"
    DONE = "done"
    ALREADY = "already"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """
    One thing that a step looked at or made.

    `mend` says how to mend what failed, `undo` how to undo what was done. `grave` is False for
    what the gateway serves without.
    """

    state: State
    what: str
    mend: str = ""
    undo: str = ""
    grave: bool = True

    def __str__(self) -> str:
        after = f"mend: {self.mend}" if self.mend else f"undo: {self.undo}" if self.undo else ""
        return f"{self.state:8} {self.what}" + (f"\n           {after}" if after else "")


@dataclass(frozen=True, slots=True)
class Order:
    """
    What a bootstrap is for: a configuration, a home, and what the environment says.

    `secrets` is the folder of secrets, None where somebody else looks after them. With `check`
    nothing is changed, and what is missing has failed. `port` is where the gateway will listen.
    """

    config: Path | None
    home: Path
    environ: Mapping[str, str]
    secrets: Path | None = None
    check: bool = False
    port: int = 8000


type Step = Callable[[Order], Awaitable[Sequence[Line]]]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one step, and how many seconds it took."""

    step: str
    lines: tuple[Line, ...]
    took: float

    @property
    def state(self) -> State:
        """The gravest of its lines' states; a step with nothing to do was skipped."""
        found = {line.state for line in self.lines}
        return next((state for state in State if state in found), State.SKIPPED)

    @property
    def failed(self) -> bool:
        """True if the gateway should not be started like this."""
        return any(line.state is State.FAILED and line.grave for line in self.lines)


def made(order: Order, what: str, undo: str) -> Line:
    """Return the line for what has been made, or would have to be."""
    if order.check:
        return Line(State.FAILED, f"{what}: not yet", mend="portico bootstrap")
    return Line(State.DONE, what, undo=undo)
