"""Which rows of a batch a store does not have yet."""

from portico.ledger.fresh import fresh
from portico.ledger.rows import row_of
from tests.ledger.entries import attempt, entry


def test_what_is_known_and_what_comes_twice_is_left_out() -> None:
    known, new = row_of(entry(attempt())), row_of(entry(attempt()))
    assert fresh([known, new, new], {known.id}, set()) == [new]


def test_an_attempt_that_is_known_is_not_counted_again() -> None:
    row = row_of(entry(attempt(), attempt()))
    (left,) = fresh([row], set(), {row.attempts[0].id})
    assert left.attempts == row.attempts[1:]
    assert left.id == row.id
