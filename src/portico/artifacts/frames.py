"""Animations: how many frames, before any is decoded, and three of them on one sheet."""

import re
from collections.abc import Sequence

from PIL import Image

from portico.artifacts import colour
from portico.artifacts.pictures import Limits, PictureRefused, Sheet

_BLOCK = re.compile(rb"[\x21\x2c\x3b]")
_GAP = 8  # pixels of white between two frames


def frames(data: bytes, kind: str, most: int) -> int:
    """Return how many frames a GIF has, counting no further than *most* + 1; 1 for other kinds."""
    if kind != "image/gif":
        return 1  # their headers say it, and Pillow reads that without decoding
    place = 13 + _table(data[10])
    count = 0
    while count <= most and place < len(data):
        block = data[place]
        if block == 0x2C:
            count += 1
            place = _skip(data, place + 11 + _table(data[place + 9]))
        elif block == 0x21:
            place = _skip(data, place + 2)
        elif (found := _BLOCK.search(data, place)) is not None and found[0] != b"\x3b":
            place = found.start()  # Pillow skips what is between blocks, and goes on counting
        else:
            break
    return count


def _table(flags: int) -> int:
    """Return the bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip(data: bytes, place: int) -> int:
    """Return the place behind a run of sub-blocks."""
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1


def contact_sheet(image: Image.Image, count: int, limits: Limits) -> Sheet:
    """
    Return the first, middle and last of *count* frames side by side along their shorter side.

    Raises:
        PictureRefused: more frames, or more pixels in all of them, than we decode.
    """
    chosen = sorted({0, count // 2, count - 1})
    area = image.width * image.height
    if count > limits.frames:
        raise PictureRefused(f"This animation has more than {limits.frames} frames.")
    if count * area > limits.film_pixels or len(chosen) * area > limits.pixels:
        raise PictureRefused("This animation has more pixels than we decode.")
    turn = colour.orientation(image)
    profile = colour.profile_of(image)
    shots: list[Image.Image] = []
    for index in chosen:
        image.seek(index)
        image.load()
        frame = image.copy()
        frame.info = dict(image.info)
        shots.append(colour.upright(colour.srgb(frame, profile), turn).convert("RGBA"))
    sheet, way = _side_by_side(shots)
    shown = "first, middle and last frame" if len(shots) > 2 else "two frames"
    note = f"An animation of {count} frames: its {shown}, {way}."
    return Sheet(sheet, colour.fingerprint(sheet), note=note)


def _side_by_side(shots: Sequence[Image.Image]) -> tuple[Image.Image, str]:
    width, height = shots[0].size
    across = height >= width
    length = (width if across else height) * len(shots) + _GAP * (len(shots) - 1)
    sheet = Image.new("RGB", (length, height) if across else (width, length), "white")
    for index, shot in enumerate(shots):
        place = index * ((width if across else height) + _GAP)
        sheet.paste(shot, (place, 0) if across else (0, place), shot)
    return sheet, "from left to right" if across else "from top to bottom"
