"""What an error answer says, whatever shape it came in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from portico.telemetry.redaction import redact

LARGEST = 256 * 1024
"""Bytes of an error answer that are read as JSON; a longer one is only quoted."""

QUOTED = 4_000
"""Characters of a provider's text that are looked at."""

DETAIL = 300
"""Characters of a provider's text that are shown."""


class Shape(StrEnum):
    """What an error answer is made of."""

    JSON = "json"
    PAGE = "page"  # HTML: somebody between us and the API, or its front door
    TEXT = "text"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Complaint:
    """
    An error answer, read.

    `message` is the provider's text, not yet fit to be shown (see `quote`). `names` are its
    codes, types, statuses and reasons in lower case. `claimed` is the HTTP status that the body
    itself gives. `details` are Google's.
    """

    shape: Shape
    message: str = ""
    names: frozenset[str] = frozenset()
    claimed: int | None = None
    details: tuple[Mapping[str, object], ...] = ()


type Object = dict[str, object]


def read(body: bytes) -> Complaint:
    """
    Return what *body* says. Never raises.

    Taken as they come: OpenAI's envelope, a bare object (SiliconFlow, wire §3.3), a JSON string,
    Google's one-element array (wire §2.1), one SSE event, plain text, HTML, and bytes that are
    no text at all.
    """
    if len(body) <= LARGEST:
        try:
            return _json(msgspec.json.decode(body.strip().removeprefix(b"data:")))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return _text(body[: QUOTED * 4].decode("utf-8", "replace"))


def quote(text: str) -> str:
    """Return *text* as one line of at most 300 characters, without keys, base64 or passwords."""
    line = " ".join(text[:QUOTED].split())
    for pattern, instead in SECRETS:
        line = pattern.sub(instead, line)
    line = redact(line)
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= DETAIL else line[: DETAIL - 1] + "…"


NAMELESS = "an HTML page"
"""What is said of a page without a title."""

SECRETS = (
    (re.compile(r"data:[\w.+/-]*;base64,\S*"), "[data]"),
    (re.compile(r"[A-Za-z0-9+/=_-]{64,}"), "[data]"),
    (re.compile(r"(?<=//)[^/\s@]+@"), ""),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer [key]"),
    (re.compile(r"\b(?:g?sk|[gr]k|xai|pplx)[-_][\w*.-]{4,}"), "[key]"),
    (re.compile(r"\b(?:AIza|AQ\.|hf_|nvapi-)[\w*-]{4,}"), "[key]"),
    (re.compile(r"(?i)(?<=[?&]key=)[^\s&\"']+"), "[key]"),
    (re.compile(r"(?i)(\bapi[ _-]?key(?: provided)?\s*[:=]\s*)[^\s,;\"']+"), r"\1[key]"),
    (re.compile(r"\w*\*{3,}[\w*-]*"), "[key]"),
)
"""What may stand in a provider's text and must not stand in ours."""


def _text(text: str) -> Complaint:
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped:
        return Complaint(Shape.EMPTY)
    if stripped.startswith("<") or "<html" in stripped[:1000].lower():
        title = re.search(r"(?is)<title[^>]*>([^<]*)", stripped)
        return Complaint(Shape.PAGE, (title[1].strip() if title else "") or NAMELESS)
    return Complaint(Shape.TEXT, stripped[:QUOTED])


def _json(value: object) -> Complaint:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return Complaint(Shape.JSON, value[:QUOTED])
    if not isinstance(value, dict):
        return Complaint(Shape.JSON)
    error = value.get("error")
    inner = error if isinstance(error, dict) else value
    details = _details(inner)
    return Complaint(
        Shape.JSON,
        (error if isinstance(error, str) else _message(inner))[:QUOTED],
        frozenset(name.lower() for source in (value, inner, *details) for name in _names(source)),
        _claimed(inner),
        details,
    )


def _message(inner: Object) -> str:
    for key in ("message", "msg", "error_msg", "detail", "error_description"):
        found = inner.get(key)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, list):
            return "; ".join(_complaints(found))
    return ""


def _complaints(found: list[object]) -> Iterator[str]:
    """FastAPI's `detail`: the place and the sentence, never `input`, which is the caller's."""
    for item in found:
        if isinstance(item, dict):
            place = item.get("loc")
            where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
            yield f"{where}: {item.get('msg', '')}"


def _names(source: Mapping[str, object]) -> Iterator[str]:
    for key in ("code", "type", "status", "reason"):
        found = source.get(key)
        if isinstance(found, str | int):
            yield str(found)


def _claimed(inner: Object) -> int | None:
    for key in ("code", "status", "status_code"):
        found = inner.get(key)
        if isinstance(found, str) and found.isascii() and found.isdigit():
            found = int(found[:6])
        if isinstance(found, int) and 400 <= found <= 599:
            return found
    return None


def _details(inner: Object) -> tuple[Mapping[str, object], ...]:
    found = inner.get("details")
    if not isinstance(found, list):
        return ()
    return tuple(item for item in found if isinstance(item, dict))
