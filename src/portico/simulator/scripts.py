"""How an answer is delivered: events, the steps they become, and the values that carry them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portico.simulator.questions import JSON

SSE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and the headers go out."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Write:
    """
    Bytes go out in one write.

    `output` is how many output tokens have been delivered with them; `delta` says that they
    carry a piece of the answer, `finish` that with them the answer is whole.
    """

    data: bytes
    output: int = 0
    delta: bool = False
    finish: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing happens for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Sever:
    """The connection is reset, without another byte."""


type Step = Head | Write | Pause | Sever


@dataclass(frozen=True, slots=True)
class Script:
    """What is done to answer one call; `ends` is how it is billed when the caller stays."""

    steps: tuple[Step, ...]
    ends: str = "finished"  # finished | cut | failed
    input: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One JSON value of an answer (`data` None is OpenAI's [DONE]), before it is framed."""

    data: JSON | None
    output: int = 0
    delta: bool = False
    finish: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer: JSON, or text as it is."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return msgspec.json.encode(self.body)


class Refused(Exception):
    """A dialect will not take the request; `problem` is the provider's own answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"refused with status {problem.status}")
        self.problem = problem


def refusal(problem: Problem) -> Script:
    """Answer with *problem*."""
    headers = {"content-type": problem.media, **problem.headers}
    return Script((Head(problem.status, headers), Write(problem.data)), "failed")


def spaced(writes: Iterable[Write], delay: float) -> tuple[Step, ...]:
    """Put *delay* seconds between the deltas."""
    steps: list[Step] = []
    started = False
    for write in writes:
        if delay and write.delta and started:
            steps.append(Pause(delay))
        started = started or write.delta
        steps.append(write)
    return tuple(steps)
