import hashlib

import numpy as np
import pytest
from PIL import Image

from portico.artifacts import colour

TALL = (300, 2000)  # several strips


def grain(bands: int) -> Image.Image:
    values = np.random.default_rng(4).integers(0, 256, (*TALL[::-1], bands), np.uint8)
    return Image.fromarray(values)


def test_strips_are_the_picture_from_top_to_bottom() -> None:
    image = grain(3)
    again = Image.new("RGB", TALL)
    for top, strip in colour.strips(image):
        assert strip.width * strip.height <= 100_000
        again.paste(strip, (0, top))
    assert again.tobytes() == image.tobytes()


@pytest.mark.parametrize("bands", [3, 4])
def test_a_fingerprint_is_of_all_that_can_be_seen_in_one_piece(bands: int) -> None:
    image = grain(bands)
    values = np.array(image)
    if bands == 4:
        values[values[..., 3] == 0] = 0
    head = f"{image.mode} 300 2000\n".encode()
    assert colour.fingerprint(image) == hashlib.sha256(head + values.tobytes()).hexdigest()


@pytest.mark.parametrize("row", [0, 1000, 1999])
def test_one_clear_pixel_is_enough_to_stay_transparent(row: int) -> None:
    image = grain(3).convert("RGBA")
    assert colour.srgb(image, None).mode == "RGB"
    image.putpixel((299, row), (1, 2, 3, 254))
    assert colour.srgb(image, None).mode == "RGBA"


def test_sixteen_bits_are_cut_to_eight_in_every_row() -> None:
    values = np.arange(TALL[0] * TALL[1], dtype=np.uint32).reshape(TALL[::-1]) % 65_536
    image = Image.fromarray(values.astype(np.uint16))
    shown = np.asarray(colour.srgb(image, None).convert("L"))
    assert np.array_equal(shown, (values >> 8).astype(np.uint8))
