"""YAML text to plain values, with the line of every key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from portico.errors import ConfigError, Problem
from portico.settings.places import Fault, Place, Value

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 20

# YAML 1.2's core schema. PyYAML's own is 1.1, where `rescue: off` would be a boolean. Longer
# digit strings are floats: Python refuses to read them as integers.
NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

QUICK = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""PyYAML's wheels have it; what is built without libyaml has not."""
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its values, the line of every place it wrote, what is wrong with its form."""

    tree: Mapping[str, Value]
    lines: Mapping[Place, int]
    faults: tuple[Fault, ...] = ()


def read(path: Path) -> Document:
    """
    Return what the file at *path* says.

    Raises:
        ConfigError: it cannot be read, is over MAX_BYTES, is not UTF-8, or is not YAML.
    """
    file = str(path)
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        remedy = "check --config and $PORTICO_CONFIG, and who may read the file"
        _refuse(file, f"cannot be read: {error.strerror}", remedy)
    if len(content) > MAX_BYTES:
        _refuse(file, f"is larger than {MAX_BYTES:,} bytes", "is this the configuration?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(file, "is not UTF-8 text", "save it as UTF-8", line)
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """
    Return what *text* says; *file* is its name in problems.

    Anchors and aliases work. Duplicate keys, tags and merge keys (`<<`) become faults.

    Raises:
        ConfigError: not YAML, not a mapping, or nested or expanded beyond any configuration.
    """
    node = _compose(text, file)
    if node is None:
        _refuse(file, "is empty", "write `extends: builtin`, or give no configuration file")
    if not isinstance(node, yaml.MappingNode):
        _refuse(file, "does not hold keys", "begin with `upstreams:`, `targets:`, …", _line(node))
    reader = _Reader(file)
    return Document(reader.mapping(node, ()), reader.lines, tuple(reader.faults))


def resolve(text: str) -> Value:
    """Return what an unquoted scalar means: nothing, a truth value, a number, or itself."""
    if text in NULL:
        return None
    if text in BOOLEAN:
        return BOOLEAN[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text


def _compose(text: str, file: str) -> yaml.Node | None:
    """The parser in C is ten times as quick; the other one says better what is wrong."""
    try:
        return yaml.compose(text, Loader=QUICK)
    except (yaml.YAMLError, RecursionError):
        return _explained(text, file)


def _explained(text: str, file: str) -> yaml.Node | None:
    # Never the parser's own message in full: its snippet may show a key.
    try:
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        _refuse(file, *_told(error.problem or "syntax error"), line)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        _refuse(file, "has a character that YAML does not allow", "remove it", line)
    except RecursionError:
        _refuse(file, "is nested too deeply", "is this the configuration?")


def _told(problem: str) -> tuple[str, str]:
    if "'\\t'" in problem:
        return "is indented with a tab", "indent with spaces"
    if "alias" in problem:
        return "has an alias without its anchor", "quote a value that begins with `*`"
    remedy = "check the indentation; quote a value with `: ` or ` #`, and `${…}` inside braces"
    return f"is not YAML: {problem}", remedy


class _Reader:
    """Turns nodes into values and remembers lines; refuses to expand aliases without end."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Place, int] = {}
        self.faults: list[Fault] = []
        self._file = file
        self._left = MAX_VALUES

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Value]:
        """Return the entries of *node*; of a key given twice the first counts."""
        values: dict[str, Value] = {}
        for key, value in node.value:
            name = self._name(key, place)
            if name is None:
                continue
            if name in values:
                self._twice((*place, name), _line(key))
                continue
            self.lines[*place, name] = _line(key)
            values[name] = self._value(value, (*place, name))
        return values

    def _name(self, key: yaml.Node, place: Place) -> str | None:
        if not isinstance(key, yaml.ScalarNode):
            self.faults.append(Fault(place, "has a key that is no word", "use a word", _line(key)))
            return None
        if key.value == "<<" and not key.style:
            remedy = "write the keys out; `extends: builtin` merges with the built-in catalog"
            self.faults.append(Fault(place, "merge keys are not understood", remedy, _line(key)))
            return None
        return str(key.value)

    def _twice(self, place: Place, line: int) -> None:
        message = f"is given twice, first on line {self.lines[place]}"
        self.faults.append(Fault(place, message, "keep one of them", line))

    def _value(self, node: yaml.Node, place: Place) -> Value:
        self._left -= 1
        if self._left < 0 or len(place) > MAX_DEPTH:
            message = "is nested too deeply, or its aliases expand to too many values"
            _refuse(self._file, message, "write the values out", _line(node))
        if node.tag not in PLAIN_TAGS:
            self.faults.append(Fault(place, "tags (`!…`) are not understood", "remove the tag"))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*place, index)) for index, item in enumerate(node.value)]
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        return resolve(node.value) if plain else str(node.value)

    def _item(self, node: yaml.Node, place: Place) -> Value:
        self.lines[place] = _line(node)
        return self._value(node, place)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _refuse(file: str, message: str, remedy: str, line: int | None = None) -> NoReturn:
    raise ConfigError((Problem(message, file, line, "", remedy),)) from None
