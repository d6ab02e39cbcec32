import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from portico.artifacts.strip import stripped
from tests.artifacts import odd


def same(one: bytes, other: bytes) -> bool:
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in (one, other)]
    return bool(np.array_equal(np.asarray(images[0]), np.asarray(images[1])))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"optimize": True}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_rows": 1}),
        ("JPEG", {"subsampling": 0, "quality": 100}),
    ],
)
def test_only_pixels_are_kept_and_all_of_them(kind: str, options: dict[str, object]) -> None:
    whole = odd.saved(odd.page(300, 200), kind, exif=odd.exif(1), icc_profile=odd.lab(), **options)
    bare = stripped(whole, f"image/{kind.lower()}")
    assert same(bare, whole)
    assert odd.CANARY not in bare
    assert not {"exif", "icc_profile"} & set(Image.open(io.BytesIO(bare)).info)
    assert stripped(bare + b"tail", f"image/{kind.lower()}") == bare


def test_the_second_picture_in_a_phones_jpeg_is_dropped() -> None:
    first, second = odd.saved(odd.screen(), "JPEG"), odd.saved(odd.screen(40, 40), "JPEG")
    assert len(stripped(first + second, "image/jpeg")) <= len(first)


def test_sixteen_bits_and_other_kinds_are_not_stripped() -> None:
    assert stripped(odd.png16(), "image/png") == b""
    assert stripped(odd.saved(odd.screen(), "WEBP"), "image/webp") == b""


@given(st.sampled_from(["PNG", "JPEG"]), st.integers(0, 5000))
def test_what_is_cut_off_is_not_stripped(kind: str, length: int) -> None:
    whole = odd.saved(odd.screen(), kind)
    assert stripped(whole[: min(length, len(whole) - 1)], f"image/{kind.lower()}") == b""


@given(st.binary(max_size=300), st.sampled_from(["image/png", "image/jpeg"]))
def test_any_bytes_end(data: bytes, kind: str) -> None:
    assert isinstance(stripped(data, kind), bytes)
