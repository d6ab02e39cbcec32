import io

import numpy as np
import pytest
from PIL import Image

from portico.artifacts.encode import encoded
from portico.artifacts.profiles import Profile
from tests.artifacts import odd


def grain(width: int, height: int) -> Image.Image:
    """A photograph's worst: PNG makes of it three bytes a pixel."""
    return Image.fromarray(np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8))


def decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_an_interface_stays_png_though_its_pixels_are_more_than_the_bytes() -> None:
    image = odd.page(1000, 3000)
    made = encoded(image, Profile("small", bytes=1_500_000))
    assert made is not None
    assert made[1] == "image/png"
    assert np.array_equal(np.asarray(decoded(made[0])), np.asarray(image))


def test_a_photograph_at_one_end_does_not_hide_the_interface() -> None:
    image = Image.new("RGB", (1000, 3000), "white")
    image.paste(grain(1000, 700), (0, 0))
    made = encoded(image, Profile("middling", bytes=2_400_000))
    assert made is not None
    assert made[1] == "image/png"


@pytest.mark.parametrize("height", [90, 3000])  # where a sample is worth it, and where it is not
def test_what_png_makes_too_large_becomes_jpeg(height: int) -> None:
    image = grain(400, height)
    made = encoded(image, Profile("small", bytes=400 * height * 2))
    assert made is not None
    assert made[1] == "image/jpeg"
    assert decoded(made[0]).size == image.size


def test_no_more_bytes_than_allowed_whatever_was_expected() -> None:
    image = odd.page(600, 1200)
    exact = encoded(image, Profile("any"))
    assert exact is not None
    just = encoded(image, Profile("just", bytes=len(exact[0])))
    assert just == exact
    less = encoded(image, Profile("less", bytes=len(exact[0]) - 1))
    assert less is None or len(less[0]) < len(exact[0])
    assert encoded(image, Profile("nothing", bytes=100)) is None
