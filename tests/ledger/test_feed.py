"""Whoever looks on sees what comes, each thing once, and is told what went before it was taken."""

from portico.ledger.base import RequestRow
from portico.ledger.feed import KEPT, Feed
from portico.ledger.rows import row_of
from portico.routing.attempts import Attempt
from tests.ledger.entries import attempt, entry


def row(*attempts: Attempt, **more: object) -> RequestRow:
    return row_of(entry(*attempts, **more))


def test_an_onlooker_sees_what_comes_while_it_looks_and_nothing_twice() -> None:
    feed = Feed()
    feed.give(row(attempt(), id="before"))
    with feed.looking_on() as first, feed.looking_on() as second:
        feed.give(row(attempt(), id="one"))
        feed.give(row(attempt(), id="two"))
        assert [row.id for row in first.take()] == ["one", "two"]
        assert first.take() == []
        feed.give(row(attempt(), id="three"))
        assert [row.id for row in second.take()] == ["one", "two", "three"]
    feed.give(row(attempt(), id="after"))
    assert [row.id for row in first.take()] == ["three"]


def test_who_does_not_take_misses_the_oldest_and_hears_how_many() -> None:
    feed = Feed()
    with feed.looking_on() as one:
        for number in range(KEPT + 3):
            feed.give(row(attempt(), id=f"r{number}"))
        assert one.missed == 3
        assert one.take()[0].id == "r3"
