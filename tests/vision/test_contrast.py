from io import BytesIO
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from portico.vision.contrast import Colour, luminance, measure, ratio, shown_inks
from portico.vision.pixels import pixels_of

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


WORDS = ("Save changes", "Settings", "million", "11:11", "ill", "6", "HTTP", "return sum(row)")


def written(
    ink: Colour, ground: Colour, size: float = 15, words: str = "Save changes"
) -> Image.Image:
    font = ImageFont.load_default(size)
    image = Image.new("RGB", (round(size * 9), round(size * 1.6)), ground)
    ImageDraw.Draw(image).text((4, 2), words, fill=ink, font=font)
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


@pytest.mark.parametrize("size", [7, 8, 9, 10, 11, 12, 13, 14])
def test_an_ink_that_is_said_to_be_shown_is_the_ink(size: float) -> None:
    """Each by itself, and all together: what is proven is right, however thin the strokes."""
    for ink, ground in [((31, 35, 40), WHITE), (WHITE, (26, 99, 216)), (BLACK, WHITE)]:
        found = [measure(pixels_of(written(ink, ground, size, words))) for words in WORDS]
        texts = [text for text in found if text]
        for proven in (shown_inks(texts), *(shown_inks([text]) for text in texts)):
            for text in texts:
                if text.ink in proven:
                    assert text.ratio == pytest.approx(ratio(ink, ground), abs=0.1)


def test_usual_writing_proves_its_ink() -> None:
    for size in (15, 18, 24, 36):
        texts = [measure(pixels_of(written(BLACK, WHITE, size, words))) for words in WORDS]
        assert shown_inks(text for text in texts if text) == {BLACK}


def test_a_jpeg_is_measured_nearly_as_well() -> None:
    for ink, ground in [((26, 115, 232), WHITE), (WHITE, (24, 128, 56)), (BLACK, (255, 220, 0))]:
        data = BytesIO()
        written(ink, ground).save(data, "JPEG", quality=90, subsampling=0)
        seen = measure(pixels_of(Image.open(data)))
        assert seen is not None
        assert seen.ratio == pytest.approx(ratio(ink, ground), rel=0.1)
        assert seen.sightings is None


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
