"""How large a picture is, read from the first bytes of PNG, JPEG, GIF or WebP."""

import base64
import binascii
from collections.abc import Iterator

HEAD = 256 * 1024
"""Base64 characters looked at: a JPEG's size may stand behind an embedded thumbnail."""


def size(encoded: str) -> tuple[int, int]:
    """Return width and height of a base64 picture, or (0, 0) if they cannot be read."""
    head = encoded[:HEAD]
    try:
        data = base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return 0, 0
    for magic, read in (
        (b"\x89PNG\r\n\x1a\n", _png),
        (b"GIF8", _gif),
        (b"\xff\xd8", _jpeg),
        (b"RIFF", _webp),
    ):
        if data.startswith(magic):
            return read(data)
    return 0, 0


def data_uri(url: str) -> tuple[str, str]:
    """Split a `data:` URI into MIME type and base64; raises ValueError for anything else."""
    head, comma, encoded = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise ValueError("not a base64 data URI")
    return head[len("data:") : -len(";base64")].partition(";")[0], encoded


def _png(data: bytes) -> tuple[int, int]:
    return _big(data[16:20]), _big(data[20:24])


def _gif(data: bytes) -> tuple[int, int]:
    return _little(data[6:8]), _little(data[8:10])


def _jpeg(data: bytes) -> tuple[int, int]:
    for marker, segment in _segments(data):
        # SOF0 to SOF15 carry the size, but C4, C8 and CC in that range are tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _big(segment[3:5]), _big(segment[1:3])
    return 0, 0


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        length = _big(data[at + 2 : at + 4])
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if kind == b"VP8 ":
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    if kind == b"VP8L":
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
