"""Screenshots to send: flat interface, lines of text, photos; any number of them, no two alike."""

import base64
import io
import json
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

MODEL = "bench-seen"
"""The target that is asked about pictures; it speaks Gemini's dialect."""

SCREEN = (3840, 2160)
"""A 4K screen, in pixels."""

_BITS = 32
_STORED = 12 + 2 + 5  # bytes of a PNG chunk, of zlib's head, and of a block of plain bytes
_ASKED = "Name the elements of this screen."


@dataclass(frozen=True, slots=True)
class Shot:
    """
    A chat body about one screenshot: for another screenshot only its beginning is made anew.

    What a number changes are pixels of the first row. PNG checks its pixels by Adler-32, a sum and
    the sum of its steps; (1, 0, 1) in place of (0, 2, 0) leaves both as they were.
    """

    opened: bytes
    start: bytes
    row: bytes
    rest: bytes

    def before(self, number: int) -> bytes:
        """Return the body's beginning for the screenshot of that *number*; `rest` is its end."""
        marks = b"".join(_mark(number >> bit & 1) for bit in range(_BITS))
        row = self.row[:1] + marks + self.row[1 + len(marks) :]
        block = struct.pack("<BHH", 0, len(row), len(row) ^ 0xFFFF)
        return self.opened + base64.b64encode(self.start + _chunk(b"IDAT", b"\x78\x9c", block, row))

    @property
    def size(self) -> int:
        """Bytes of the whole body."""
        return len(self.before(0)) + len(self.rest)


def _mark(bit: int) -> bytes:
    return b"\1\0\1" if bit else b"\0\2\0"


def shot(picture: bytes) -> Shot:
    """Return the chat about a PNG of 24 bits, with the chunks that Windows adds to screenshots."""
    width, height = struct.unpack_from(">II", picture, 16)
    filtered = zlib.decompress(_packed(picture))
    cut = 1 + width * 3
    row = filtered[:1] + _mark(0) * _BITS + filtered[1 + 3 * _BITS : cut]
    packing = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)  # as encoders of PNG do
    check = struct.pack(">I", zlib.adler32(filtered[cut:], zlib.adler32(row)))
    start = b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"sRGB", b"\0"),
            _chunk(b"pHYs", struct.pack(">IIB", 3780, 3780, 1)),
        )
    )
    # Base64 goes by threes: `rest` has to begin where one begins.
    blanks = b" " * (-(len(start) + 12 + 9 + _STORED + cut) % 3)
    start += _chunk(b"tEXt", b"Software\0", blanks)
    last = _chunk(b"IDAT", packing.compress(filtered[cut:]), packing.flush(), check)
    opened, closed = _chat("image/png")
    return Shot(opened, start, row, base64.b64encode(last + _chunk(b"IEND")) + closed)


def plain(picture: bytes, kind: str) -> bytes:
    """Return the body of a chat about *picture* as it is."""
    opened, closed = _chat(kind)
    return opened + base64.b64encode(picture) + closed


def _chat(kind: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the base64."""
    content = [
        {"type": "image_url", "image_url": {"url": f"data:{kind};base64,"}},
        {"type": "text", "text": _ASKED},
    ]
    asked = {"model": MODEL, "messages": [{"role": "user", "content": content}]}
    before, comma, after = json.dumps(asked).partition(";base64,")
    return (before + comma).encode(), after.encode()


def screen(size: tuple[int, int], photos: float, form: str = "PNG") -> bytes:
    """Return the same picture every time: an interface with text; *photos* is their share of it."""
    width, height = size
    noise = np.random.default_rng(20)
    drawn = np.full((height, width, 3), (246, 247, 249), np.uint8)
    left = width // 8
    drawn[:, :left] = (32, 36, 48)
    for top in range(24, height - 24, 28):
        at = left + 40
        while at < width - 200:
            word = int(noise.integers(12, 90))
            drawn[top : top + 14, at : at + word][noise.random((14, word)) < 0.45] = (40, 44, 52)
            at += word + 14
    across = width * 3 // 4
    photo = _photo(across, math.ceil(height * width * photos / across), noise)
    drawn[height // 5 : height // 5 + len(photo), left : left + across] = photo
    out = io.BytesIO()
    Image.fromarray(drawn).save(out, form, **({"quality": 92} if form == "JPEG" else {}))
    return out.getvalue()


def _photo(width: int, height: int, noise: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return light that changes slowly, with the grain of a camera."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 120 + 60 * np.sin(across / 310 + down / 470) + 40 * np.cos(down / 190)
    grain = noise.normal(0, 4, (height, width, 3)).astype(np.float32)
    seen: npt.NDArray[np.uint8] = np.clip(light[..., None] + grain, 0, 255).astype(np.uint8)
    return seen


def _packed(picture: bytes) -> bytes:
    """Return what is in the IDAT chunks of a PNG."""
    found, place = [], 8
    while place < len(picture):
        length, name = struct.unpack_from(">I4s", picture, place)
        if name == b"IDAT":
            found.append(picture[place + 8 : place + 8 + length])
        place += 12 + length
    return b"".join(found)


def _chunk(name: bytes, *data: bytes) -> bytes:
    checked = b"".join((name, *data))
    return struct.pack(">I", len(checked) - 4) + checked + struct.pack(">I", zlib.crc32(checked))
