"""What to do with a picture of some size: pure arithmetic, decided before a pixel moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from portico.artifacts.pictures import Box, Size
from portico.artifacts.profiles import Profile


@dataclass(frozen=True, slots=True)
class View:
    """One picture to send: `box` of the original, at `size`, on a `canvas` at least that large."""

    box: Box
    size: Size
    canvas: Size
    part: str = "whole"

    @property
    def scale(self) -> tuple[float, float]:
        """Return sent pixels per original pixel, across and down: never more than 1."""
        left, top, right, bottom = self.box
        return self.size[0] / (right - left), self.size[1] / (bottom - top)

    @property
    def untouched(self) -> bool:
        """Whether the pixels of the box are sent as they are."""
        left, top, right, bottom = self.box
        return self.canvas == (right - left, bottom - top)


def fit(box: Box, profile: Profile, most: float = 1.0) -> View:
    """
    Return the largest view of *box* that the profile takes, at no more than *most* of its scale.

    Where the profile wants multiples, the canvas is padded up to them instead of bending the
    picture: a screen that fits keeps its very pixels.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(
        most,
        1.0,
        profile.edge / max(width, height),
        math.sqrt(profile.pixels / (width * height)),
    )
    while True:
        size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
        canvas = _padded(size[0], profile.factor), _padded(size[1], profile.factor)
        fits = max(canvas) <= profile.edge and canvas[0] * canvas[1] <= profile.pixels
        if fits or max(size) == 1:
            return View(box, size, canvas)
        scale *= 0.995


def _padded(side: int, factor: int) -> int:
    """A side of two squares is the least that the model's own resize leaves alone."""
    if factor == 1:
        return side
    return max(2, math.ceil(side / factor)) * factor


def tiled(size: Size, profile: Profile) -> bool:
    """Whether a picture of *size*, sent as one, would be too small to read."""
    room = min(profile.tiles, profile.count - 1)
    return room >= 2 and min(fit((0, 0, *size), profile).scale) < profile.legible


def plan(size: Size, profile: Profile, activity: Sequence[float] = ()) -> tuple[View, ...]:
    """
    Return the views to send: the whole, or an overview and the tiles that cover it.

    *activity* says how much goes on in each line along the longer side; tiles begin and end where
    least does. Without it every line is as good as another.
    """
    whole = fit((0, 0, *size), profile)
    if not tiled(size, profile):
        return (whole,)
    length = max(size)
    lines = activity if len(activity) == length else (0.0,) * length
    room = min(profile.tiles, profile.count - 1)
    scale = min(1.0, profile.edge / min(size), math.sqrt(2 * profile.pixels) / min(size))
    while scale > min(whole.scale):
        boxes = [_across(cut, size) for cut in cuts(lines, _reach(min(size), scale, profile))]
        if len(boxes) <= room:
            tiles = (replace(fit(box, profile, scale), part="tile") for box in boxes)
            return replace(whole, part="overview"), *tiles
        scale *= 0.95
    return (whole,)


def _reach(short: int, scale: float, profile: Profile) -> int:
    """Return how many lines of the original one tile can hold at *scale*, padding included."""
    side = _padded(math.ceil(short * scale), profile.factor)
    sent = min(profile.edge, profile.pixels // side) // profile.factor * profile.factor
    return max(16, math.floor(sent / scale))


def _across(cut: tuple[int, int], size: Size) -> Box:
    begin, end = cut
    return (0, begin, size[0], end) if size[1] >= size[0] else (begin, 0, end, size[1])


def cuts(lines: Sequence[float], reach: int) -> list[tuple[int, int]]:
    """
    Return pieces of at most *reach* lines that cover all of them, each sharing some with the next.

    They begin and end at the quietest line near the place where they had to: within a quarter of
    the reach at the end, an eighth at the beginning. They share at least a sixteenth.
    """
    pieces: list[tuple[int, int]] = []
    begin = 0
    while begin + reach < len(lines):
        latest = begin + reach
        end = _quietest(lines, latest - reach // 4, latest)
        pieces.append((begin, end))
        shared = max(1, reach // 16)
        begin = _quietest(lines, end - shared - reach // 8, end - shared)
    pieces.append((begin, len(lines)))
    return pieces


def _quietest(lines: Sequence[float], low: int, high: int) -> int:
    """Return the quietest of *low* to *high*, both included; the highest of equals."""
    return min(range(high, low - 1, -1), key=lambda line: lines[line])


def level(sizes: Sequence[int], total: int) -> int:
    """Return the size to which the larger of *sizes* come down for all to be *total* at most."""
    left = total
    for place, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - place)
        if size > share:
            return share
        left -= size
    return max(sizes)
