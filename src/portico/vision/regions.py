"""Connected regions of a mask, found by runs: linear in what is set, no matter how it is shaped."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portico.vision.elements import Box
from portico.vision.pixels import Mask, grown


@dataclass(frozen=True, slots=True)
class Region:
    """What belongs together: its hull, and how many of its pixels are set."""

    box: Box
    count: int


def regions(mask: Mask, gap: int) -> list[Region]:
    """Return what is set in *mask*, joined across up to 2 × *gap* pixels of nothing."""
    if not mask.any():
        return []
    padded = np.pad(mask, gap)  # so that growing never meets a border: hulls can be shrunk again
    runs = _Runs(grown(padded, gap))
    counted = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
    found: dict[int, Region] = {}
    for at, (row, start, end) in enumerate(runs.runs):
        piece = Region(Box(start, row, end, row + 1), int(counted[row, end] - counted[row, start]))
        root = runs.root(at)
        known = found.get(root)
        found[root] = _joined(known, piece) if known else piece
    return [Region(_shrunk(region.box, gap), region.count) for region in found.values()]


class _Runs:
    """The runs of every row, those that touch on neighbouring rows united."""

    def __init__(self, mask: Mask) -> None:
        self.runs: list[tuple[int, int, int]] = []
        self._parents: list[int] = []
        above = range(0)
        for row in map(int, np.flatnonzero(mask.any(axis=1))):
            first = len(self.runs)
            self.runs.extend((row, start, end) for start, end in _runs_of(mask[row]))
            self._parents.extend(range(first, len(self.runs)))
            below = range(first, len(self.runs))
            if above and self.runs[above[0]][0] == row - 1:
                self._unite(above, below)
            above = below

    def root(self, at: int) -> int:
        """Return the run that stands for the whole region."""
        while self._parents[at] != at:
            self._parents[at] = self._parents[self._parents[at]]
            at = self._parents[at]
        return at

    def _unite(self, above: range, below: range) -> None:
        """Walk both rows from left to right; runs that share a column are one region."""
        one, other = iter(above), iter(below)
        up, low = next(one, None), next(other, None)
        while up is not None and low is not None:
            _, up_start, up_end = self.runs[up]
            _, low_start, low_end = self.runs[low]
            if up_start < low_end and low_start < up_end:
                self._parents[self.root(low)] = self.root(up)
            if up_end < low_end:
                up = next(one, None)
            else:
                low = next(other, None)


def _runs_of(row: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    steps = np.flatnonzero(np.diff(np.pad(row, 1).astype(np.int8)))
    return zip(map(int, steps[::2]), map(int, steps[1::2]), strict=True)


def _joined(one: Region, other: Region) -> Region:
    return Region(one.box.around(other.box), one.count + other.count)


def _shrunk(box: Box, by: int) -> Box:
    """Undo the growth and the padding."""
    return Box(box.x1, box.y1, box.x2 - 2 * by, box.y2 - 2 * by)
