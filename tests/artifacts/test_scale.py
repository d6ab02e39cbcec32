import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portico.artifacts.encode import opaque
from portico.artifacts.pictures import Box, Size
from portico.artifacts.scale import pieces


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """What differs from pixel to pixel shows the least mistake."""
    values = np.random.default_rng(3).integers(0, 256, (height, width, len(mode)), np.uint8)
    return Image.fromarray(values, mode)


def together(image: Image.Image, box: Box, size: Size) -> Image.Image:
    whole = Image.new(image.mode, size)
    for row, piece in pieces(image, box, size):
        whole.paste(piece, (0, row))
    return whole


def at_once(image: Image.Image, box: Box, size: Size) -> Image.Image:
    left, top, right, bottom = box
    weighed = image.convert("RGBa") if image.mode == "RGBA" else image
    narrow = weighed.resize(
        (size[0], image.height), Image.Resampling.LANCZOS, box=(left, 0, right, image.height)
    )
    return narrow.resize(size, Image.Resampling.LANCZOS, box=(0, top, size[0], bottom)).convert(
        image.mode
    )


def seen(image: Image.Image) -> Image.Image:
    """What shows: the colour of what hardly does is made of a few steps alone."""
    return opaque(image, "white")


def steps(one: Image.Image, other: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    assert (one.size, one.mode) == (other.size, other.mode)
    pair = [np.asarray(each, dtype=np.int16) for each in (one, other)]
    return np.abs(pair[0] - pair[1])


@pytest.mark.parametrize(("mode", "most"), [("RGB", 1), ("RGBA", 2)])  # what shows is weighed
@pytest.mark.parametrize(
    ("full", "box", "size"),
    [
        ((2000, 3000), (0, 0, 2000, 3000), (754, 1131)),
        ((2000, 3000), (10, 900, 1990, 2500), (1200, 969)),
        ((3000, 1500), (700, 0, 2900, 1500), (1500, 1022)),
        ((200, 30_000), (0, 0, 200, 30_000), (107, 16_050)),
        ((30_000, 200), (0, 0, 30_000, 200), (16_050, 107)),
        ((100, 40_000), (0, 39_000, 100, 40_000), (99, 990)),
    ],
)
def test_pieces_together_are_what_scaling_at_once_gives(
    mode: str, most: int, full: Size, box: Box, size: Size
) -> None:
    image = noise(*full, mode)
    differ = steps(seen(together(image, box, size)), seen(at_once(image, box, size)))
    assert differ.max() <= most
    assert (differ > 0).mean() < 0.01


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.integers(1, 3000), st.integers(1, 8), st.data())
def test_every_row_is_made_once_whatever_the_sizes(
    width: int, height: int, smaller: int, data: st.DataObject
) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = left, top, width, height
    size = max(1, (width - left) // smaller), max(1, (height - top) // smaller)
    following = 0
    for row, piece in pieces(Image.new("RGB", (width, height), (9, 99, 199)), box, size):
        assert row == following
        assert piece.width == size[0]
        assert piece.getextrema() == ((9, 9), (99, 99), (199, 199))
        following += piece.height
    assert following == size[1]


def test_what_keeps_its_size_keeps_its_pixels() -> None:
    image = noise(1700, 1800)
    box = 5, 7, 1600, 1790
    assert not steps(together(image, box, (1595, 1783)), image.crop(box)).any()


def test_no_piece_of_a_large_picture_is_large() -> None:
    image = Image.new("RGB", (6000, 4000))
    made = [piece for _, piece in pieces(image, (0, 0, 6000, 4000), (3000, 2000))]
    assert len(made) > 10
    assert max(piece.width * piece.height for piece in made) <= 300_000
