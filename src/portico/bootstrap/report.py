"""What is told of a bootstrap: a paragraph for each step, or all of it as JSON."""

from collections.abc import Sequence
from typing import Any

from portico.bootstrap.base import Told


def as_text(told: Told) -> str:
    """Return a step with its lines, for a person."""
    lines = [f"{told.step:14} {told.state:8} {told.took:6.2f} s"]
    lines += [f"  {line}" for line in told.lines]
    return "\n".join(lines)


def told_as_json(found: Sequence[Told]) -> dict[str, Any]:
    """Return everything, for a program; times are seconds."""
    return {
        "failed": any(told.failed for told in found),
        "steps": [
            {
                "step": told.step,
                "state": told.state,
                "took": round(told.took, 3),
                "lines": [
                    {"state": one.state, "what": one.what, "mend": one.mend, "undo": one.undo}
                    for one in told.lines
                ],
            }
            for told in found
        ],
    }
