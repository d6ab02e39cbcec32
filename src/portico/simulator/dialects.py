"""What the simulator needs of a dialect, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from portico.simulator.answers import Answer
from portico.simulator.calls import Call
from portico.simulator.faults import Fault
from portico.simulator.problems.base import Problems
from portico.simulator.questions import Question
from portico.simulator.scripts import Event, Problem


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes two equal answers differ: a serial number and the second of the day."""

    serial: int
    created: int = 0


class Dialect(Protocol):
    """One upstream's way to be asked and to answer. Pure: no clock, no socket, no state."""

    @property
    def problems(self) -> Problems:
        """The upstream's error answers; `no_key` and `blind` among them."""
        ...

    def read(self, call: Call) -> Question:
        """
        Understand *call*.

        Raises:
            Refused: the upstream would answer with an error of its own.
        """
        ...

    def events(self, call: Call, answer: Answer, stamp: Stamp) -> list[Event]:
        """Return the answer: several events for a stream, one for a whole answer."""
        ...

    def spoil(self, fault: Fault, events: list[Event]) -> list[Event]:
        """Return the events as *fault* has them; unchanged if it is none of the dialect's."""
        ...

    def frame(self, call: Call, events: Sequence[Event]) -> list[bytes]:
        """Return each event's bytes as they go over the wire."""
        ...

    def headers(self, call: Call, stamp: Stamp) -> dict[str, str]:
        """Return the headers of an answer."""
        ...

    def waiting(self, call: Call) -> bytes:
        """Return what is sent while the caller waits in a queue; empty if nothing is."""
        ...

    def broken(self, call: Call, problem: Problem, variant: str) -> bytes:
        """Return *problem* as it looks inside a stream that had begun well."""
        ...
