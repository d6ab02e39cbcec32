"""Tables as CSV: nothing in them is a formula, and everything comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.api.sheets import ACTIVE, sheet


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")']
)
def test_what_a_spreadsheet_would_calculate_is_led_by_an_apostrophe(text: str) -> None:
    assert cells(sheet(["key"], [[text]])) == [["key"], [f"'{text}"]]


def test_numbers_and_what_is_not_there_stay_as_they_are() -> None:
    assert cells(sheet(["a", "b", "c"], [[-1, None, 0.5]])) == [["a", "b", "c"], ["-1", "", "0.5"]]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2))
def test_every_text_comes_back_whole_and_none_begins_actively(row: list[str]) -> None:
    (_, found) = cells(sheet(["x"] * len(row), [row]))
    assert not any(cell.startswith(ACTIVE) for cell in found)
    assert [cell.removeprefix("'") for cell in found] == [cell.removeprefix("'") for cell in row]
