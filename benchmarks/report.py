"""What a run says: rows, the table people read, and JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: make bench ARGS=--docs -->", "<!-- end of results -->"


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the table: samples of the gateway and of nginx, in `unit`.

    `limit` is what the gateway's median may be, `aim` what it should come to; None where nothing
    has been promised. `trouble` says what failed to work; such a row proves nothing about cost.
    """

    name: str
    says: str
    unit: str
    gateway: Sequence[float] = ()
    nginx: Sequence[float] = ()
    limit: float | None = None
    trouble: str = ""
    extra: dict[str, object] = field(default_factory=dict)
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """`failed`, `over`, `ok`, `aim` (met), or a dash where nothing was promised or measured."""
        if self.trouble:
            return "failed"
        if self.limit is None or not self.gateway:
            return "–"
        if median(self.gateway) > self.limit:
            return "over"
        return "ok" if self.aim is None or median(self.gateway) > self.aim else "aim"

    def as_json(self) -> dict[str, object]:
        """Return the row with its samples."""
        return {
            "name": self.name,
            "unit": self.unit,
            "gateway": _summary(self.gateway),
            "nginx": _summary(self.nginx),
            "limit": self.limit,
            "aim": self.aim,
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
    head = ("workload", "unit", "gateway", "nginx", "ratio", "target", "aim", "verdict")
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
    return (
        row.says,
        row.unit,
        _spread(row.gateway),
        _spread(row.nginx),
        ratio,
        _most(row.limit),
        _most(row.aim),
        row.verdict,
    )


def _most(bound: float | None) -> str:
    return "–" if bound is None else f"≤ {bound:g}"


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


def publish(rows: Sequence[Row], nginx: str | None) -> None:
    """Put the table and its picture into `docs/performance.md`, in place of the last ones."""
    said = PAGE.read_text()
    before, rest = said.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    day, cores = datetime.now(UTC).date(), os.cpu_count()
    where = f"{day}, {cores} cores, Python {platform.python_version()}, nginx {nginx or 'missing'}."
    shown = "![The costs in the table, beside what was promised](performance.svg)\n"
    PAGE.write_text(f"{before}{BEGIN}\n\n{where}\n\n{table(rows)}\n\n{shown}\n{END}{after}")
    PAGE.with_suffix(".svg").write_text(drawing([row for row in rows if row.limit and row.gateway]))


def drawing(rows: Sequence[Row]) -> str:
    """Return an SVG: of each row what it cost as a share of its target, and where its aim is."""
    high = 26 * len(rows)
    style = 'font-family="sans-serif" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {high + 20}" {style}>',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *(_bar(row, 26 * at) for at, row in enumerate(rows)),
            f'<path d="M560 0V{high}" stroke="#444" stroke-dasharray="4 3"/>',
            f'<text x="560" y="{high + 14}" text-anchor="middle">target</text>',
            "</svg>\n",
        ]
    )


def _bar(row: Row, top: int) -> str:
    assert row.limit is not None
    cost = median(row.gateway)
    width = min(300 * cost / row.limit, 420)
    colour = "#b4452f" if cost > row.limit else "#2f6db4"
    says = row.says.replace("&", "&amp;").replace("<", "&lt;")
    parts = [
        f'<text x="250" y="{top + 16}" text-anchor="end">{says}</text>',
        f'<rect x="260" y="{top + 4}" width="{width:.0f}" height="16" fill="{colour}"/>',
        f'<text x="266" y="{top + 16}" fill="#fff">{_number(cost)} {row.unit}</text>',
    ]
    if row.aim is not None:
        at = 260 + 300 * row.aim / row.limit
        parts.append(f'<path d="M{at:.0f} {top + 2}v20" stroke="#1d8a4e" stroke-width="2"/>')
    return "".join(parts)
