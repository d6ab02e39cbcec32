"""Whoever looks on sees what comes, each thing once, and is told what went before it was taken."""

from portico.ledger.feed import KEPT, Feed
from tests.ledger.entries import attempt, entry


def test_an_onlooker_sees_what_comes_while_it_looks_and_nothing_twice() -> None:
    feed = Feed()
    feed.take(entry(attempt(), id="before"))
    with feed.looking_on() as first, feed.looking_on() as second:
        feed.take(entry(attempt(), id="one"))
        feed.take(entry(attempt(), id="two"))
        assert [row.id for row in first.take()] == ["one", "two"]
        assert first.take() == []
        feed.take(entry(attempt(), id="three"))
        assert [row.id for row in second.take()] == ["one", "two", "three"]
    feed.take(entry(attempt(), id="after"))
    assert [row.id for row in first.take()] == ["three"]


def test_who_does_not_take_misses_the_oldest_and_hears_how_many() -> None:
    feed = Feed()
    with feed.looking_on() as one:
        for number in range(KEPT + 3):
            feed.take(entry(attempt(), id=f"r{number}"))
        assert one.missed == 3
        assert one.take()[0].id == "r3"
