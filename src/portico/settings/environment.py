"""`${NAME}` and `${NAME:-default}` in the configuration's strings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portico.settings.places import Fault, Place, Value

# An escape, a reference, or a `${` that is neither.
REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")

FILE = "_FILE"
"""What a variable's name ends in when it names a file that holds the value, as secrets do."""

KEY = "api_key"
"""An unset variable is empty here (the upstream is simulated) and a fault anywhere else."""


@dataclass(frozen=True, slots=True)
class Filled:
    """
    A tree without references.

    `variables` and `found` are as in `Source`. A faulty value is None: nothing further should be
    said about it.
    """

    tree: dict[str, Value]
    variables: Mapping[Place, tuple[str, ...]]
    found: frozenset[Place]
    faults: tuple[Fault, ...]


def fill(tree: Mapping[str, Value], environ: Mapping[str, str]) -> Filled:
    """
    Return *tree* with every reference replaced by what *environ* has.

    Substitution happens after parsing: a value can never add keys or lists. Where NAME is unset
    or empty, the file that NAME_FILE names is read; a default counts when neither is there. A
    value that becomes empty is null, except an API key.
    """
    filler = _Filler(environ)
    filled = {name: filler.value(value, (name,)) for name, value in tree.items()}
    return Filled(filled, filler.variables, frozenset(filler.found), tuple(filler.faults))


def told(environ: Mapping[str, str], name: str) -> str | None:
    """
    Return what NAME says, or the file that NAME_FILE names, without the line's end; None without.

    Raises:
        OSError, UnicodeDecodeError: the file cannot be read.
    """
    file = environ.get(name + FILE)
    if environ.get(name) or not file:
        return environ.get(name) or None
    return Path(file).read_text(encoding="utf-8").rstrip("\r\n") or None


class _Filler:
    """One walk over a tree."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.variables: dict[Place, tuple[str, ...]] = {}
        self.found: set[Place] = set()
        self.faults: list[Fault] = []
        self._environ = environ

    def value(self, value: Value, place: Place) -> Value:
        """Return *value* with the references of its strings replaced."""
        if isinstance(value, dict):
            return {name: self.value(inner, (*place, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, (*place, index)) for index, inner in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, place)
        return value

    def _text(self, text: str, place: Place) -> Value:
        faults = len(self.faults)
        filled = REFERENCE.sub(lambda match: self._replacement(match, place), text)
        if len(self.faults) > faults:
            return None
        return filled if filled or place[-1] == KEY else None

    def _replacement(self, match: re.Match[str], place: Place) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match[1], match[2]
        if name is None:
            remedy = "write ${NAME}, ${NAME:-default}, or $${ for the characters themselves"
            self.faults.append(Fault(place, "has a `${` that is no reference", remedy))
            return ""
        self.variables[place] = (*self.variables.get(place, ()), name)
        given = self._environ.get(name) or self._from_file(name, place)
        if given is None and default is None:
            given = self._environ.get(name)
        if given is not None:
            self.found.add(place)
            return given
        if default is None and place[-1] != KEY:
            remedy = f"set {name} or write ${{{name}:-default}}"
            self.faults.append(Fault(place, f"the environment has no {name}", remedy))
        return default or ""

    def _from_file(self, name: str, place: Place) -> str | None:
        """Return what the file says, without the line's end that editors add; None without one."""
        try:
            return told(self._environ, name)
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is no text"
            remedy = f"mend the file, or set {name} itself"
            self.faults.append(Fault(place, f"{name}{FILE} cannot be read: {why}", remedy))
            return ""
