"""What looks alike is near, and what does not is not."""

import io
import math
from collections.abc import Sequence

import pytest
from PIL import Image

from portico.vision.likeness import DIMENSIONS, SAMPLED, apart, likeness
from tests.memory.screens import altered, screen


def image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def described(picture: Image.Image) -> Sequence[float]:
    return likeness(picture)[0]


def looks(picture: Image.Image) -> str:
    return likeness(picture)[1]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_it_is_a_unit_vector_whatever_the_picture() -> None:
    for picture in (
        image(screen(1).png),
        Image.new("RGB", (1, 1), "red"),
        Image.new("L", (3, 900), 255),
        Image.new("RGBA", (40, 40), (0, 0, 0, 0)),
    ):
        numbers = described(picture)
        assert len(numbers) == DIMENSIONS
        assert math.isclose(cosine(numbers, numbers), 1, rel_tol=1e-6)
        assert len(looks(picture)) == 16


@pytest.mark.parametrize("number", range(5))
def test_another_scale_and_compression_change_little(number: int) -> None:
    shown = screen(number)
    again = described(image(altered(shown.png, number)))
    others = [cosine(described(image(screen(n).png)), again) for n in range(100, 130)]
    assert cosine(described(image(shown.png)), again) > max(others) + 0.1


@pytest.mark.parametrize("number", range(3))
def test_of_a_large_picture_samples_say_as_much_as_all_of_it(number: int) -> None:
    picture = image(screen(number).png)
    wide, high = picture.size
    large = picture.resize((wide * 5, high * 5), Image.Resampling.LANCZOS)
    assert max(large.size) > SAMPLED
    assert cosine(described(large), described(picture)) > 0.99
    assert apart(looks(large), looks(picture)) <= 4


def test_the_same_pixels_look_the_same() -> None:
    picture = image(screen(3).png)
    assert apart(looks(picture), looks(picture.resize((640, 480)))) <= 6
    assert apart(looks(picture), looks(image(screen(4).png))) > 12
