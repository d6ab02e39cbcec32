"""What is drawn is what the ledger has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.console.charts import SPANS, drawn, quantile, query
from portico.ledger.base import STEPS, SeriesQuery, SeriesRow

NONE = (0,) * (len(STEPS) + 1)


def test_a_span_ends_with_the_one_of_now() -> None:
    asked = query(SPANS["1 h"], 7_261.0)
    assert asked == SeriesQuery(3_720.0, 60, 60)


def test_requests_stand_under_who_answered_most_first_and_nobody_has_a_line() -> None:
    rows = [
        SeriesRow(at=0, target="a", answered=1),
        SeriesRow(at=0, target="b", answered=2, others=1),
        SeriesRow(at=1, target=None, failed=2),
        SeriesRow(at=1, target="c", input=5),
    ]
    charts = drawn(SeriesQuery(100.0, 10.0, 2), rows)
    assert charts.at == [100.0, 110.0]
    assert charts.requests.names == ["b", "nobody", "a"]
    assert charts.requests.lines == [[3, 0], [0, 2], [1, 0]]
    assert charts.requests.total == "6"


def test_tokens_and_cost_are_added_exactly_and_waits_have_gaps() -> None:
    rows = [
        SeriesRow(
            at=0, target="a", answered=2, waits=(2, *NONE[1:]), input=7, output=3, cost_usd="0.1"
        ),
        SeriesRow(at=0, target="b", answered=1, waits=NONE, input=1, cost_usd="0.2", simulated=1),
    ]
    charts = drawn(SeriesQuery(0.0, 1.0, 2), rows)
    assert charts.tokens.lines == [[8, 0], [3, 0]]
    assert charts.cost.total == "0.3"
    assert charts.waits.lines == [[0.05, None], [0.095, None]]
    assert charts.simulated == 1


def test_nothing_has_no_quantile() -> None:
    assert quantile(NONE, 0.5) is None


def test_what_is_over_the_last_bound_is_at_it() -> None:
    assert quantile((*NONE[1:], 4), 0.5) == STEPS[-1]


@given(st.lists(st.integers(0, 50), min_size=len(NONE), max_size=len(NONE)))
def test_a_larger_share_never_waits_less(classes: list[int]) -> None:
    half, most = quantile(classes, 0.5), quantile(classes, 0.95)
    if half is not None and most is not None:
        assert 0 <= half <= most <= STEPS[-1]


@pytest.mark.parametrize("name", SPANS)
def test_every_span_is_of_a_size_that_can_be_drawn(name: str) -> None:
    assert 50 <= SPANS[name].count <= 100
