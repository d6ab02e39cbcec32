"""
Usage, added up hour by hour as rows come in. Pure.

A ledger of a million rows answers `usage` from these sums; only what of a window is less than a
whole hour is added up from the rows themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from math import ceil, floor
from operator import add
from typing import Any

from portico.ledger.base import AttemptRow, By, Ending, RequestRow, UsageQuery, UsageRow
from portico.ledger.columns import usd
from portico.ledger.prices import to_nano

HOUR = 3600
DAYS = By.ROLE
"""The sums that days are added up from: every request is in exactly one of them an hour."""


@dataclass(slots=True)
class Sums:
    """What some attempts come to; as in UsageRow. `priced` counts those whose cost is known."""

    requests: int = 0
    attempts: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    cost_nano: int = 0
    priced: int = 0
    unpriced: int = 0
    simulated: int = 0
    simulated_input: int = 0
    simulated_output: int = 0

    def merge(self, other: "Sums") -> None:
        """Add what *other* comes to."""
        for name in NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))


NAMES = tuple(field.name for field in fields(Sums))

type Numbers = tuple[int, ...]
"""In the order of NAMES."""

DIMENSIONS = (By.ROLE, By.CALLER, By.PERSON, By.TEAM, By.TASK, By.TARGET, By.UPSTREAM)

type Keys = tuple[str | None, ...]
"""In the order of DIMENSIONS; without the last two where not just one was asked."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One sum's place: by what, in which hour since 1970, of whom (as `told` writes it)."""

    by: str
    hour: int
    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """Hours that are added up from sums, and pieces of at most an hour that are not."""

    first: int | None  # hour, or None for the beginning
    end: int | None  # hour, not in it, or None for ever
    edges: tuple[tuple[float, float], ...] = ()


def counted(one: AttemptRow) -> Numbers:
    """Return what one attempt adds to each of NAMES; it is nobody's request."""
    tokens = one.input or 0, one.cached or 0, one.output or 0, one.reasoning or 0
    if one.simulated:
        return (0, 1, 0, 0, 0, 0, 0, 0, 0, 1, tokens[0], tokens[2])
    if one.cost_usd is not None:
        return (0, 1, *tokens, to_nano(one.cost_usd), 1, 0, 0, 0, 0)
    return (0, 1, *tokens, 0, 0, int(one.outcome != Ending.FAILED), 0, 0, 0)


def added_up(rows: Iterable[RequestRow]) -> list[tuple[Cell, Sums]]:
    """Return what *rows* add to each cell, in the order of cells: so that no two writers lock."""
    cells: dict[tuple[str, int, str], Numbers] = {}
    # Most rows of a batch are of the same in everything: those are added up before they are spread.
    alike: dict[tuple[int, Keys], Numbers] = {}
    for row in rows:
        hour, each = floor(row.started / HOUR), [counted(one) for one in row.attempts]
        keys: Keys = (row.role, row.caller, row.person, row.team, row.task)
        if len(each) == 1:
            keys += (row.attempts[0].target, row.attempts[0].upstream)
        else:
            for by, key, numbers in _of_attempts(row, each):
                _add(cells, (by, hour, told(key)), numbers)
        _add(alike, (hour, keys), _request_of(each))
    for (hour, keys), numbers in alike.items():
        for by, whose in zip(DIMENSIONS, keys, strict=False):
            _add(cells, (by, hour, told(whose)), numbers)
    return [(Cell(*cell), Sums(*cells[cell])) for cell in sorted(cells)]


def _add[T](sums: dict[T, Numbers], place: T, numbers: Numbers) -> None:
    before = sums.get(place)
    sums[place] = numbers if before is None else tuple(map(add, before, numbers))


def _of_attempts(row: RequestRow, each: Sequence[Numbers]) -> Iterator[tuple[By, str, Numbers]]:
    """Give what *row* adds to its targets and upstreams, whose attempts come to *each*."""
    for by in (By.TARGET, By.UPSTREAM):
        keys = [getattr(one, by) for one in row.attempts]
        for key in dict.fromkeys(keys):
            its = [numbers for numbers, of in zip(each, keys, strict=True) if of == key]
            yield by, key, _request_of(its)


def _request_of(attempts: Sequence[Numbers]) -> Numbers:
    """Return what one request with these *attempts* adds."""
    if len(attempts) == 1:
        return (1, *attempts[0][1:])
    return (1, *(sum(one[place] for one in attempts) for place in range(1, len(NAMES))))


def told(key: str | None) -> str:
    """Return *key* as a cell writes it: nobody is another one than an empty name."""
    return "" if key is None else f"={key}"


def read(name: str) -> str | None:
    """Return the key that `told` wrote as *name*."""
    return name[1:] if name else None


def window(query: UsageQuery) -> Window:
    """Return the hours of *query*, and what of it is less than an hour."""
    since, until = query.since, query.until
    first = None if since is None else ceil(since / HOUR)
    end = None if until is None else floor(until / HOUR)
    if first is not None and end is not None and first > end:  # within one hour, or nothing
        assert since is not None
        assert until is not None
        return Window(0, 0, ((since, until),) if since < until else ())
    edges: list[tuple[float, float]] = []
    if since is not None and first is not None and since < first * HOUR:
        edges.append((since, float(first * HOUR)))
    if until is not None and end is not None and end * HOUR < until:
        edges.append((float(end * HOUR), until))
    return Window(first, end, tuple(edges))


def day_of(seconds: float) -> str:
    """Return the UTC day of a moment."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def usage(
    by: By,
    whole: Iterable[Iterable[Any]],
    edges: Iterable[tuple[float, Iterable[Iterable[Any]]]],
) -> list[UsageRow]:
    """
    Return what LedgerStore.usage promises.

    *whole* is what `queries.hours` found, *edges* what `queries.edge` found from each moment on.
    """
    sums: dict[str | None, Sums] = {}
    for name, *values in whole:
        key = day_of(name * 24 * HOUR) if by is By.DAY else read(name)
        sums.setdefault(key, Sums()).merge(Sums(*values))
    for since, found in edges:
        for key, *values in found:
            key = day_of(since) if by is By.DAY else key
            sums.setdefault(key, Sums()).merge(Sums(*values))
    return ordered(by, sums)


def ordered(by: By, sums: Mapping[str | None, Sums]) -> list[UsageRow]:
    """Return usage as LedgerStore.usage promises it."""

    def place(key: str | None) -> tuple[int, bool, str]:
        first = 0 if by is By.DAY else -sums[key].requests
        return first, key is not None, key or ""

    return [_usage_row(key, sums[key]) for key in sorted(sums, key=place)]


def _usage_row(key: str | None, sums: Sums) -> UsageRow:
    values = {name: getattr(sums, name) for name in NAMES if name not in ("cost_nano", "priced")}
    cost = usd(sums.cost_nano) if sums.priced else None
    return UsageRow(key=key, cost_usd=cost, **values)
