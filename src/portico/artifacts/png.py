"""PNG as screens are saved, 8 bits of RGB or RGBA, read by libpng and zlib-ng (decision 110)."""

import hashlib
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from portico.artifacts.room import LARGE
from portico.artifacts.strip import stripped

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MODES = {2: "RGB", 6: "RGBA"}
_HEAD = struct.Struct(">II5B")  # width, height, depth, colour, compression, filter, interlace
_STRIP = 100_000  # pixels at a time: Pillow takes them without letting other threads go on
_DRAWN = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
"""Chunks by which a picture is more than its pixels say."""


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """A picture; `told` is what `colour.fingerprint` says of it, "" where it has to look."""

    image: Image.Image
    told: str


def pixels(opened: Image.Image, data: bytes) -> Pixels | None:
    """
    Return what *opened*, Pillow's of the PNG in *data*, shows, with all that it says of itself.

    None where it is of another kind, large, damaged, or says anything behind its pixels: then
    Pillow reads it, and refuses what cannot be read.
    """
    if opened.width * opened.height > LARGE or _mode(data) != opened.mode:
        return None
    import imagecodecs  # takes its time: only where there is a picture

    try:
        rows = imagecodecs.png_decode(stripped(data, "image/png"))  # its text may be a bomb
    except (RuntimeError, ValueError):
        return None
    if rows.dtype != np.uint8 or rows.shape != (*opened.size[::-1], len(opened.mode)):
        return None
    return _drawn(opened, rows)


def _drawn(opened: Image.Image, rows: np.ndarray) -> Pixels:
    width, height = opened.size
    image = Image.new(opened.mode, opened.size)
    digest = hashlib.sha256(f"RGB {width} {height}\n".encode())
    step = max(1, _STRIP // width)
    for top in range(0, height, step):
        strip = np.ascontiguousarray(rows[top : top + step])
        some = Image.frombuffer(opened.mode, (width, len(strip)), strip, "raw", opened.mode, 0, 1)
        image.paste(some, (0, top))
        if opened.mode == "RGB":
            digest.update(strip)
    image.info = dict(opened.info)
    return Pixels(image, digest.hexdigest() if opened.mode == "RGB" else "")


def _mode(data: bytes) -> str:
    """Return what is in there, if that is all there is: nothing is drawn or said behind pixels."""
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 33:
        return ""
    _, _, depth, kind, *how = _HEAD.unpack_from(data, 16)
    if depth != 8 or any(how) or not _alone(data):
        return ""
    return _MODES.get(kind, "")


def _alone(data: bytes) -> bool:
    """Whether pixels come last, in one row of chunks, and nothing before them draws anything."""
    place, drawn = 33, False
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IEND":
            return drawn
        if name == b"IDAT":
            drawn = True
        elif drawn or name in _DRAWN or not name[0] & 0x20:
            return False
        place += 12 + length
    return False
