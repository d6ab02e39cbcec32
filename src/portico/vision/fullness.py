"""
Whether writing shows its ink at full strength, or only blends of it with the ground.

A stroke thinner than a pixel is drawn as a blend, and so is one that lies across two pixels.
Blends differ from place to place: no two parts of a letter cover a pixel alike. Full strength is
the same everywhere. So a colour that is the strongest, and exactly so in several surroundings, is
the ink itself. What repeats itself is one surrounding: a glyph, or a stroke along its length.

Upright strokes are an exception: hinting can put those of many letters onto the pixels alike.
They prove a colour only together with a level one, or if one of them reaches over both edges of
its pixel: what lies between is covered.
"""

from collections.abc import Iterator, Set

import numpy as np
from numpy.typing import NDArray

from portico.vision.pixels import Mask, Pixels

ENOUGH = 4
"""How much sightings have to weigh together."""
_STROKE = 2  # the weight of a stroke; a single pixel, which chance makes more often, weighs 1
_STEP = 1  # of 255: how far over the ink some renderers round a few pixels
_BLANK = 3  # of 255: how far from the ground a pixel has no ink on it

type Colour = tuple[int, int, int]
"""Red, green, blue of sRGB, 0 to 255."""

type Sighting = tuple[bytes, int, bool]
"""The three by three pixels around one place of a colour, its weight, and if chance is unlikely."""


def proves(seen: Set[Sighting]) -> bool:
    """True if *seen*, all of one colour, show that it is the ink itself and no blend."""
    return sum(heft for _, heft, _ in seen) >= ENOUGH and any(sure for _, _, sure in seen)


def sightings(pixels: Pixels, strongest: Colour, ground: Colour) -> frozenset[Sighting]:
    """
    Return where *pixels* have the colour *strongest*, as far as it takes to prove it.

    A colour next to it that is proven proves it too: rounding makes single pixels stronger.
    """
    seen = _of(pixels, strongest, ground)
    if proves(seen):
        return seen
    for red, green, blue in np.unique(pixels[_within(pixels, strongest, _STEP)], axis=0).tolist():
        if proves(others := _of(pixels, (red, green, blue), ground)):
            return others
    return seen


def _of(pixels: Pixels, colour: Colour, ground: Colour) -> frozenset[Sighting]:
    red, green, blue = (pixels[:, :, at] == colour[at] for at in range(3))
    there = red & green & blue
    around = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    seen: set[Sighting] = set()
    for y, x, heft, sure in _places(there):
        seen.add((around[y : y + 3, x : x + 3].tobytes(), heft, sure))
        if proves(seen):
            return frozenset(seen)
    for y, x in _covered(there, ~_within(pixels, ground, _BLANK))[:1].tolist():
        seen.add((around[y : y + 3, x : x + 3].tobytes(), 0, True))
    return frozenset(seen)


def _within(pixels: Pixels, colour: Colour, steps: int) -> Mask:
    apart = np.abs(pixels.astype(np.int16) - np.array(colour, np.int16))
    return np.asarray(apart.max(axis=2) <= steps)


def _places(there: Mask) -> Iterator[tuple[int, int, int, bool]]:
    """Give row, column, weight of the first pixel of every stroke, and whether it is level."""
    starts = there.copy()
    starts[1:] &= ~there[:-1]
    starts[:, 1:] &= ~there[:, :-1]
    goes_on = np.pad(there, ((0, 1), (0, 2)))
    for y, x in np.argwhere(starts).tolist():
        right, below = goes_on[y, x + 1], goes_on[y + 1, x]
        # Two wide and two high is as well two upright strokes side by side.
        level = right and (goes_on[y, x + 2] or not (below and goes_on[y + 1, x + 1]))
        yield y, x, _STROKE if right or below else 1, bool(level)


def _covered(there: Mask, inked: Mask) -> NDArray[np.intp]:
    """Return row and column where, for three rows, a stroke has ink at both sides, none beyond."""
    wide = np.pad(inked, ((0, 0), (2, 2)))
    across = there & wide[:, 1:-3] & wide[:, 3:-1] & ~wide[:, :-4] & ~wide[:, 4:]
    return np.argwhere(across[:-2] & across[1:-1] & across[2:])
