import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from portico.vision.pixels import box_sums, grown, pixels_of


def test_what_shines_through_is_laid_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    assert pixels_of(image).tolist() == [[[255, 255, 255], [10, 20, 30]]]


def test_every_mode_gives_three_colours() -> None:
    for mode in ("1", "L", "P", "CMYK", "RGB", "LA"):
        assert pixels_of(Image.new(mode, (3, 2))).shape == (2, 3, 3)


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(0, 3))
def test_sums_and_growth_are_those_of_the_square_around(mask: np.ndarray, reach: int) -> None:
    sums, large = box_sums(mask, reach), grown(mask, reach)
    for y, x in np.ndindex(mask.shape):
        square = mask[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        assert sums[y, x] == square.sum()
        assert large[y, x] == square.any()
