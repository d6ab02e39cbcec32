"""JSON objects out of whatever a model wrapped them in: fences, prose, Python, a cut array."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

DEPTH = 8
"""Objects nested deeper than this are not put together: it keeps hostile nesting linear."""
LONGEST = 400_000
"""Characters that are looked at; no list of boxes is longer."""

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_CLOSED_THOUGHT = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_MARK = re.compile(r"""\\.|["'{}\n]|[^\s"'{}\\]+""", re.DOTALL)
_ODDITY = re.compile(
    r"""("(?:[^"\\\n]|\\.)*")|'((?:[^'\\\n]|\\.)*)'|\b(True|False|None|NaN)\b|,(?=\s*[\]}])"""
)
_PLAIN = {"True": "true", "False": "false", "None": "null", "NaN": "null"}


@dataclass(frozen=True, slots=True)
class Salvage:
    """The whole objects of an answer, in their order; `cut` if it broke off inside one."""

    objects: tuple[dict[str, Any], ...]
    cut: bool = False


def without_thoughts(answer: str) -> str:
    """Return *answer* without what the model thought aloud, also where only its end is marked."""
    return _CLOSED_THOUGHT.sub("", _THOUGHTS.sub("", answer[:LONGEST]))


def salvage(answer: str) -> Salvage:
    """
    Return the JSON objects in *answer*, each as large as it could be read.

    What stands around them is skipped, a wrapper that was cut gives its whole members, Python's
    spelling is understood. Never raises; takes time linear in the length.
    """
    text = answer[:LONGEST]
    scan = _Scan()
    for match in _MARK.finditer(text):
        scan.take(match[0], match.start())
    read = [(start, end, tuple(_read(text[start:end]))) for start, end in scan.outermost()]
    whole = [(start, end) for start, end, values in read if values]
    cut = bool(scan.open) or _array_is_cut(text, whole)
    return Salvage(tuple(value for _, _, values in read for value in values), cut)


class _Scan:
    """Where objects begin and end, strings left alone."""

    def __init__(self) -> None:
        self.open: deque[int] = deque(maxlen=DEPTH)
        self.spans: list[tuple[int, int]] = []
        self._before = ""  # the last character that is no space
        self._quote = ""

    def take(self, mark: str, at: int) -> None:
        if mark == "\n":
            self._quote = ""  # JSON's strings end on their line: a stray quote harms one line
        elif self._quote:
            self._quote = "" if mark == self._quote else self._quote
        else:
            self._structure(mark, at)
            self._before = mark[-1]

    def _structure(self, mark: str, at: int) -> None:
        if mark == "{":
            self.open.append(at)
        elif mark == "}" and self.open:
            self.spans.append((self.open.pop(), at + 1))
        elif mark in "\"'" and self.open and self._before in "{[,:":
            self._quote = mark

    def outermost(self) -> Iterator[tuple[int, int]]:
        """Give the spans that no other holds, in their order."""
        end = 0
        for start, stop in sorted(self.spans, key=lambda span: (span[0], -span[1])):
            if start >= end:
                yield start, stop
                end = stop


def _array_is_cut(text: str, whole: list[tuple[int, int]]) -> bool:
    """True if a list of objects begins and does not end."""
    if not whole:
        return False
    (first, _), (_, last) = whole[0], whole[-1]
    return text[:first].rstrip().endswith("[") and "]" not in text[last:]


def _read(span: str) -> Iterator[dict[str, Any]]:
    for text in (span, _ODDITY.sub(_as_json, span)):
        try:
            yield msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            continue
        return
    inner = salvage(span[1:-1]) if len(span) > 2 else Salvage(())
    yield from inner.objects


def _as_json(match: re.Match[str]) -> str:
    double, single, word = match.groups()
    if double is not None:
        return str(double)
    if single is not None:
        plain = str(single).replace("\\'", "'").replace('"', '\\"')
        return f'"{plain}"'
    return _PLAIN[word] if word else ""
