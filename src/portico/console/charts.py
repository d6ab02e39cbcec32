"""From what each target did, span by span, to what a chart draws. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from msgspec import Struct

from portico.ledger.base import STEPS, SeriesQuery, SeriesRow


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a chart looks, in spans of `step` seconds."""

    name: str
    step: float
    count: int


SPANS = {
    span.name: span
    for span in (
        Span("15 min", 15, 60),
        Span("1 h", 60, 60),
        Span("6 h", 300, 72),
        Span("24 h", 1200, 72),
        Span("7 d", 10_800, 56),
    )
}

type Line = list[float | None]


class Chart(Struct, frozen=True):
    """Lines over the same times. Where nothing was, a line has a gap."""

    names: list[str]
    lines: list[Line]
    unit: str
    total: str


class Charts(Struct, frozen=True):
    """Everything that is drawn of one stretch of time; `at` is in epoch seconds."""

    at: list[float]
    requests: Chart
    waits: Chart
    tokens: Chart
    cost: Chart
    simulated: int


def query(span: Span, now: float) -> SeriesQuery:
    """Return what to ask the ledger for: whole spans, the last of them the one of *now*."""
    since = (now // span.step + 1 - span.count) * span.step
    return SeriesQuery(since, span.step, span.count)


def drawn(asked: SeriesQuery, rows: Sequence[SeriesRow]) -> Charts:
    """Return the charts of *rows*."""
    return Charts(
        at=[asked.since + index * asked.step for index in range(asked.count)],
        requests=_requests(asked.count, rows),
        waits=_waits(asked.count, rows),
        tokens=_tokens(asked.count, rows),
        cost=_cost(asked.count, rows),
        simulated=sum(row.simulated for row in rows),
    )


def _requests(count: int, rows: Iterable[SeriesRow]) -> Chart:
    """Who answered; what nobody answered is a line of its own."""
    lines: dict[str, list[int]] = {}
    for row in rows:
        asked = row.answered + row.failed + row.others
        if asked:
            name = row.target or "nobody"
            lines.setdefault(name, [0] * count)[row.at] += asked
    order = sorted(lines, key=lambda name: -sum(lines[name]))
    total = sum(map(sum, lines.values()))
    return Chart(order, [list(lines[name]) for name in order], "", str(total))


def _waits(count: int, rows: Iterable[SeriesRow]) -> Chart:
    spans = [[0] * (len(STEPS) + 1) for _ in range(count)]
    for row in rows:
        for at, number in enumerate(row.waits):
            spans[row.at][at] += number
    shares = (0.5, 0.95)
    lines: list[Line] = [[quantile(span, share) for span in spans] for share in shares]
    whole = [sum(column) for column in zip(*spans, strict=True)] if spans else []
    median = quantile(whole, 0.5)
    total = "" if median is None else f"{median:.2f} s"
    return Chart(["half", "95 of 100"], lines, "s", total)


def quantile(classes: Sequence[int], share: float) -> float | None:
    """
    Return the seconds within which that *share* of waits was over, as near as classes tell.

    Within a class waits are taken to be spread evenly; what is over the last bound is at it.
    """
    whole = sum(classes)
    if not whole:
        return None
    wanted, below = whole * share, 0.0
    for bound, number, so_far in zip(
        (*STEPS, STEPS[-1]), classes, accumulate(classes), strict=True
    ):
        if so_far >= wanted:
            into = (wanted - (so_far - number)) / number if number else 0.0
            return round(below + (bound - below) * into, 3)
        below = bound
    return STEPS[-1]


def _tokens(count: int, rows: Iterable[SeriesRow]) -> Chart:
    read, written = [0] * count, [0] * count
    for row in rows:
        read[row.at] += row.input
        written[row.at] += row.output
    lines: list[Line] = [list(read), list(written)]
    return Chart(["read", "written"], lines, "", str(sum(read) + sum(written)))


def _cost(count: int, rows: Sequence[SeriesRow]) -> Chart:
    spent = [Decimal(0)] * count
    for row in rows:
        spent[row.at] += Decimal(row.cost_usd or 0)
    line: Line = [float(one) for one in spent]
    return Chart(["spent"], [line], "$", str(sum(spent)))
