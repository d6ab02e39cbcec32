"""What a screen looks like, as numbers that can be compared: its layout and its colours. Pure."""

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


MADE_BY = "layout and colour 2"
"""Changes with whatever changes the numbers."""
GRID = 16
SHADES = 4
DIMENSIONS = 2 * GRID * GRID + SHADES**3
SIDE = 128
"""Pixels of the side to which a picture is brought: what matters of a layout is still there."""
SAMPLED = 8 * SIDE
"""Rows, and columns, of a picture that are looked at."""
WEIGHTS = (0.5, 0.3, 0.2)
"""Of brightness, edges and colours; the cosine of two pictures is their weighted cosines."""


def likeness(image: "Image.Image") -> tuple[array[float], str]:
    """
    Return a unit vector of DIMENSIONS numbers for an upright *image*, and a hash of 64 bits.

    The vector: brightness and the density of edges on a grid, each about its mean, and how much
    there is of each colour. The hash, in hexadecimal, is the sign of the lowest frequencies of
    the brightness (a DCT): advice, and never a proof. Another scale or compression changes both
    little, another layout much.
    """
    from portico.vision.layout import looks  # brings NumPy: with the first picture

    return looks(image)


def apart(one: str, other: str) -> int:
    """Return in how many of 64 bits two perceptual hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
