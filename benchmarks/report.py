"""What a run says: rows, the table people read, and JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the table: samples of the gateway and of nginx, in `unit`.

    `limit` is what the gateway's median may be; None where nothing has been promised. `trouble`
    says what failed to work; such a row proves nothing about cost.
    """

    name: str
    says: str
    unit: str
    gateway: Sequence[float] = ()
    nginx: Sequence[float] = ()
    limit: float | None = None
    trouble: str = ""
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`failed`, `over`, `ok`, or a dash where nothing was promised or measured."""
        if self.trouble:
            return "failed"
        if self.limit is None or not self.gateway:
            return "–"
        return "over" if median(self.gateway) > self.limit else "ok"

    def as_json(self) -> dict[str, object]:
        """Return the row with its samples."""
        return {
            "name": self.name,
            "unit": self.unit,
            "gateway": _summary(self.gateway),
            "nginx": _summary(self.nginx),
            "limit": self.limit,
            "verdict": self.verdict,
            "trouble": self.trouble,
            **self.extra,
        }


def _summary(samples: Sequence[float]) -> dict[str, object] | None:
    if not samples:
        return None
    return {"median": median(samples), "samples": list(samples)}


def table(rows: Sequence[Row]) -> str:
    """Return *rows* as a Markdown table: medians, with the least and the most of the rounds."""
    head = ("workload", "unit", "gateway", "nginx", "ratio", "target", "verdict")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    drawn = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "–"
    if row.gateway and row.nginx and median(row.nginx) > 0:
        ratio = f"{median(row.gateway) / median(row.nginx):.1f}"
    target = "–" if row.limit is None else f"≤ {row.limit:g}"
    return (
        row.says,
        row.unit,
        _spread(row.gateway),
        _spread(row.nginx),
        ratio,
        target,
        row.verdict,
    )


def _spread(samples: Sequence[float]) -> str:
    if not samples:
        return "–"
    middle = _number(median(samples))
    if len(samples) == 1:
        return middle
    return f"{middle} ({_number(min(samples))}–{_number(max(samples))})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def as_json(rows: Sequence[Row], nginx: str | None) -> dict[str, object]:
    """Return the whole run: when, on what, and every row with its samples."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "nginx": nginx,
        "rows": [row.as_json() for row in rows],
    }
