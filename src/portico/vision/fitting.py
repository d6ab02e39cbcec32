"""How well boxes sit on what is drawn: their sides on edges, their corners around content."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from portico.vision.elements import Corners
from portico.vision.pixels import Mask, Pixels, luma

EDGE = 10.0
"""Steps of brightness, of 255, between neighbours that make an edge."""
LOOSE = 0.003
"""Of the longer side: how far a model's box may lie beside the edge it means."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Where a picture's edges are, up to the looseness of a box."""

    upright: Mask
    level: Mask

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Find the edges of *pixels*."""
        bright = luma(pixels)
        loose = _loose(bright.shape)
        across = np.zeros(bright.shape, dtype=np.bool_)
        down = np.zeros(bright.shape, dtype=np.bool_)
        across[:, 1:] = np.abs(np.diff(bright, axis=1)) > EDGE
        down[1:, :] = np.abs(np.diff(bright, axis=0)) > EDGE
        return cls(_widened(across, loose), _widened(down.T, loose).T)

    def fit(self, boxes: list[Corners]) -> float:
        """Return how much of the sides of *boxes* (shares of the picture) lies on edges, 0 to 1."""
        scores = [self._fit(box) for box in boxes]
        return sum(scores) / len(scores) if scores else 0.0

    def share_within(self, boxes: list[Corners]) -> float:
        """Return the share of all edges that lie within the hull of *boxes*, 0 to 1."""
        high, wide = self.upright.shape
        loose = _loose(self.upright.shape)
        left, top = (min(box[side] for box in boxes) for side in (0, 1))
        right, bottom = (max(box[side] for box in boxes) for side in (2, 3))
        rows = slice(max(round(top * high) - loose, 0), max(round(bottom * high) + loose, 0))
        columns = slice(max(round(left * wide) - loose, 0), max(round(right * wide) + loose, 0))
        any_edge = self.upright | self.level
        within = any_edge[rows, columns]
        return float(within.sum()) / max(float(any_edge.sum()), 1.0)

    def _fit(self, box: Corners) -> float:
        high, wide = self.upright.shape
        x1, x2 = (min(max(round(share * wide), 0), wide - 1) for share in (box[0], box[2]))
        y1, y2 = (min(max(round(share * high), 0), high - 1) for share in (box[1], box[3]))
        if x2 <= x1 or y2 <= y1:
            return 0.0
        sides = (
            self.upright[y1:y2, x1],
            self.upright[y1:y2, x2],
            self.level[y1, x1:x2],
            self.level[y2, x1:x2],
        )
        return sum(np.count_nonzero(side) / side.size for side in sides) / len(sides)


def _loose(shape: tuple[int, ...]) -> int:
    return max(2, round(LOOSE * max(shape)))


def _widened(mask: Mask, reach: int) -> Mask:
    """Return *mask* spread sideways by *reach* pixels."""
    counts = np.cumsum(np.pad(mask, ((0, 0), (reach + 1, reach))), axis=1, dtype=np.int32)
    side = 2 * reach + 1
    return counts[:, side:] - counts[:, :-side] > 0
