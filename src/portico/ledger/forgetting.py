"""What is asked of a ledger's database when somebody is to be forgotten: rows go, sums stay."""

from collections.abc import Iterable, Iterator, Sequence

from portico.ledger.base import By
from portico.ledger.queries import Statement
from portico.ledger.sums import NAMES, told
from portico.stores.whom import Whom

SOME = 500
"""Requests that are deleted in one go: whoever writes meanwhile does not wait for long."""


def requests_of(whom: Whom) -> Statement:
    """Return the ids of the requests of *whom*."""
    where, values = _theirs(whom)
    return f"SELECT r.id FROM [requests] r WHERE {where} ORDER BY r.id", values


def some_gone(whom: Whom) -> Statement:
    """Delete SOME of them, and their attempts with them."""
    ids, values = requests_of(whom)
    return f"DELETE FROM [requests] WHERE id IN ({ids} LIMIT {SOME})", values


def keys_gone(whom: Whom) -> Statement:
    """Let what others asked by their keys name the keys no more."""
    keys = sorted(whom.keys)
    sql = f"UPDATE [requests] SET caller = NULL WHERE caller IN ({_marks(keys)})"
    return sql, keys


def cells_gone(whom: Whom) -> Statement:
    """Delete the sums that bear their names, and return dimension, hour, name and NAMES of each."""
    people, keys = (sorted(map(told, names)) for names in (whom.people, whom.keys))
    named = f"dimension = ? AND name IN ({_marks(people)})"
    owned = f"dimension = ? AND name IN ({_marks(keys)})"
    sql = (
        f"DELETE FROM [usage_hours] WHERE ({named}) OR ({owned})"
        f" RETURNING dimension, hour, name, {', '.join(NAMES)}"
    )
    return sql, [By.PERSON.value, *people, By.CALLER.value, *keys]


def nobodys(cells: Iterable[Sequence[object]]) -> Iterator[tuple[object, ...]]:
    """Give what *cells* hold as `queries.add_hour` adds it to the sums of nobody."""
    for dimension, hour, _, *values in cells:
        yield dimension, hour, told(None), *values


def _theirs(whom: Whom) -> Statement:
    people, keys = sorted(whom.people), sorted(whom.keys)
    owned = f"r.person IS NULL AND r.caller IN ({_marks(keys)})"
    return f"r.person IN ({_marks(people)}) OR ({owned})", [*people, *keys]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values) or "NULL"
