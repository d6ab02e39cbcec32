"""A query as SQL's conditions: every value is a parameter, only our own words are SQL."""

from collections.abc import Callable, Iterator, Sequence

from portico.stores.whom import Whom
from portico.traces.base import EQUAL, PRESENT, TraceQuery

type Mark = Callable[[int], str]
"""How a database writes its parameter with that number, from 1: `?` or `$3`."""


def live(mark: str) -> str:
    """Return the condition that a trace has not expired at the parameter *mark*."""
    return f"(expires IS NULL OR expires > {mark})"


def theirs(whom: Whom, mark: str) -> tuple[str, list[object]]:
    """Return the condition that a trace is of *whom*, with *mark* for each of its parameters."""
    people, keys = sorted(whom.people), sorted(whom.keys)
    named = f"person IN ({_marks(people, mark)})"
    owned = f"person IS NULL AND caller IN ({_marks(keys, mark)})"
    return f"({named} OR ({owned}))", [*people, *keys]


def _marks(values: Sequence[str], mark: str) -> str:
    return ", ".join(mark for _ in values) or "NULL"


def where(
    query: TraceQuery, now: float, mark: Mark, has: str, table: str
) -> tuple[str, list[object]]:
    """
    Return the conditions of *query* at *now*, and their parameters.

    *has* says that `modalities` hold the parameter `{}`; *table* is where the traces are.
    """
    values: list[object] = [now]
    conditions = [live(mark(1))]
    for condition, value in _asked(query, has):
        values.append(value)
        conditions.append(condition.format(mark(len(values))))
    conditions += (
        f"{name} IS {'NOT ' if asked else ''}NULL"
        for name in PRESENT
        if (asked := getattr(query, name)) is not None
    )
    if query.before is not None:
        last = f"id = {mark(len(values) + 1)} AND {live(mark(len(values) + 2))}"
        values += (query.before, now)
        conditions.append(f"(started, id) < (SELECT started, id FROM {table} WHERE {last})")
    return " AND ".join(conditions), values


def _asked(query: TraceQuery, has: str) -> Iterator[tuple[str, object]]:
    """Give the conditions with one parameter each."""
    given = [(f"{name} = {{}}", getattr(query, name)) for name in EQUAL]
    given += [
        ("started >= {}", query.since),
        ("started < {}", query.until),
        (has, query.modality),
    ]
    return ((condition, value) for condition, value in given if value is not None)
