"""Vectors in a file, compared one by one. Pure, but hard work."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from portico.memory.base import Vector

AT_ONCE = 8192
"""Vectors that are compared in one go."""

type Numbers = np.ndarray[Any, np.dtype[np.float32]]
type Slots = np.ndarray[Any, np.dtype[np.int64]]


def packed(vector: Vector | None, dimensions: int) -> bytes:
    """Return *vector* as it is written: zeros, which are near to nothing, where there is none."""
    numbers = np.zeros(dimensions) if vector is None else np.asarray(vector)
    if numbers.shape != (dimensions,):
        raise ValueError(f"vectors of this space have {dimensions} numbers")
    return numbers.astype(np.float32).tobytes()


def read(file: Path, dimensions: int) -> Numbers:
    """Return the vectors in *file*, mapped: what is not looked at takes no memory."""
    held: Numbers = np.memmap(file, np.float32, "r").reshape(-1, dimensions)
    return held


def ascending(rows: Sequence[tuple[int]]) -> Slots:
    """Return the slots of *rows*, each once, in their order."""
    return np.unique(np.array(rows, np.int64))


def cosines(held: Numbers, vector: Vector, slots: Slots) -> Numbers:
    """
    Return the cosine of *vector* and each of *slots* (ascending) of *held*.

    A bounded number of them is in memory at once.
    """
    asked = np.asarray(vector, np.float32)
    first, last = int(slots[0]), int(slots[-1]) + 1
    if 2 * len(slots) > last - first:  # nearly all: to read in one go costs less than to pick
        parts = [held[at : min(at + AT_ONCE, last)] @ asked for at in range(first, last, AT_ONCE)]
        return np.asarray(np.concatenate(parts)[slots - first], np.float32)
    picked = [held[slots[at : at + AT_ONCE]] @ asked for at in range(0, len(slots), AT_ONCE)]
    return np.asarray(np.concatenate(picked), np.float32)


def best_of(scores: Numbers, limit: int) -> Slots:
    """Return the places of the *limit* highest, highest first, of equals the first one first."""
    if len(scores) > limit:  # to sort all of them takes ten times as long
        least = np.partition(scores, -limit)[-limit]
        places = np.flatnonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")][:limit]
