"""Pictures as numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

type Pixels = NDArray[np.uint8]
"""Height × width × 3: red, green, blue of sRGB, 0 to 255."""

type Mask = NDArray[np.bool_]
"""Height × width: true where something holds."""

type Plane = NDArray[np.float32]
"""Height × width: one measure for every pixel."""


def pixels_of(image: Image.Image) -> Pixels:
    """Return the pixels of an upright *image*; what shines through is laid on white."""
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def luma(pixels: Pixels) -> Plane:
    """Return the brightness as television has it (the Y of YIQ), 0 to 255."""
    return pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def box_sums(plane: NDArray[Any], reach: int) -> NDArray[np.float32]:
    """Return the sum over the square of *reach* pixels around each; outside it is 0."""
    side = 2 * reach + 1
    padded = np.pad(plane.astype(np.float64), ((reach + 1, reach), (reach + 1, reach)))
    table = padded.cumsum(0).cumsum(1)
    sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return sums.astype(np.float32)


def grown(mask: Mask, reach: int) -> Mask:
    """Return *mask* with everything within *reach* pixels (a square) of what is true."""
    return box_sums(mask, reach) > 0.5
