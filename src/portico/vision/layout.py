"""The layout and the colours of a screen, as numbers; `likeness` says which. Pure."""

import math
from array import array

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from portico.vision.likeness import GRID, SAMPLED, SHADES, SIDE, WEIGHTS
from portico.vision.pixels import luma, pixels_of

_HASHED = 8

type Numbers = NDArray[np.float64]


def looks(image: Image.Image) -> tuple[array[float], str]:
    """Return the vector and the hash of `likeness.likeness`."""
    small = _small(image)
    bright = luma(small)
    return _vector(small, bright), _hash(bright)


def _vector(small: NDArray[np.uint8], bright: NDArray[np.float32]) -> array[float]:
    across = np.abs(np.diff(bright, axis=1, prepend=bright[:, :1]))
    down = np.abs(np.diff(bright, axis=0, prepend=bright[:1]))
    parts = (_centred(_grid(bright)), _centred(_grid(np.sqrt(across + down))), _colours(small))
    weighted = [
        math.sqrt(weight) * _unit(part) for weight, part in zip(WEIGHTS, parts, strict=True)
    ]
    return array("f", _unit(np.concatenate(weighted)).astype(np.float32).tobytes())


def _hash(bright: NDArray[np.float32]) -> str:
    side = 4 * _HASHED
    step = SIDE // side
    plane = bright.reshape(side, step, side, step).mean(axis=(1, 3))
    at = np.arange(side)
    waves = np.cos(np.pi * (2 * at[None, :] + 1) * at[:_HASHED, None] / (2 * side))
    low = (waves @ plane @ waves.T).ravel()
    bits = low > np.median(low[1:])
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def _small(image: Image.Image) -> NDArray[np.uint8]:
    """Of a large picture some rows and columns are looked at: all of them cost three times that."""
    some = min(image.width, SAMPLED), min(image.height, SAMPLED)
    if some != image.size:
        image = image.resize(some, Image.Resampling.NEAREST)
    return pixels_of(image.resize((SIDE, SIDE), Image.Resampling.BOX))


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
