"""Two drawings of one screen: planted changes are found, what an encoder does is not one."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from portico.vision.diff import compare
from portico.vision.pixels import Pixels, pixels_of
from tests.screens.catalog import SCREENS, Kind, Screen
from tests.vision.screenwork import pixels

SHIFTS = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1))
by_name = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)


def encoded(shown: Pixels, form: str, **options: Any) -> Pixels:
    written = BytesIO()
    Image.fromarray(shown).save(written, form, **options)
    return pixels_of(Image.open(written))


def test_every_kind_of_change_is_planted() -> None:
    kinds: list[Kind] = [screen.change.kind for screen in SCREENS if screen.change]
    assert len(kinds) == len(SCREENS)
    assert {kind: kinds.count(kind) >= 7 for kind in kinds} == dict.fromkeys(
        ("moved", "recoloured", "added", "removed", "reworded"), True
    )


@by_name
def test_a_planted_change_is_found_where_it_is_and_nothing_else(screen: Screen) -> None:
    assert screen.change is not None
    after = pixels_of(Image.open(screen.changed_path))
    found = compare(pixels(screen), after).changes
    assert len(found) == 1
    assert found[0].bbox.overlap(screen.change.box) >= 0.7


@by_name
def test_encoders_and_a_shift_by_a_pixel_change_nothing(screen: Screen) -> None:
    shown = pixels(screen)
    shift = SHIFTS[SCREENS.index(screen) % len(SHIFTS)]
    others = {
        "jpeg": encoded(shown, "JPEG", quality=90, subsampling=0),
        "shift": np.roll(shown, shift, axis=(1, 0)),
    }
    assert {name: compare(shown, other).changes for name, other in others.items()} == dict.fromkeys(
        others, ()
    )


@pytest.mark.parametrize("screen", SCREENS[::6], ids=lambda screen: screen.name)
def test_encoders_that_lose_nothing_change_nothing(screen: Screen) -> None:
    shown = pixels(screen)
    for how in ({"form": "WEBP", "lossless": True, "method": 0}, {"form": "PNG"}):
        other = encoded(shown, **how)
        assert np.array_equal(shown, other)
        assert compare(shown, other).changes == ()
