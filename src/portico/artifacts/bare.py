"""Whether a file holds pixels and nothing else: only such a one may stand in for another."""

import struct

from portico.artifacts.strip import stripped

_WEBP = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})


def bare(data: bytes, kind: str) -> bool:
    """
    Return True if *data* says nothing but its pixels: no metadata, no profile, no second frame.

    False also for kinds of which that cannot be said for certain.
    """
    if kind == "image/webp":
        return _bare_webp(data)
    return stripped(data, kind) == data != b""


def _bare_webp(data: bytes) -> bool:
    """RFC 9649 §2: chunks of a name, a length and that many bytes, padded to an even number."""
    place = 12
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        if name not in _WEBP:
            return False
        place += 8 + length + length % 2
    return place == len(data)
