import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.simulator.pictures import data_uri, size


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + 70_000 % 65_000) + b"\0" * (70_000 % 65_000)
    tables = b"\xff\xc4" + struct.pack(">H", 5) + b"\0\0\0"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 10
    return b"\xff\xd8" + thumbnail + tables + frame


def webp(kind: bytes, payload: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(payload)) + payload


def extended(width: int, height: int) -> bytes:
    packed = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0\0\0\0" + packed)


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


@pytest.mark.parametrize("make", [png, gif, jpeg, extended, lossy, lossless])
@given(width=st.integers(1, 16_000), height=st.integers(1, 16_000))
def test_the_size_is_read_from_the_header(make, width: int, height: int) -> None:  # type: ignore[no-untyped-def]
    assert size(encoded(make(width, height))) == (width, height)


@given(st.text())
def test_what_is_no_picture_has_no_size_and_raises_nothing(text: str) -> None:
    assert size(text) == (0, 0)


@given(st.sampled_from([png, gif, jpeg, extended, lossy, lossless]), st.data())
def test_a_cut_picture_raises_nothing(make, data) -> None:  # type: ignore[no-untyped-def]
    whole = make(640, 480)
    size(encoded(whole[: data.draw(st.integers(0, len(whole)))]))


def test_a_data_uri_gives_type_and_base64() -> None:
    assert data_uri("data:image/png;name=x;base64,QUJD") == ("image/png", "QUJD")


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png,abc", ""])
def test_anything_else_is_no_data_uri(url: str) -> None:
    with pytest.raises(ValueError, match="data URI"):
        data_uri(url)
