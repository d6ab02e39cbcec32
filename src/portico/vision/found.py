"""What a model wrote about one element, its numbers as they came."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from portico.vision.kinds import OTHER, is_interactive, kind_of
from portico.vision.tolerant import salvage

KEYS = ("box_2d", "bbox_2d", "bbox", "box", "bounding_box", "point", "point_2d")
"""Where a place is written, the most telling first."""
DEEPEST = 8
_LABELS = ("label", "name", "content", "description")
_TEXTS = ("text", "text_content", "ocr", "content", "value")
_TYPES = ("type", "role", "element_type", "category", "class")
_NUMBER = r"[-+]?\d{1,7}(?:\.\d{1,7})?"
_NUMBERS = re.compile(_NUMBER)
# Every repetition is bounded: an answer must not be able to make the matcher slow.
_PLACE = re.compile(
    rf"(?:<point>|<bbox>|\(|\[) {{0,3}}({_NUMBER})[, ]{{1,4}}({_NUMBER})"
    rf"(?: ?\)?[, ]{{0,4}}\(? ?({_NUMBER})[, ]{{1,4}}({_NUMBER}))?"
    r" {0,3}(?:</point>|</bbox>|\)|\])"
)
_HALF = re.compile(r"[\s,(]{0,4}[-+\d., ]{0,20}\Z")
"""What is left of the second corner where an answer broke off inside of a box."""
_REFERENCE = re.compile(r"<\|object_ref_start\|>(.*?)<\|object_ref_end\|>", re.DOTALL)
_SPECIAL = re.compile(r"<\|[a-z_]{1,40}\|>|</?(?:point|bbox|ref|box)>")
_ACTION = re.compile(r"(?:Action: {0,3})?\w{1,30}\((?:start_box|end_box|point) ?= ?['\"]?$")
_THOUGHT = re.compile(r"^(?:Thought|Label) ?: *", re.IGNORECASE)
_LABEL_WITHIN = 500  # characters before a place
_EDGES = " \t\r\n-*•:;,.'\"`()[]=|"
_COUNTING = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Found:
    """
    One element as a model wrote it.

    `numbers` are two (a point) or four, in the order and unit they were written in; `key` is the
    name they stood under, empty where there are no names.
    """

    numbers: tuple[float, ...]
    key: str = ""
    label: str = ""
    text: str = ""
    type: str = OTHER
    interactive: bool | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was read from one answer; `cut` if it broke off."""

    found: tuple[Found, ...]
    cut: bool = False


def read_objects(answer: str) -> Reading:
    """Read the JSON dialects: objects that hold two or four numbers under one of `KEYS`."""
    saved = salvage(answer)
    found = tuple(item for value in saved.objects for item in _in_object(value, 0))
    return Reading(found, saved.cut)


def read_marks(answer: str) -> Reading:
    """
    Read the dialects of marks: `(x1,y1),(x2,y2)`, `<point>x y</point>`, `(x1,y1,x2,y2)`.

    Special tokens may be there or stripped; what stands before a place is its label.
    """
    found: list[Found] = []
    label, end = "", 0
    for match in _PLACE.finditer(answer):
        label = _label(answer[max(end, match.start() - _LABEL_WITHIN) : match.start()]) or label
        end = match.end()
        numbers = tuple(float(group) for group in match.groups() if group is not None)
        found.append(_found(numbers, "", {"label": label}))
    tail = answer[end:]
    if _halved(found, tail):
        return Reading(tuple(found[:-1]), cut=True)
    cut = "(" in tail and ")" not in tail[tail.rfind("(") :]
    return Reading(tuple(found), cut)


def _halved(found: list[Found], tail: str) -> bool:
    """True if the last point is the first corner of a box that was cut."""
    if not found or len(found[-1].numbers) != 2 or not _HALF.match(tail):
        return False
    return "," in tail or any(len(item.numbers) == 4 for item in found)


def _in_object(value: dict[str, Any], depth: int) -> Iterator[Found]:
    for key in KEYS:
        if numbers := _numbers(value.get(key)):
            yield _found(numbers, key, value)
            break
    if depth < DEEPEST:
        for inner in _objects(list(value.values())):
            yield from _in_object(inner, depth + 1)


def _objects(values: list[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))


def _numbers(value: Any) -> tuple[float, ...]:
    """Return two or four numbers, also from a string and from two pairs, else nothing."""
    if isinstance(value, str):
        value = _NUMBERS.findall(value[:100])
    if not isinstance(value, list):
        return ()
    flat = [part for item in value for part in (item if isinstance(item, list) else (item,))]
    numbers = [number for item in flat if (number := _number(item)) is not None]
    return tuple(numbers) if len(numbers) == len(flat) in (2, 4) else ()


def _number(value: Any) -> float | None:
    if isinstance(value, str) and _NUMBERS.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def _found(numbers: tuple[float, ...], key: str, value: dict[str, Any]) -> Found:
    label, text = _first(value, _LABELS), _first(value, _TEXTS)
    kind = kind_of(_first(value, _TYPES), label)
    told = value.get("interactive", value.get("interactivity"))
    interactive = told if isinstance(told, bool) else is_interactive(kind)
    return Found(numbers, key, label or text, text, kind, interactive)


def _first(value: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((told for key in keys if isinstance(told := value.get(key), str) and told), "")


def _label(before: str) -> str:
    """Return the name at the end of what stands before a place."""
    if references := _REFERENCE.findall(before):
        return str(references[-1]).strip()
    plain = _ACTION.sub("", _SPECIAL.sub("", before).rstrip())
    lines = [line for line in plain.splitlines() if line.strip(_EDGES)]
    if not lines:
        return ""
    return _THOUGHT.sub("", _COUNTING.sub("", lines[-1]).strip(_EDGES)).strip(_EDGES)
