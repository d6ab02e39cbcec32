"""Which rows of a batch a store does not have yet. Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from portico.ledger.base import RequestRow


def fresh(
    rows: Iterable[RequestRow], requests: AbstractSet[str], attempts: AbstractSet[str]
) -> list[RequestRow]:
    """
    Return those of *rows* that are neither among the known *requests* nor twice in the batch.

    Attempts are left out in the same way, so that nothing is ever counted twice.
    """
    seen, tried, new = set(requests), set(attempts), []
    for row in rows:
        if row.id in seen:
            continue
        seen.add(row.id)
        left = tuple(one for one in row.attempts if one.id not in tried)
        tried.update(one.id for one in left)
        new.append(row if len(left) == len(row.attempts) else replace(row, attempts=left))
    return new
