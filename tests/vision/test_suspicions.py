import numpy as np
import pytest

from portico.vision.conventions import CONVENTIONS
from portico.vision.elements import Picture, Seen
from portico.vision.fitting import Edges
from portico.vision.found import Found
from portico.vision.suspicions import Statement, suspicions

Numbers = tuple[float, float, float, float]
WIDE, HIGH = 1008, 504
SPREAD: list[Numbers] = [(20, 20, 300, 90), (700, 30, 900, 80), (50, 400, 480, 470)]


def told(
    name: str, boxes: list[Numbers], *, key: str = "", edges: Edges | None = None
) -> tuple[str, ...]:
    convention = CONVENTIONS[name]
    found = tuple(Found(numbers, key or convention.key) for numbers in boxes)
    seen = Seen.all_of(Picture(WIDE, HIGH))
    return suspicions(Statement(convention, seen, "", found, edges))


def drawn(boxes: list[Numbers], grid: float) -> Edges:
    """Return the edges of a picture with *boxes* on it, given in shares of *grid*."""
    pixels = np.full((HIGH, WIDE, 3), 255, np.uint8)
    for x1, y1, x2, y2 in boxes:
        rows = slice(round(y1 / grid * HIGH), round(y2 / grid * HIGH))
        pixels[rows, round(x1 / grid * WIDE) : round(x2 / grid * WIDE)] = 0
    return Edges.of(pixels)


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl", "ui-tars"])
def test_boxes_all_over_the_picture_are_not_suspected(name: str) -> None:
    assert told(name, SPREAD) == ()


@pytest.mark.parametrize(
    ("name", "boxes", "reason"),
    [
        ("qwen3-vl", [*SPREAD, (900, 500, 1400, 600)], "outside of 1000 × 1000"),
        ("qwen2.5-vl", [*SPREAD, (10, 500, 90, 990)], "outside of 1008 × 504"),
        ("omniparser", SPREAD, "outside of 1 × 1"),
        ("qwen3-vl", [(300, 20, 20, 90), *SPREAD[1:]], "corners reversed"),
        ("qwen3-vl", [(0.1, 0.1, 0.4, 0.2)], "ratios"),
        ("qwen3-vl", [(x, x, x + 90, x + 60) for x in (10, 200, 400)], "upper left quarter"),
        ("qwen3-vl", [(x, x, x + 90, x + 60) for x in (510, 700, 900)], "lower right quarter"),
    ],
)
def test_numbers_accuse_their_convention(name: str, boxes: list[Numbers], reason: str) -> None:
    (said,) = told(name, boxes)
    assert reason in said


def test_one_box_in_many_may_be_wrong() -> None:
    many = [(x, x / 2, x + 50.0, x / 2 + 40) for x in range(0, 900, 60)]
    assert told("qwen3-vl", [*many, (90, 20, 20, 90)]) == ()
    assert told("qwen3-vl", [*many, (900, 900, 1010, 1000)]) == ()


def test_the_key_of_another_convention_accuses() -> None:
    assert told("qwen3-vl", SPREAD, key="box_2d") == (
        "boxes stand under box_2d, not under bbox_2d",
    )
    assert told("qwen3-vl", SPREAD, key="box") == (), "nobody's key"


def test_a_corner_is_no_suspicion_where_the_rest_is_empty() -> None:
    corner: list[Numbers] = [(20, 20, 300, 90), (30, 120, 200, 200), (50, 300, 480, 470)]
    assert told("qwen3-vl", corner, edges=drawn(corner, 1000)) == ()
    elsewhere: list[Numbers] = [*corner, (600, 600, 900, 900)]
    assert len(told("qwen3-vl", corner, edges=drawn(elsewhere, 1000))) == 1


def test_the_picture_shows_that_x_and_y_are_exchanged() -> None:
    exchanged: list[Numbers] = [(y1, x1, y2, x2) for x1, y1, x2, y2 in SPREAD]
    (said,) = told("qwen3-vl", exchanged, edges=drawn(SPREAD, 1000))
    assert said == "the boxes fit the picture if they are read as 0-1000, y first"


def test_the_picture_shows_that_two_numbers_are_a_size() -> None:
    sized: list[Numbers] = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in SPREAD]
    rising = [box for box in sized if box[0] < box[2] and box[1] < box[3]]
    said = told("qwen3-vl", sized, edges=drawn(SPREAD, 1000))
    assert rising != sized
    assert said[-1].endswith("read as x, y, width, height")


def test_two_boxes_are_too_few_to_say_that_they_fit_otherwise() -> None:
    exchanged: list[Numbers] = [(y1, x1, y2, x2) for x1, y1, x2, y2 in SPREAD[:2]]
    assert told("qwen3-vl", exchanged, edges=drawn(SPREAD, 1000)) == ()
