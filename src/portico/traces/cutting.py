"""Nothing too long for a store: the longest texts of a story lose their middles until it fits."""

from collections.abc import Callable
from typing import Any

import msgspec

from portico.traces.base import LARGEST

LONGEST = 65_536
LEAST = 64
"""Characters of one text that are left at first, and at last."""


def cut(story: bytes, largest: int = LARGEST) -> tuple[bytes, bool]:
    """
    Return *story*, JSON, in at most *largest* bytes, and whether anything had to be left out.

    What was sent upstream goes first: the caller's own words say nearly the same.
    """
    if len(story) <= largest:
        return story, False
    told: dict[str, Any] = msgspec.json.decode(story)
    told["left_out"] = [*told.get("left_out", ()), "the middles of long texts"]
    attempts = told.get("attempts", [])
    limit = LONGEST
    while limit >= LEAST:
        keep = _shortening(limit)
        told["attempts"] = [_walked(one, keep) for one in attempts]
        if len(short := msgspec.json.encode(told)) <= largest:
            return short, True
        for name in ("request", "answer", "pictures"):
            if name in told:
                told[name] = _walked(told[name], keep)
        if len(short := msgspec.json.encode(told)) <= largest:
            return short, True
        limit //= 2
    return _bare(told), True


def _bare(told: dict[str, Any]) -> bytes:
    """Return what is left where even many short texts are too much."""
    left = [*told["left_out"], "everything that was said"]
    return msgspec.json.encode({"route": told.get("route"), "left_out": left})


def _shortening(limit: int) -> Callable[[str], str]:
    def keep(text: str) -> str:
        if len(text) <= limit:
            return text
        left = limit // 2
        gone = len(text) - 2 * left
        return f"{text[:left]}[… {gone} characters are left out …]{text[-left:]}"

    return keep


def _walked(value: Any, keep: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return keep(value)
    if isinstance(value, list):
        return [_walked(one, keep) for one in value]
    if isinstance(value, dict):
        return {keep(name): _walked(one, keep) for name, one in value.items()}
    return value
