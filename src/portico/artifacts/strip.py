"""The same picture without what it says about where, when and by whom: no pixel is touched."""

import re
import struct
from contextlib import suppress

_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_JPEG_MAKES = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD})  # frames, tables, scans
_JPEG_SAYS = (b"\xff\xe0\0\x10JFIF\0", b"\xff\xee\0\x0eAdobe")  # with their lengths
"""JFIF without its thumbnail, and Adobe's: it says how the colours are coded."""

_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)


type _Kept = list[bytes | memoryview]


def stripped(data: bytes, kind: str, most: int | None = None) -> bytes:
    """
    Return *data* with its pixels only, or nothing where that cannot be said for certain.

    Nothing, too, and without a copy, where that is over *most* bytes.
    """
    kept: _Kept = []
    with suppress(struct.error, IndexError):
        if kind == "image/png":
            kept = _png(data)
        elif kind == "image/jpeg":
            kept = _jpeg(data)
    if most is not None and sum(map(len, kept)) > most:
        return b""
    return b"".join(kept)


def _png(data: bytes) -> _Kept:
    """Keep the chunks that make pixels, of 8 bits or less; whatever follows the end is dropped."""
    if data[24] > 8:
        return []
    seen = memoryview(data)  # a slice of it is no copy
    kept: _Kept = [seen[:8]]
    place = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            return []
        if name in _PNG_KEPT:
            kept.append(seen[place:end])
        if name == b"IEND":
            return kept
        place = end


def _jpeg(data: bytes) -> _Kept:
    """Keep the segments that make pixels, up to the end of the first picture."""
    seen = memoryview(data)
    kept: _Kept = [seen[:2]]
    place = 2
    while True:
        marker = data[place + 1]
        if data[place] != 0xFF:
            return []
        if marker == 0xD9:
            return [*kept, b"\xff\xd9"]
        (length,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + length
        if marker == 0xDA:
            following = _AFTER_SCAN.search(data, end)
            if following is None:
                return []
            end = following.start()
        if marker in _JPEG_MAKES or any(data.startswith(says, place) for says in _JPEG_SAYS):
            kept.append(seen[place:end])
        place = end
