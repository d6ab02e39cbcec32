"""What changed between two pictures of one screen, and nothing that only an encoder changed."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from portico.vision.elements import Box, Element, numbered
from portico.vision.pixels import Mask, Pixels, Plane, box_sums
from portico.vision.regions import Region, regions

CLEAR = 26.0
"""A difference (of 255) that no encoder at a usual quality makes in a flat place."""
SLIGHT = 12.0
"""A difference that belongs to a change if a clear one is near."""
SEEDS = 5
"""Clear pixels without which a region is noise."""
GAP = 7
"""Pixels that a region is grown by: letters of a word, words of a line are one change."""
FRAME = 2
"""Pixels at the border in which a shift brings in what no one can compare."""
BLUR = 3
"""Pixels that evening out may add to each side of a region."""
ALIKE = 0.02
"""The share of pixels that may differ where content is said to have moved."""
MANY = 40
"""Changed regions beyond which it is not asked which of them are the two ends of one."""
_ALIGNED = 2
_WEIGHTS = (1.0, 0.6, 0.4)  # of Y, I and Q: the eye sees brightness best
_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=np.float32
)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    What changed, as elements of type `change` whose label is how; their boxes are of the second
    picture.

    `heat` is the difference of every pixel, 0 to 255, of the size of the larger sides of both.
    """

    changes: tuple[Element, ...]
    heat: Pixels


def compare(before: Pixels, after: Pixels) -> Difference:
    """
    Return the regions in which *after* differs from *before*.

    A re-encoded picture and one that is shifted by one pixel have none. What one picture has
    and the other is too small for is a change. Takes about 0.5 s for two megapixels.
    """
    wide, high = (max(before.shape[side], after.shape[side]) for side in (1, 0))
    if before.shape == after.shape and np.array_equal(before, after):
        return Difference((), np.zeros((high, wide, 3), dtype=np.uint8))
    rows, columns = (min(before.shape[side], after.shape[side]) for side in (0, 1))
    difference = distance(before[:rows, :columns], after[:rows, :columns])
    tight = [_tightened(region, before, after) for region in _clear(difference)]
    found = _moves_joined(tight, before, after)
    changes = [_change(region.box, before, after) for region in found]
    changes += _grown_or_cut(before, after)
    heat = np.full((high, wide), 255.0, dtype=np.float32)
    heat[:rows, :columns] = difference
    return Difference(numbered(changes), _coloured(heat))


def distance(before: Pixels, after: Pixels) -> Plane:
    """
    Return how far apart the pictures are at every pixel, 0 to 255, in the sense of YIQ.

    A pixel is compared with everything around its counterpart: what a shift by one pixel, an
    encoder's ringing and blurred colours do falls within.
    """
    total = np.zeros(before.shape[:2], dtype=np.float32)
    for at, weight in enumerate(_WEIGHTS):
        one, other = (_smooth(pixels @ _YIQ[at], coarse=at > 0) for pixels in (before, after))
        total += weight * np.maximum(_beyond(one, other), _beyond(other, one)) ** 2
    far = np.minimum(np.sqrt(total), 255.0)
    far[:FRAME] = far[-FRAME:] = 0
    far[:, :FRAME] = far[:, -FRAME:] = 0
    return far


def _smooth(plane: Plane, coarse: bool) -> Plane:
    """Even *plane* out as far as encoders do: colours are kept more coarsely than brightness."""
    return _mean(plane, 2) if coarse else _binomial(plane)


def _binomial(plane: Plane) -> Plane:
    """Return the mean over 3 × 3 that weighs the middle most: thin lines keep half their height."""
    tall = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    evened = (tall[:-2] + 2 * tall[1:-1] + tall[2:]) / 4
    broad = np.pad(evened, ((0, 0), (1, 1)), mode="edge")
    return ((broad[:, :-2] + 2 * broad[:, 1:-1] + broad[:, 2:]) / 4).astype(np.float32)


def _mean(plane: Plane, reach: int) -> Plane:
    side = 2 * reach + 1
    padded = np.pad(plane, reach, mode="edge")
    return (box_sums(padded, reach)[reach:-reach, reach:-reach] / side**2).astype(np.float32)


def _beyond(one: Plane, other: Plane) -> Plane:
    """Return how far *one* lies outside of what *other* has within one pixel."""
    padded = np.pad(other, 1, mode="edge")
    least = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    least = np.minimum(np.minimum(least[:, :-2], least[:, 1:-1]), least[:, 2:])
    most = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    most = np.maximum(np.maximum(most[:, :-2], most[:, 1:-1]), most[:, 2:])
    return np.maximum(np.maximum(one - most, least - one), 0)


def _clear(difference: Plane) -> list[Region]:
    """Return the regions of slight differences that hold enough clear ones."""
    slight: Mask = difference > SLIGHT
    clear: Mask = difference > CLEAR
    return [
        region
        for region in regions(slight, GAP)
        if int(clear[_rows(region.box), _columns(region.box)].sum()) >= SEEDS
    ]


def _tightened(region: Region, before: Pixels, after: Pixels) -> Region:
    """Take off the sides of *region* what only evening out has put there."""
    box = region.box
    apart = _apart(before[_rows(box), _columns(box)], after[_rows(box), _columns(box)]) > CLEAR
    rows, columns = (np.flatnonzero(apart.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    if not len(rows):
        return region
    left, top = (min(int(side[0]), BLUR) for side in (columns, rows))
    right = min(box.width - 1 - int(columns[-1]), BLUR)
    bottom = min(box.height - 1 - int(rows[-1]), BLUR)
    tight = Box(box.x1 + left, box.y1 + top, box.x2 - right, box.y2 - bottom)
    return Region(tight, region.count)


def _moves_joined(found: list[Region], before: Pixels, after: Pixels) -> list[Region]:
    """Join two strips that are the ends of one thing: a plain button that moved a little."""
    if len(found) > MANY:
        return found  # every pair is looked at: among this many nobody would miss it
    for one, other in combinations(found, 2):
        hull = one.box.around(other.box)
        if _moved(one.box, other.box, before, after):
            rest = [region for region in found if region.box.inside(hull) < 1]
            joined = Region(hull, one.count + other.count)
            return _moves_joined([*rest, joined], before, after)
    return found


def _moved(one: Box, other: Box, before: Pixels, after: Pixels) -> bool:
    """True if what lies between the outer sides of both strips is the same, only shifted."""
    hull = one.around(other)
    if abs(one.y1 - other.y1) <= _ALIGNED and abs(one.y2 - other.y2) <= _ALIGNED:
        return any(_shifted(hull, (by, 0), before, after) for by in _steps(one.width, other.width))
    if abs(one.x1 - other.x1) <= _ALIGNED and abs(one.x2 - other.x2) <= _ALIGNED:
        steps = _steps(one.height, other.height)
        return any(_shifted(hull, (0, by), before, after) for by in steps)
    return False


def _steps(one: int, other: int) -> list[int]:
    """Return by how much strips of such widths can have been moved; none if they do not match."""
    if abs(one - other) > _ALIGNED:
        return []
    return [sign * by for by in range(max(one - BLUR, 1), one + _ALIGNED) for sign in (1, -1)]


def _shifted(hull: Box, by: tuple[int, int], before: Pixels, after: Pixels) -> bool:
    across, down = by
    old, new = before[_rows(hull), _columns(hull)], after[_rows(hull), _columns(hull)]
    high, wide = old.shape[:2]
    if abs(across) * 2 >= wide or abs(down) * 2 >= high:
        return False
    was = old[max(-down, 0) : high - max(down, 0), max(-across, 0) : wide - max(across, 0)]
    now = new[max(down, 0) : high - max(-down, 0), max(across, 0) : wide - max(-across, 0)]
    beside = before[max(hull.y1 - 2, 0), max(hull.x1 - 2, 0)]
    if _is_plain(was) and _apart(np.median(was, axis=(0, 1)), beside).max() <= CLEAR:
        return False  # bare ground looks the same wherever it is shifted
    return float((_apart(was, now).max(axis=2) > CLEAR).mean()) <= ALIKE


def _change(box: Box, before: Pixels, after: Pixels) -> Element:
    was, now = (_is_plain(pixels[_rows(box), _columns(box)]) for pixels in (before, after))
    how: Literal["added", "removed", "changed"] = "changed"
    if was != now:
        how = "added" if was else "removed"
    return _element(box, how)


def _is_plain(pixels: Pixels) -> bool:
    """True if there is one colour only, up to an encoder's noise."""
    middle = np.median(pixels.reshape(-1, 3), axis=0)
    return float((_apart(pixels, middle).max(axis=2) > SLIGHT).mean()) <= ALIKE


def _apart(one: NDArray[Any], other: NDArray[Any]) -> Plane:
    return np.abs(one.astype(np.float32) - other.astype(np.float32))


def _grown_or_cut(before: Pixels, after: Pixels) -> list[Element]:
    """Return the strips that only one of two pictures has."""
    strips = []
    for side, how in ((after, "added"), (before, "removed")):
        other = before if side is after else after
        high, wide = side.shape[:2]
        if high > other.shape[0]:
            strips.append(_element(Box(0, other.shape[0], wide, high), how))
        if wide > other.shape[1]:
            below = min(high, other.shape[0])
            strips.append(_element(Box(other.shape[1], 0, wide, below), how))
    return strips


def _element(box: Box, how: str) -> Element:
    return Element(id="", type="change", bbox=box, label=how, evidence="pixels")


def _coloured(difference: Plane) -> Pixels:
    """Return the heat map: black where nothing is, over red and yellow to white."""
    ramps = [difference * 3, difference * 3 - 255, difference * 3 - 510]
    return np.clip(np.stack(ramps, axis=2), 0, 255).astype(np.uint8)


def _rows(box: Box) -> slice:
    return slice(box.y1, box.y2)


def _columns(box: Box) -> slice:
    return slice(box.x1, box.x2)
