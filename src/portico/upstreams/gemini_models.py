"""What differs between Gemini's models, read off their ids (upstream-wire §1.1, §2.1)."""

import re
from collections.abc import Mapping

LATEST = (99, 0)
"""The generation of an id that names none, such as `gemini-flash-latest`: treated as the newest."""

THREE = (3, 0)
"""From here on: thinking levels, signatures that are checked, a resolution for each picture."""

LEVELS: Mapping[str, str] = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}

BUDGETS: Mapping[str, int] = {
    "none": 0,
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}

_NUMBER = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


def generation(model: str) -> tuple[int, int]:
    """Return (3, 8) for `gemini-3.8-flash`, (3, 0) for `gemini-3-flash-preview`."""
    found = _NUMBER.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else LATEST


def thinking(model: str, effort: str) -> dict[str, object]:
    """
    Return the thinkingConfig for one of OpenAI's efforts; raises KeyError for any other word.

    A model that cannot stop thinking is asked for the least it can do.
    """
    born, level = generation(model), LEVELS[effort]
    if born < (2, 5):
        return {}
    if born < THREE:
        return {"thinkingBudget": max(BUDGETS[effort], 128 if "-pro" in model else 0)}
    lowest = "low" if born >= (3, 7) or "-pro" in model else "minimal"
    return {"thinkingLevel": lowest if level == "minimal" else level}
