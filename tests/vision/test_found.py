import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.vision.found import read_marks, read_objects


def test_an_object_gives_its_place_label_text_and_kind() -> None:
    (found,) = read_objects(
        '[{"box_2d": [1, 2, 3, 4], "label": "Save", "type": "button", "text": "Save now"}]'
    ).found
    assert (found.numbers, found.key) == ((1, 2, 3, 4), "box_2d")
    assert (found.label, found.text, found.type) == ("Save", "Save now", "button")
    assert found.interactive is True


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("[[1, 2], [3, 4]]", (1, 2, 3, 4)),
        ('["1", "2", "3.5", "4"]', (1, 2, 3.5, 4)),
        ('"1, 2, 3, 4"', (1, 2, 3, 4)),
        ("[1, 2]", (1, 2)),
    ],
)
def test_numbers_are_read_however_they_are_listed(written: str, numbers: tuple[float, ...]) -> None:
    (found,) = read_objects(f'{{"bbox_2d": {written}, "label": "x"}}').found
    assert found.numbers == numbers


@pytest.mark.parametrize("written", ["[1, 2, 3]", "[true, 2, 3, 4]", "null", '["a", 1, 2]', "{}"])
def test_what_is_no_place_is_passed_over(written: str) -> None:
    assert read_objects(f'[{{"bbox_2d": {written}}}]').found == ()


def test_objects_within_objects_are_found() -> None:
    answer = '{"screen": {"elements": [{"bbox": [0, 0, 1, 1], "content": "Hi", "type": "text"}]}}'
    (found,) = read_objects(answer).found
    assert (found.label, found.text, found.interactive) == ("Hi", "Hi", False)


@pytest.mark.parametrize(
    "answer",
    [
        "<|object_ref_start|>Save button<|object_ref_end|>"
        "<|box_start|>(120,33),(180,60)<|box_end|><|im_end|>",
        "Save button(120,33),(180,60)",
        "Here it is:\n1. Save button: (120, 33), (180, 60)",
        "- Save button <bbox>120 33 180 60</bbox>",
        "Thought: Save button\nAction: click(start_box='(120,33,180,60)')",
        "Save button\n<|box_start|>(120,33),(180,60)<|box_end|>",
    ],
)
def test_marks_are_read_with_special_tokens_and_without(answer: str) -> None:
    (found,) = read_marks(answer).found
    assert found.numbers == (120, 33, 180, 60)
    assert (found.label, found.type) == ("Save button", "button")


def test_one_name_may_stand_before_several_boxes() -> None:
    found = read_marks("icon(1,2),(3,4)(5,6),(7,8)").found
    assert [(item.label, item.numbers[0]) for item in found] == [("icon", 1), ("icon", 5)]


@pytest.mark.parametrize("answer", ["click(point='<point>12 34</point>')", "(12,34)"])
def test_a_point_has_two_numbers(answer: str) -> None:
    (found,) = read_marks(answer).found
    assert found.numbers == (12, 34)


def test_a_place_that_is_cut_is_said() -> None:
    assert read_marks("a(1,2),(3,4)\nb(5,6),(7").cut
    assert not read_marks("a(1,2),(3,4)").cut


@given(st.text(st.sampled_from("(),[]<>/ 0123.-pointbx|\nAction:='"), max_size=400))
def test_no_answer_makes_it_fail(answer: str) -> None:
    for found in read_marks(answer).found:
        assert len(found.numbers) in (2, 4)
    read_objects(answer)
