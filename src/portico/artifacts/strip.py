"""The same picture without what it says about where, when and by whom: no pixel is touched."""

import re
import struct

_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_JPEG_MAKES = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD})  # frames, tables, scans
_JPEG_SAYS = (b"\xff\xe0\0\x10JFIF\0", b"\xff\xee\0\x0eAdobe")  # with their lengths
"""JFIF without its thumbnail, and Adobe's: it says how the colours are coded."""

_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)


def stripped(data: bytes, kind: str) -> bytes:
    """Return *data* with its pixels only, or nothing where that cannot be said for certain."""
    try:
        if kind == "image/png":
            return _png(data)
        if kind == "image/jpeg":
            return _jpeg(data)
    except (struct.error, IndexError):
        pass
    return b""


def _png(data: bytes) -> bytes:
    """Keep the chunks that make pixels, of 8 bits or less; whatever follows the end is dropped."""
    if data[24] > 8:
        return b""
    seen = memoryview(data)  # a slice of it is no copy
    kept = [seen[:8]]
    place = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            return b""
        if name in _PNG_KEPT:
            kept.append(seen[place:end])
        if name == b"IEND":
            return b"".join(kept)
        place = end


def _jpeg(data: bytes) -> bytes:
    """Keep the segments that make pixels, up to the end of the first picture."""
    seen = memoryview(data)
    kept = [seen[:2]]
    place = 2
    while True:
        marker = data[place + 1]
        if data[place] != 0xFF:
            return b""
        if marker == 0xD9:
            return b"".join([*kept, b"\xff\xd9"])
        (length,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + length
        if marker == 0xDA:
            following = _AFTER_SCAN.search(data, end)
            if following is None:
                return b""
            end = following.start()
        if marker in _JPEG_MAKES or any(data.startswith(says, place) for says in _JPEG_SAYS):
            kept.append(seen[place:end])
        place = end
