"""Where a value of the configuration stands, and where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from portico.errors import Problem

type Value = bool | int | float | str | list[Value] | dict[str, Value] | None
"""What a configuration file can hold."""

type Place = tuple[str | int, ...]
"""The way to a value: keys, and indexes of lists (`("roles", "design", "targets", 0)`)."""


class Origin(StrEnum):
    """Who gave a value."""

    BUILTIN = "builtin"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place. `line` is set only where the place alone would mislead."""

    place: Place
    message: str
    remedy: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """
    What the settings were made from.

    `lines` has every place that the file wrote. `variables` names what each place with a `${…}`
    refers to, `found` the places where at least one of those was set. `left_out` are the built-in
    entries that hung in the air once the file had replaced what they named; `borrowed` those that
    the file's roles name, although the file replaced their section.
    """

    file: str = ""
    lines: Mapping[Place, int] = field(default_factory=dict)
    variables: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    found: frozenset[Place] = frozenset()
    left_out: tuple[Place, ...] = ()
    borrowed: tuple[Place, ...] = ()

    def line(self, place: Place) -> int | None:
        """Return the line of *place* in the file, or of the nearest place around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return None

    def origin(self, place: Place) -> Origin:
        """Say who gave the value at *place*; a list is the environment's if one item is."""
        if any(found[: len(place)] == place for found in self.found):
            return Origin.ENVIRONMENT
        return Origin.FILE if place in self.lines else Origin.BUILTIN

    def problem(self, fault: Fault) -> Problem:
        """Return *fault* as an operator reads it."""
        line = fault.line or self.line(fault.place)
        return Problem(fault.message, self.file, line, dotted(fault.place), fault.remedy)


def dotted(place: Place) -> str:
    """Return *place* as people write it: `roles.design.targets[0]`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
