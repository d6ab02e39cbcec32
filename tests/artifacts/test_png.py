"""A second decoder for PNG: the same pixels as Pillow's, or none at all."""

import hashlib
import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from portico.artifacts import colour, png
from portico.artifacts.images import open_picture
from portico.artifacts.pictures import PictureRefused
from tests.artifacts import odd

SCREEN = odd.saved(odd.screen(), "PNG")


def read(data: bytes) -> png.Pixels | None:
    return png.pixels(Image.open(io.BytesIO(data)), data)


def inserted(data: bytes, name: bytes, body: bytes, *, last: bool = False) -> bytes:
    """Put a chunk behind the head, or before the end."""
    place = len(data) - 12 if last else 33
    return data[:place] + odd.chunk(name, body) + data[place:]


@given(
    mode=st.sampled_from(["RGB", "RGBA"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    level=st.integers(0, 9),
    noise=st.integers(1, 255),
    seed=st.integers(0, 2**32 - 1),
)
def test_its_pixels_and_their_hash_are_those_of_pillow(
    mode: str, size: tuple[int, int], level: int, noise: int, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, noise, (*size, len(mode)), np.uint8)
    data = odd.saved(Image.fromarray(values, mode), "PNG", compress_level=level)
    found = read(data)
    assert found is not None
    assert (found.image.mode, found.image.size) == (mode, size[::-1])
    assert found.image.tobytes() == values.tobytes()
    assert found.told == (colour.fingerprint(found.image) if mode == "RGB" else "")


@pytest.mark.parametrize("filtered", range(5))
def test_every_filter_of_a_row_is_undone(filtered: int) -> None:
    rows = np.random.default_rng(filtered).integers(0, 256, (20, 91), np.uint8)
    rows[:, 0] = filtered
    data = odd.png(30, 20, kind=2, rows=rows.tobytes())
    found = read(data)
    assert found is not None
    assert found.image.tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_more_rows_than_are_taken_at_a_time_stay_in_their_order() -> None:
    values = np.random.default_rng(1).integers(0, 256, (401, 1001, 3), np.uint8)
    found = read(odd.saved(Image.fromarray(values), "PNG", compress_level=1))
    assert found is not None
    assert found.image.tobytes() == values.tobytes()
    head = b"RGB 1001 401\n"
    assert found.told == hashlib.sha256(head + values.tobytes()).hexdigest()


def test_what_a_picture_says_of_itself_is_kept() -> None:
    data = odd.saved(
        odd.turned(odd.screen(), 6), "PNG", exif=odd.exif(6), icc_profile=b"no profile"
    )
    found = read(data)
    assert found is not None
    assert colour.orientation(found.image) == 6
    assert found.image.info["icc_profile"] == b"no profile"
    upright = open_picture(data).sheets[0]
    assert upright.pixels == open_picture(SCREEN).sheets[0].pixels


@pytest.mark.parametrize(
    "data",
    [
        odd.saved(odd.screen().convert("P"), "PNG"),
        odd.saved(odd.screen().convert("L"), "PNG"),
        odd.saved(odd.screen().convert("1"), "PNG"),
        odd.saved(odd.screen().convert("LA"), "PNG"),
        odd.saved(odd.screen(), "PNG", transparency=(245, 246, 248)),
        odd.png16(),
        odd.film(3, "PNG"),
        SCREEN[:28] + b"\1" + SCREEN[29:],
        inserted(SCREEN, b"eXIf", odd.exif(6).tobytes(), last=True),
        inserted(SCREEN, b"tEXt", b"Comment\0behind", last=True),
        inserted(SCREEN, b"PLTE", bytes(3)),
        SCREEN[:-12],
    ],
    ids=[
        "palette",
        "grey",
        "bits",
        "grey-alpha",
        "transparent",
        "sixteen",
        "film",
        "interlaced",
        "turned-behind",
        "told-behind",
        "suggested",
        "endless",
    ],
)
def test_what_is_more_than_pixels_is_left_to_pillow(data: bytes) -> None:
    opened = Image.open(io.BytesIO(data)) if data[28] == 0 else Image.new("RGB", (120, 80))
    assert png.pixels(opened, data) is None


def test_what_is_no_png_is_left_to_pillow() -> None:
    assert png.pixels(odd.screen(), odd.saved(odd.screen(), "JPEG")) is None


def test_what_is_large_is_left_to_pillow() -> None:
    opened = Image.new("1", (4_001, 3_000))
    assert png.pixels(opened, odd.png(4_001, 3_000, kind=2)) is None


@pytest.mark.parametrize("at", [60, 200, 400])
def test_damage_is_judged_as_before(at: int) -> None:
    broken = SCREEN[:at] + bytes([SCREEN[at] ^ 0x55]) + SCREEN[at + 1 :]
    assert read(broken) is None


def test_a_cut_picture_is_refused() -> None:
    (length,) = struct.unpack_from(">I", SCREEN, 33)
    half = SCREEN[41 : 41 + length // 2]
    data = SCREEN[:33] + odd.chunk(b"IDAT", half) + SCREEN[-12:]
    assert read(data) is None
    with pytest.raises(PictureRefused, match="damaged or cut off"):
        open_picture(data)


def test_the_other_decoder_sees_nothing_but_pixels() -> None:
    """Compressed text is where a small file gets large: libpng would open it."""
    told = inserted(SCREEN, b"zTXt", b"bomb\0\0not even deflated")
    found = png.pixels(Image.open(io.BytesIO(SCREEN)), told)
    assert found is not None
    assert found.told == open_picture(SCREEN).sheets[0].pixels


def test_it_is_loaded_with_the_first_picture_and_not_before() -> None:
    asked = "import sys, portico.artifacts.images; print('imagecodecs' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
