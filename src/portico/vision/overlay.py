"""The picture with what was found drawn on it."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from portico.vision.elements import Box, Element, Elements

ACTIVE = "#d6006c"
INERT = "#0057d9"
DOUBTED = "#e07000"
"""Colours of what can be used, what cannot, and what only one of two saw or is a point."""
_TEXT = 12
_THICK = 2
_PAD = 2


def overlay(image: Image.Image, found: Elements) -> bytes:
    """
    Return a PNG of *image*, the upright original, with every box outlined and its id beside it.

    *image* is left as it is.
    """
    drawn = image.convert("RGB")
    draw = ImageDraw.Draw(drawn)
    for element in found.elements:
        _outline(draw, element)
    for element in found.elements:  # after all outlines: none may run through an id
        _tag(draw, element, drawn.size)
    written = BytesIO()
    drawn.save(written, "PNG")
    return written.getvalue()


def _colour(element: Element) -> str:
    if any(flag == "point" or flag.startswith("only:") for flag in element.flags):
        return DOUBTED
    return ACTIVE if element.interactive else INERT


def _outline(draw: ImageDraw.ImageDraw, element: Element) -> None:
    box = element.bbox
    if "point" in element.flags:
        box = Box(box.x1 - 4, box.y1 - 4, box.x2 + 4, box.y2 + 4)
    if box.area:
        corners = (box.x1, box.y1, box.x2 - 1, box.y2 - 1)
        draw.rectangle(corners, outline=_colour(element), width=_THICK)


def _tag(draw: ImageDraw.ImageDraw, element: Element, size: tuple[int, int]) -> None:
    """Write the id above the box, or into it where there is no room above."""
    font = ImageFont.load_default(_TEXT)
    wide = round(draw.textlength(element.id, font=font)) + 2 * _PAD
    high = _TEXT + 2 * _PAD
    x = min(max(element.bbox.x1, 0), max(size[0] - wide, 0))
    y = element.bbox.y1 - high if element.bbox.y1 >= high else element.bbox.y1
    draw.rectangle((x, y, x + wide, y + high), fill=_colour(element))
    draw.text((x + _PAD, y), element.id, fill="white", font=font)
