"""What a screen looks like, as numbers that can be compared: its layout and its colours. Pure."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from portico.vision.pixels import luma, pixels_of

MADE_BY = "layout and colour 1"
"""Changes with whatever changes the numbers."""
GRID = 16
SHADES = 4
DIMENSIONS = 2 * GRID * GRID + SHADES**3
SIDE = 128
"""Pixels of the side to which a picture is brought: what matters of a layout is still there."""
WEIGHTS = (0.5, 0.3, 0.2)
"""Of brightness, edges and colours; the cosine of two pictures is their weighted cosines."""
_HASHED = 8

type Numbers = NDArray[np.float64]


def describe(image: Image.Image) -> list[float]:
    """
    Return a unit vector of DIMENSIONS numbers for an upright *image*, whatever its size.

    Brightness and the density of edges on a grid, each about its mean, and how much there is of
    each colour. Another scale or compression changes it little, another layout much.
    """
    small = _small(image)
    bright = luma(small)
    across = np.abs(np.diff(bright, axis=1, prepend=bright[:, :1]))
    down = np.abs(np.diff(bright, axis=0, prepend=bright[:1]))
    parts = (_centred(_grid(bright)), _centred(_grid(np.sqrt(across + down))), _colours(small))
    weighted = [
        math.sqrt(weight) * _unit(part) for weight, part in zip(WEIGHTS, parts, strict=True)
    ]
    return [float(one) for one in _unit(np.concatenate(weighted))]


def looks(image: Image.Image) -> str:
    """
    Return a perceptual hash of 64 bits, in hexadecimal: advice, and never a proof.

    It is the sign of the lowest frequencies of the picture's brightness (a DCT).
    """
    side = 4 * _HASHED
    bright = luma(pixels_of(image.convert("RGB").resize((side, side), Image.Resampling.BOX)))
    at = np.arange(side)
    waves = np.cos(np.pi * (2 * at[None, :] + 1) * at[:_HASHED, None] / (2 * side))
    low = (waves @ bright @ waves.T).ravel()
    bits = low > np.median(low[1:])
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def apart(one: str, other: str) -> int:
    """Return in how many of 64 bits two perceptual hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _small(image: Image.Image) -> NDArray[np.uint8]:
    return pixels_of(Image.fromarray(pixels_of(image)).resize((SIDE, SIDE), Image.Resampling.BOX))


def _grid(plane: NDArray[np.float32]) -> Numbers:
    step = SIDE // GRID
    cells = plane.reshape(GRID, step, GRID, step).mean(axis=(1, 3))
    return np.asarray(cells.ravel(), np.float64)


def _centred(numbers: Numbers) -> Numbers:
    return np.asarray(numbers - numbers.mean(), np.float64)


def _colours(small: NDArray[np.uint8]) -> Numbers:
    shades = (small.reshape(-1, 3).astype(np.int64) * SHADES) // 256
    places = shades @ np.array([SHADES * SHADES, SHADES, 1])
    return np.sqrt(np.bincount(places, minlength=SHADES**3).astype(np.float64))


def _unit(numbers: Numbers) -> Numbers:
    """A plain picture has no layout: its part is nothing then, and the others count."""
    length = float(np.linalg.norm(numbers))
    return numbers / length if length > 1e-9 else np.zeros_like(numbers)
