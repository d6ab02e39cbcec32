from io import BytesIO
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from portico.vision.contrast import Colour, luminance, measure, ratio
from portico.vision.pixels import pixels_of

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def written(ink: Colour, ground: Colour, size: float = 15) -> Image.Image:
    font = ImageFont.load_default(size)
    image = Image.new("RGB", (round(size * 9), round(size * 1.6)), ground)
    ImageDraw.Draw(image).text((4, 2), "Save changes", fill=ink, font=font)
    return image


def pairs(count: int) -> list[tuple[Colour, Colour]]:
    chance = Random(7)
    colours = [tuple(chance.randrange(256) for _ in range(3)) for _ in range(2 * count)]
    return [(one, two) for one, two in zip(colours[::2], colours[1::2], strict=True)]  # type: ignore[misc]


def test_the_ratio_is_that_of_wcag() -> None:
    assert ratio(BLACK, WHITE) == pytest.approx(21)
    assert ratio(WHITE, WHITE) == 1
    assert ratio((0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.005)
    assert luminance((255, 0, 0)) == pytest.approx(0.2126)
    assert luminance((64, 64, 64)) == pytest.approx(0.0513, abs=0.0001)
    assert luminance((10, 10, 10)) == pytest.approx(0.0030, abs=0.0001)


@pytest.mark.parametrize("size", [12, 15, 24])
def test_contrast_on_flat_grounds_is_within_a_tenth(size: float) -> None:
    for ink, ground in [*pairs(40), (BLACK, WHITE), (WHITE, BLACK), ((119, 119, 119), WHITE)]:
        apart = np.linalg.norm(np.subtract(ink, ground))
        seen = measure(pixels_of(written(ink, ground, size)))
        if apart > 60:
            assert seen is not None
            assert seen.ratio == pytest.approx(ratio(ink, ground), abs=0.1), (ink, ground)
            assert seen.flat, (ink, ground)


def test_strokes_thinner_than_a_pixel_are_never_measured_stronger_than_they_are() -> None:
    for ink, ground in pairs(40):
        seen = measure(pixels_of(written(ink, ground, 10)))
        assert seen is None or seen.ratio <= ratio(ink, ground) + 0.1


def test_a_jpeg_is_measured_nearly_as_well() -> None:
    for ink, ground in [((26, 115, 232), WHITE), (WHITE, (24, 128, 56)), (BLACK, (255, 220, 0))]:
        data = BytesIO()
        written(ink, ground).save(data, "JPEG", quality=90, subsampling=0)
        seen = measure(pixels_of(Image.open(data)))
        assert seen is not None
        assert seen.ratio == pytest.approx(ratio(ink, ground), rel=0.1)


def test_where_nothing_is_written_there_is_no_contrast() -> None:
    assert measure(np.full((20, 20, 3), 90, np.uint8)) is None
    assert measure(np.zeros((0, 5, 3), np.uint8)) is None


def test_a_ground_of_many_colours_is_no_proof() -> None:
    ramp = np.linspace(0, 255, 120).astype(np.uint8)
    image = Image.fromarray(np.repeat(np.stack([ramp] * 3, 1)[None], 24, 0))
    ImageDraw.Draw(image).text((4, 2), "Save", fill="#1a73e8", font=ImageFont.load_default(15))
    seen = measure(pixels_of(image))
    assert seen is not None
    assert not seen.flat
