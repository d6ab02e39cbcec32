"""Usage, added up hour by hour: the same sums as over the rows, whatever the window."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from portico.ledger.base import By, UsageQuery
from portico.ledger.rows import row_of
from portico.ledger.sums import HOUR, Window, added_up, ordered, read, told, window
from tests.ledger.entries import GEMINI, LIMITED, QWEN, attempt, entry

MOMENTS = st.one_of(
    st.none(),
    st.integers(0, 20 * HOUR * 1000).map(lambda number: number / 1000),
    st.integers(0, 20).map(lambda number: number * 3600.0),
)


def spans(found: Window, latest: float) -> Iterator[tuple[float, float]]:
    first = 0 if found.first is None else found.first * HOUR
    end = latest if found.end is None else found.end * HOUR
    if first < end:
        yield float(first), float(end)
    yield from found.edges


@given(MOMENTS, MOMENTS)
def test_a_window_is_whole_hours_and_pieces_that_meet_and_never_overlap(
    since: float | None, until: float | None
) -> None:
    latest = 30.0 * HOUR
    found = sorted(spans(window(UsageQuery(since=since, until=until)), latest))
    begin, end = since or 0.0, latest if until is None else until
    assert all(one[1] == two[0] for one, two in pairwise(found))
    if begin < end:
        assert (found[0][0], found[-1][1]) == (begin, end)
    else:
        assert found == []


@given(MOMENTS, MOMENTS)
def test_no_piece_is_longer_than_an_hour_or_of_two_hours(
    since: float | None, until: float | None
) -> None:
    for begin, end in window(UsageQuery(since=since, until=until)).edges:
        assert begin // HOUR == (end - 1e-6) // HOUR or end - begin <= 1e-6


@given(st.one_of(st.none(), st.text()))
def test_a_name_in_a_cell_says_nobody_and_no_name_apart(key: str | None) -> None:
    assert read(told(key)) == key


def test_a_request_is_counted_once_by_each_thing_that_it_is_of() -> None:
    row = row_of(entry(attempt(QWEN, LIMITED), attempt(GEMINI), attempt(GEMINI), started=7300.0))
    cells = {(cell.by, cell.hour, read(cell.name)): sums for cell, sums in added_up([row])}
    assert {key for key in cells if key[0] == By.TARGET} == {
        (By.TARGET, 2, "gemini-3-flash"),
        (By.TARGET, 2, "qwen3-coder"),
    }
    gemini, role = cells[By.TARGET, 2, "gemini-3-flash"], cells[By.ROLE, 2, "design"]
    assert (gemini.requests, gemini.attempts, gemini.priced) == (1, 2, 2)
    assert (role.requests, role.attempts, role.cost_nano) == (1, 3, gemini.cost_nano)
    assert cells[By.TASK, 2, None].requests == 1


def test_cells_come_in_one_order_for_every_writer() -> None:
    rows = [row_of(entry(attempt(QWEN), started=n * 3600.0, caller=f"{n % 3}")) for n in range(9)]
    forwards, backwards = added_up(rows), added_up(reversed(rows))
    assert [cell for cell, _ in forwards] == [cell for cell, _ in backwards]
    assert forwards == backwards


def test_days_are_in_order_and_all_else_by_how_much_was_asked() -> None:
    sums = {cell.name: more for cell, more in added_up([row_of(entry())]) if cell.by == "role"}
    one = next(iter(sums.values()))
    assert [row.key for row in ordered(By.DAY, {"2026-02-01": one, "2026-01-01": one})] == [
        "2026-01-01",
        "2026-02-01",
    ]
    assert [row.key for row in ordered(By.ROLE, {"b": one, None: one, "a": one})] == [
        None,
        "a",
        "b",
    ]
