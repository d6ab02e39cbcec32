"""Numbers, times and states as people read them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from portico.routing.attempts import Kind

NONE = "–"

REASONS: Mapping[str, str] = {
    Kind.UNREACHABLE: "No connection to it comes about.",
    Kind.SILENT: "It takes requests and says nothing.",
    Kind.UNAVAILABLE: "It says that it is overloaded or broken.",
    Kind.GARBLED: "What it says makes no sense.",
    Kind.RATE_LIMITED: "We ask more than its limit allows; it is asked again as soon as it may be.",
    Kind.QUOTA_SPENT: "Its quota for today is used up.",
    Kind.ACCOUNT: "Its key is refused, or its balance is used up. A person has to act.",
    Kind.REGION: "It does not serve the region that this way comes out in.",
    Kind.MODEL_GONE: "The provider no longer has this model.",
    "quota": "By our own count its limit is reached.",
}
"""Why a target rests, for a person."""


def count(number: int | None) -> str:
    """Return *number* in groups of three."""
    return NONE if number is None else f"{number:,}".replace(",", "\u202f")


def short(number: int | None) -> str:
    """Return *number* to three figures: `842`, `12.4k`, `3.1M`."""
    if number is None:
        return NONE
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.{0 if number >= 100 * size else 1}f}{unit}"
    return str(number)


def seconds(value: float | None) -> str:
    """Return a length of time: `38 ms`, `1.24 s`, `3 min 4 s`."""
    if value is None:
        return NONE
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def span(value: float) -> str:
    """Return a length of time to its largest unit: `4 s`, `12 min`, `3 h`, `2 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= size:
            return f"{value / size:.0f} {unit}"
    return f"{max(value, 0):.0f} s"


def usd(value: str | float | None) -> str:
    """Return dollars, to what matters of them: `$0.000041`, `$1.20`."""
    if value is None:
        return NONE
    amount = Decimal(value)
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.6f}".rstrip("0")


def moment(value: float | None) -> str:
    """Return epoch seconds as ISO 8601 in UTC; the browser writes them in local time."""
    if value is None:
        return NONE
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds")


def clock(value: float) -> str:
    """Return the time of day in UTC, for whoever reads without scripts."""
    return datetime.fromtimestamp(value, UTC).strftime("%H:%M:%S")


def day(value: float) -> str:
    """Return date and time, in UTC."""
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")


def size(value: int) -> str:
    """Return bytes: `812 B`, `34 kB`, `1.2 MB`."""
    if value < 1_000:
        return f"{value} B"
    return f"{value / 1e3:.0f} kB" if value < 999_500 else f"{value / 1e6:.1f} MB"


def because(decided_by: str) -> str:
    """Return what decided on a role, in a sentence: a signal of a word is quoted."""
    kind, _, word = decided_by.partition(" ")
    if kind != "word" or not word:
        return decided_by
    stem = word.removesuffix("*")
    return f"the word “{stem}”" if stem == word else f"a word that begins with “{stem}”"


def plain(name: str) -> str:
    """Return a name of ours as words: `target.switched_on` is `target switched on`."""
    return name.replace(".", " ").replace("_", " ")


def reason(name: str | None) -> str:
    """Return why a target rests, in a sentence."""
    return REASONS.get(name or "", name or "")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "count": count,
    "short": short,
    "seconds": seconds,
    "span": span,
    "usd": usd,
    "moment": moment,
    "clock": clock,
    "day": day,
    "size": size,
    "reason": reason,
    "because": because,
    "plain": plain,
}
