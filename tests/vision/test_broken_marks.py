"""Marks that broke off in the middle of a box."""

import pytest

from portico.vision.elements import Notice
from portico.vision.found import read_marks
from portico.vision.merging import merge
from tests.vision.test_merging import TILES, seen_by

WHOLE = "Save(10,20),(30,40)\n"


@pytest.mark.parametrize("rest", ["(50,60),(70,8", "(50,60),(70,", "(50,60),(", "(50,60),"])
@pytest.mark.parametrize("before", ["", WHOLE])
def test_the_first_corner_of_a_cut_box_is_no_point(before: str, rest: str) -> None:
    reading = read_marks(before + "Cancel" + rest)
    assert len(reading.found) == (1 if before else 0)
    assert reading.cut


def test_after_boxes_a_last_lonely_corner_is_a_cut_box() -> None:
    reading = read_marks(WHOLE + "Cancel(50,60)")
    assert [item.label for item in reading.found] == ["Save"]
    assert reading.cut


@pytest.mark.parametrize("said", ["Save(10,20)", "Save(10,20) is where to click, then wait."])
def test_a_point_is_a_point_where_no_box_was_begun(said: str) -> None:
    reading = read_marks(said)
    assert [item.numbers for item in reading.found] == [(10, 20)]
    assert not reading.cut


def test_a_tile_with_nothing_on_it_is_no_warning_about_a_page_with_something() -> None:
    empty = seen_by(TILES[0], [])
    empty = type(empty)(
        image=empty.image,
        seen=empty.seen,
        source=empty.source,
        warnings=(Notice("nothing_found"), Notice("answer_cut")),
    )
    full = seen_by(TILES[2], [("button", "Save", TILES[2])])
    assert [notice.code for notice in merge([empty, full]).warnings] == ["answer_cut"]
    assert merge([empty]).warned("nothing_found")
