"""The drawn screens, by name: `SCREENS`, and `TALL`."""

from collections.abc import Iterator

import msgspec

from tests.screens.truth import DATA, TALL_NAME, Change, Kind, Screen, Thing

__all__ = ["SCREENS", "TALL", "Change", "Kind", "Screen", "Thing"]


def _load() -> Iterator[Screen]:
    for path in sorted(DATA.glob("*.json")):
        yield msgspec.json.decode(path.read_bytes(), type=Screen)


_ALL = tuple(_load())
SCREENS = [screen for screen in _ALL if screen.name != TALL_NAME]
"""Screens of usual interfaces."""
(TALL,) = (screen for screen in _ALL if screen.name == TALL_NAME)
"""One page of 1382 × 12028 with 120 labels."""
