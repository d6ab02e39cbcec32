"""Contrast as WCAG 2.x counts it, measured from the pixels of one element."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portico.vision.fullness import Colour, Sighting, proves, sightings
from portico.vision.pixels import Pixels

GROUND = 12
"""Steps of 255 in any colour up to which a pixel still belongs to a flat ground."""
INK = 0.85
"""How far from the ground, of the farthest pixel, a pixel is the ink itself and no blend."""
FULL = 0.98
"""The same where an encoder has been at work: the ink's full strength is somewhere above."""
GROUNDED = 0.35
"""The share of pixels that a ground has; with less it is a texture."""
FLAT = 0.06
"""The share of pixels, neither ground, nor ink, nor a blend of both, from which it is not flat."""
_FEWEST = 3  # pixels of ink
_NOTHING = 24.0  # of 441: the distance under which there is no ink

__all__ = ["Colour", "Contrast", "luminance", "measure", "ratio", "shown_inks"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """
    Two colours and their ratio, 1 to 21. `flat` is False where the ground or the ink has more
    than one colour: then the ratio is that of the two most telling ones, and no proof. `sightings`
    are where the ink was, to tell whether it is more than a blend (`shown_inks`); None where an
    encoder has been at work and no two pixels are alike.
    """

    ratio: float
    ink: Colour
    ground: Colour
    flat: bool
    ink_rows: tuple[int, int]
    sightings: frozenset[Sighting] | None = None


def luminance(colour: Colour) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    shares = [channel / 255 for channel in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def measure(pixels: Pixels) -> Contrast | None:
    """
    Return the contrast of what is written on *pixels*, or None where there is nothing.

    Exact on flat grounds where the ink is to be seen (`shown_inks`). Strokes thinner than a pixel
    are blends all through: their ratio is the least that it can be.
    """
    colours = pixels.reshape(-1, 3)
    if len(colours) < _FEWEST:
        return None
    ground = _commonest(colours)
    offsets = colours.astype(np.float64) - ground
    distances = np.linalg.norm(offsets, axis=1)
    # Not the very farthest: single pixels are an encoder's, or a neighbour's.
    farthest = float(np.sort(distances)[-_FEWEST])
    if farthest < _NOTHING:
        return None
    inked = distances >= INK * farthest
    near = np.abs(offsets).max(axis=1) <= GROUND
    untouched = float(np.all(offsets[near] == 0, axis=1).mean()) > 0.9
    towards = np.median(colours[distances >= (farthest if untouched else FULL * farthest)], axis=0)
    ink, seen = _colour(towards), None
    if untouched:
        ink = _strongest(colours, ground, towards)
        seen = sightings(pixels, ink, _colour(ground))
    rows = np.flatnonzero(inked.reshape(pixels.shape[:2]).any(axis=1))
    return Contrast(
        ratio(ink, _colour(ground)),
        ink,
        _colour(ground),
        _strangers(offsets, ink - ground) <= FLAT and float(near.mean()) >= GROUNDED,
        (int(rows[0]), int(rows[-1]) + 1),
        seen,
    )


def shown_inks(texts: Iterable[Contrast]) -> frozenset[Colour]:
    """
    Return the inks that *texts* of one picture prove together to be no blends.

    One word may be too short to prove its ink; a page says many in the same one.
    """
    seen: dict[Colour, set[Sighting]] = defaultdict(set)
    for text in texts:
        if text.flat and text.sightings:
            seen[text.ink] |= text.sightings
    return frozenset(ink for ink in seen if proves(seen[ink]))


def _commonest(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the most frequent colour: exact where there is one, else the middle of the densest."""
    coarse = (colours >> 4).astype(np.int32) @ np.array([256, 16, 1], dtype=np.int32)
    cells, counts = np.unique(coarse, return_counts=True)
    dense = colours[coarse == cells[counts.argmax()]]
    exact, counts = np.unique(dense, axis=0, return_counts=True)
    if counts.max() * 2 >= len(dense):
        return np.asarray(exact[counts.argmax()], dtype=np.float64)
    return np.asarray(np.median(dense, axis=0), dtype=np.float64)


def _strongest(
    colours: NDArray[np.uint8], ground: NDArray[np.float64], ink: NDArray[np.float64]
) -> Colour:
    """Return the pixel that is most of *ink*, not only of anything: in thin writing it is one."""
    offsets = colours - ground
    along = offsets @ (ink - ground) / float(np.sum((ink - ground) ** 2))
    beside = np.abs(offsets - along[:, None] * (ink - ground)).max(axis=1)
    return _colour(colours[np.where(beside <= GROUND, along, 0).argmax()])


def _strangers(offsets: NDArray[np.float64], ink: NDArray[np.float64]) -> float:
    """Return the share of pixels that are not on the way from the ground to the ink."""
    length = float(np.linalg.norm(ink))
    along = np.clip(offsets @ ink / length**2, 0.0, 1.0)
    beside = np.abs(offsets - along[:, None] * ink).max(axis=1)
    stray = (beside > GROUND * 2) | ((beside > GROUND) & (along < GROUND / length))
    return float(stray.mean())


def _colour(value: NDArray[np.floating] | NDArray[np.uint8]) -> Colour:
    red, green, blue = (round(float(channel)) for channel in value)
    return red, green, blue
