import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from portico.vision.elements import Box
from portico.vision.regions import regions

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def flooded(mask: np.ndarray, gap: int) -> set[tuple[Box, int]]:
    """Return the same by walking from pixel to pixel: slow and plain."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = set()
    while left:
        todo = [left.pop()]
        body = list(todo)
        while todo:
            y, x = todo.pop()
            near = {p for p in left if _touch((y, x), p, gap)}
            left -= near
            todo += near
            body += near
        rows, columns = [y for y, _ in body], [x for _, x in body]
        box = Box(min(columns), min(rows), max(columns) + 1, max(rows) + 1)
        found.add((box, len(body)))
    return found


def _touch(one: tuple[int, int], other: tuple[int, int], gap: int) -> bool:
    """Two squares of that reach share a side: corners alone do not join."""
    down, across = abs(one[0] - other[0]), abs(one[1] - other[1])
    near, far = sorted((down, across))
    return far <= 2 * gap + 1 and near <= 2 * gap


@given(masks, st.integers(0, 2))
def test_regions_are_those_that_walking_from_pixel_to_pixel_finds(
    mask: np.ndarray, gap: int
) -> None:
    found = regions(mask, gap)
    assert len(found) == len({(one.box, one.count) for one in found})
    assert {(one.box, one.count) for one in found} == flooded(mask, gap)


def test_a_mask_with_nothing_set_has_no_regions() -> None:
    assert regions(np.zeros((5, 5), dtype=np.bool_), 3) == []
