"""Scaling in pieces: what it needs beyond the result stays small, whatever the picture's size."""

import math
from collections.abc import Iterator

from PIL import Image

from portico.artifacts.pictures import Box, Size

_LANCZOS = 3  # pixels of the smaller picture that its filter reaches on each side
_LEAST = 48  # rows of the result in a piece: what pieces read twice stays below an eighth
_READ = 1_000_000  # pixels of the original in a piece

type _Part = tuple[float, float, float, float]
"""A box whose edges may lie between two pixels."""


def pieces(image: Image.Image, box: Box, size: Size) -> Iterator[tuple[int, Image.Image]]:
    """
    Give *box* of *image*, scaled to *size*, from top to bottom, each piece with its first row.

    Put together they are what scaling it at once gives, first across and then down, to one step
    of 255 in few places (two where something shows through).
    """
    left, top, right, bottom = box
    height = bottom - top
    rows = max(_LEAST, _READ * size[1] // ((right - left) * height))
    for row in range(0, size[1], rows):
        end = min(row + rows, size[1])
        part = (left, top + height * row / size[1], right, top + height * end / size[1])
        yield row, _scaled(image, part, (size[0], end - row))


def _scaled(image: Image.Image, part: _Part, size: Size) -> Image.Image:
    """
    Scale *part* by way of a copy of what the filter reads of it.

    Pillow keeps the box's edges in 32 bits, which are not enough far down a long page; and of a
    picture with transparency it would copy all, for each piece. It also chooses by sizes which
    way to go first, and neighbours would not match: so it is told, one way at a time.
    """
    left, right = _read(part[0], part[2], size[0], image.width)
    top, bottom = _read(part[1], part[3], size[1], image.height)
    read = image.crop((left, top, right, bottom))
    if read.size == size:
        return read
    weighed = read.convert("RGBa") if read.mode == "RGBA" else read
    across = (part[0] - left, 0, part[2] - left, read.height)
    narrow = weighed.resize((size[0], read.height), Image.Resampling.LANCZOS, box=across)
    down = (0, part[1] - top, size[0], part[3] - top)
    return narrow.resize(size, Image.Resampling.LANCZOS, box=down).convert(read.mode)


def _read(begin: float, end: float, sent: int, most: int) -> tuple[int, int]:
    """Return which pixels are read for *sent* of them between *begin* and *end*."""
    if end - begin == sent:
        return int(begin), int(end)
    margin = math.ceil(_LANCZOS * (end - begin) / sent) + 1
    return max(0, math.floor(begin) - margin), min(most, math.ceil(end) + margin)
