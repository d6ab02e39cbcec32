from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageChops

from portico.vision.diff import compare
from portico.vision.elements import Box
from portico.vision.pixels import pixels_of
from tests.vision.plants import plants
from tests.vision.screens import screen

SEEDS = [4, 9, 12]  # small ones, light and dark; tests/screens has real ones
REENCODED = [("JPEG", 90), ("JPEG", 60), ("JPEG", 40), ("WEBP", 80), ("WEBP", 50), ("AVIF", 60)]


def encoded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    written = BytesIO()
    image.save(written, kind, quality=quality)
    return Image.open(written)


@pytest.mark.parametrize("seed", SEEDS)
def test_encoders_shifts_and_colour_profiles_change_nothing(seed: int) -> None:
    image = screen(seed).image
    before = pixels_of(image)
    shifted = [ImageChops.offset(image, *by) for by in ((1, 0), (0, -1), (-1, 1))]
    same = [encoded(image, *how) for how in REENCODED]
    same += [*shifted, encoded(shifted[2], "JPEG", 75)]
    same += [image.point(lambda value: round(value * 0.98 + 4))]
    for at, other in enumerate(same):
        assert compare(before, pixels_of(other)).changes == (), at


@pytest.mark.parametrize("seed", SEEDS)
def test_every_planted_change_is_found_where_it_is_and_nothing_else(seed: int) -> None:
    shown = screen(seed)
    before = pixels_of(shown.image)
    for plant in plants(shown, seed):
        for image in (plant.image, encoded(plant.image, "JPEG", 90)):
            changes = compare(before, pixels_of(image)).changes
            assert len(changes) == len(plant.truth), plant.kind
            for box in plant.truth:
                assert max(box.overlap(change.bbox) for change in changes) >= 0.7, plant.kind


def test_several_changes_are_several_regions() -> None:
    shown = screen(0)
    after = shown.image.copy()
    places = [Box(400, 20, 440, 40), Box(500, 20, 540, 40), Box(600, 700, 800, 780)]
    for box in places:
        after.paste((255, 0, 255), (box.x1, box.y1, box.x2, box.y2))
    found = compare(pixels_of(shown.image), pixels_of(after)).changes
    assert len(found) == 3
    assert all(max(box.overlap(one.bbox) for one in found) >= 0.7 for box in places)


@pytest.mark.parametrize("side", [5, 8, 16])
def test_a_small_coloured_thing_is_found_to_the_pixel(side: int) -> None:
    image = Image.new("RGB", (100, 80), "white")
    after = image.copy()
    after.paste((217, 48, 37), (40, 30, 40 + side, 30 + side))
    (change,) = compare(pixels_of(image), pixels_of(after)).changes
    assert change.bbox == Box(40, 30, 40 + side, 30 + side)


@pytest.mark.parametrize("by", [(12, 0), (-12, 0), (0, 9), (0, -9)])
def test_a_plain_thing_that_moved_a_little_is_one_change(by: tuple[int, int]) -> None:
    """Only its two ends differ: the middle is of one colour before and after."""
    across, down = by
    old, new = Box(60, 60, 160, 120), Box(60 + across, 60 + down, 160 + across, 120 + down)
    pictures = []
    for box in (old, new):
        image = Image.new("RGB", (220, 180), "white")
        image.paste((26, 115, 232), (box.x1, box.y1, box.x2, box.y2))
        pictures.append(pixels_of(image))
    (change,) = compare(*pictures).changes
    assert change.bbox.overlap(old.around(new)) >= 0.9


def test_two_strips_in_a_row_that_only_look_like_the_ends_of_one_thing_stay_two() -> None:
    image = Image.new("RGB", (220, 180), "white")
    after = image.copy()
    for x in (40, 120):
        after.paste((26, 115, 232), (x, 60, x + 20, 100))
    assert len(compare(pixels_of(image), pixels_of(after)).changes) == 2


def test_a_change_says_whether_something_came_went_or_differs() -> None:
    blank = Image.new("RGB", (200, 100), "white")
    full = blank.copy()
    full.paste((0, 0, 0), (50, 40, 60, 60))
    full.paste((200, 0, 0), (60, 40, 100, 60))
    other = full.copy()
    other.paste((0, 0, 200), (60, 40, 100, 60))
    pairs = [(blank, full, "added"), (full, blank, "removed"), (full, other, "changed")]
    for before, after, how in pairs:
        (change,) = compare(pixels_of(before), pixels_of(after)).changes
        assert (change.type, change.evidence) == ("change", "pixels")
        if how != "changed":
            assert change.label == how


def test_what_only_one_picture_has_room_for_is_a_change() -> None:
    small, large = np.full((50, 60, 3), 255, np.uint8), np.full((80, 90, 3), 255, np.uint8)
    grown = compare(small, large)
    assert [(one.label, one.bbox) for one in grown.changes] == [
        ("added", Box(60, 0, 90, 50)),
        ("added", Box(0, 50, 90, 80)),
    ]
    assert {one.label for one in compare(large, small).changes} == {"removed"}
    assert grown.heat.shape == (80, 90, 3)


def test_the_heat_map_is_black_where_nothing_changed_and_bright_where_it_did() -> None:
    before = np.full((60, 60, 3), 255, np.uint8)
    after = before.copy()
    after[20:40, 20:40] = 0
    heat = compare(before, after).heat
    assert heat.dtype == np.uint8
    assert heat[30, 30].tolist() == [255, 255, 255]
    assert not heat[:15].any()
    assert not compare(before, before).heat.any()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 40)])
def test_tiny_pictures_can_be_compared(size: tuple[int, int]) -> None:
    one, other = (pixels_of(Image.new("RGB", size, colour)) for colour in ("white", "black"))
    assert compare(one, other).heat.shape == (size[1], size[0], 3)
