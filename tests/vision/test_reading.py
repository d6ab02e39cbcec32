import pytest

from portico.vision.conventions import CONVENTIONS
from portico.vision.elements import Box, Picture, Seen
from portico.vision.fitting import Edges
from portico.vision.pixels import pixels_of
from portico.vision.reading import MISMATCH, Glance, read
from tests.vision.screens import FORMS, NUMBERS, Screen, answer, as_tokens, screen

SCREENS = range(14)  # every size, light and dark
PROBE = ((100.0, 200.0, 300.0, 400.0), (1920, 1080))


def glances(shown: Screen) -> dict[str, Glance]:
    """Return *shown* as it is put before a target of each convention."""
    picture, edges = Picture(*shown.size), Edges.of(pixels_of(shown.image))
    seen = Seen.all_of(picture)
    return {name: Glance("seer", name, picture, seen, edges) for name in FORMS}


def most_apart(one: Box, other: Box) -> int:
    pairs = ((one.x1, other.x1), (one.y1, other.y1), (one.x2, other.x2), (one.y2, other.y2))
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize("seed", SCREENS)
def test_boxes_land_within_a_pixel_and_the_steps_of_their_convention(seed: int) -> None:
    shown = screen(seed)
    for name, look in glances(shown).items():
        read_back = read(answer(shown.things, shown.size, name), look)
        step = max(shown.size) / (10_000 if name == "omniparser" else 1000)
        truth = {thing.label: thing for thing in shown.things}
        assert read_back.warnings == ()
        assert {element.label for element in read_back.elements} == set(truth)
        for element in read_back.elements:
            assert most_apart(element.bbox, truth[element.label].bbox) <= 1 + step / 2, name


@pytest.mark.parametrize("seed", SCREENS)
def test_a_wrong_convention_is_noticed_and_a_right_one_is_not_accused(seed: int) -> None:
    """The numbers of one convention in the form of another: only the numbers are wrong."""
    shown = screen(seed)
    missed, told = [], 0
    for declared, look in glances(shown).items():
        for real in FORMS:
            said = answer(shown.things, shown.size, real, declared, jitter=2)
            accused = read(said, look).warned(MISMATCH)
            if NUMBERS[real](*PROBE) == NUMBERS[declared](*PROBE):
                assert not accused, declared
            else:
                told += 1
                missed += [] if accused else [(declared, real)]
    assert len(missed) <= 0.05 * told, missed


def test_what_was_written_in_another_form_is_a_mismatch_too() -> None:
    shown = screen(1)
    for declared, look in glances(shown).items():
        for real in FORMS:
            said = answer(shown.things, shown.size, real)
            if FORMS[declared] != FORMS[real] and (declared, real) != ("ui-tars", "qwen2-vl"):
                either = NUMBERS[real](*PROBE) == NUMBERS[declared](*PROBE)
                assert read(said, look).warned(MISMATCH) or either


def test_special_tokens_change_nothing() -> None:
    shown = screen(2)
    size = shown.size
    write = NUMBERS["qwen2-vl"]
    rows = [(thing.type, thing.label, write(thing.corners, size)) for thing in shown.things]
    look = glances(shown)["qwen2-vl"]
    plain = read(answer(shown.things, size, "qwen2-vl"), look)
    tokens = read(as_tokens("", rows), look)
    assert tokens.elements == plain.elements


def test_what_a_tile_showed_is_told_in_the_coordinates_of_the_page() -> None:
    page = Picture(1000, 4000)
    tile = Glance("seer", "qwen3-vl", page, Seen(500, 500, Box(0, 2000, 1000, 3000)))
    found = read('[{"bbox_2d": [100, 100, 200, 150], "label": "Save button"}]', tile)
    assert found.elements[0].bbox == Box(100, 2100, 200, 2150)
    assert found.seen[0].scale == (0.5, 0.5)


def test_a_cut_answer_gives_what_is_whole_and_says_so() -> None:
    shown = screen(0)
    said = answer(shown.things, shown.size, "gemini")
    found = read(said[: len(said) // 2], glances(shown)["gemini"])
    assert 0 < len(found.elements) < len(shown.things)
    assert found.warned("answer_cut")
    assert found.raw == (said[: len(said) // 2],)


def test_a_point_is_the_pixel_it_names() -> None:
    look = Glance("seer", "gemini", Picture(100, 200), Seen.all_of(Picture(100, 200)))
    found = read('[{"point": [500, 1000], "label": "Close"}]', look)
    assert found.elements[0].bbox == Box(99, 100, 100, 101)
    assert found.elements[0].flags == ("point",)


def test_doubles_and_what_has_no_area_are_dropped_and_counted() -> None:
    look = Glance("seer", "qwen3-vl", Picture(1000, 1000), Seen.all_of(Picture(1000, 1000)))
    row = '{"bbox_2d": [100, 100, 900, 900], "label": "Card"}'
    flat = '{"bbox_2d": [5, 5, 5, 90], "label": "Line"}'
    found = read(f"[{row}, {row}, {flat}]", look)
    assert len(found.elements) == 1
    assert [notice.detail[:2] for notice in found.warnings] == ["2 "]


def test_a_model_without_a_convention_is_not_trusted() -> None:
    look = Glance("seer", "none", Picture(1000, 1000), Seen.all_of(Picture(1000, 1000)))
    found = read('[{"bbox_2d": [100, 100, 900, 900], "label": "Card"}]', look)
    assert [notice.code for notice in found.warnings] == ["unproven_convention"]
    assert found.elements[0].bbox == Box(100, 100, 900, 900)


def test_prose_without_a_box_finds_nothing_and_accuses_nobody() -> None:
    look = Glance("seer", "gemini", Picture(10, 10), Seen.all_of(Picture(10, 10)))
    found = read("I cannot see any screenshot.", look)
    assert [notice.code for notice in found.warnings] == ["nothing_found"]


def test_every_convention_can_ask_and_remind() -> None:
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.key in convention.prompt
        assert convention.prompt != convention.reminder
