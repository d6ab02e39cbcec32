"""Whether an answer was written in another convention than its target is said to write in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from portico.vision.conventions import CONVENTIONS, Convention, Unit
from portico.vision.elements import Corners, Seen
from portico.vision.found import Found, read_marks, read_objects

if TYPE_CHECKING:
    from portico.vision.fitting import Edges

SLACK = 1.02
"""How far over the largest value a box may end; models overshoot a little."""
FEW = 0.1
"""The share of boxes that may be wrong without accusing the convention."""
ENOUGH = 3
"""Boxes below which their places together tell nothing."""
BETTER = 1.3
"""How much better another reading has to fit the picture."""
MANY = 20
BETTER_OF_MANY = 1.15
"""Boxes from which chance matters less, and how much better another reading of them has to fit."""
FITS = 0.3
"""The fit below which no reading is one."""
_CORNER = 0.5
_TINY = 1.5  # largest value that ratios reach, with their overshoot


@dataclass(frozen=True, slots=True)
class Statement:
    """
    What is judged: what was read from *answer*, and how it was meant to be read.

    `edges` are those of the picture as it was sent; without them only the numbers are looked at.
    """

    convention: Convention
    seen: Seen
    answer: str
    found: tuple[Found, ...]
    edges: "Edges | None" = None

    @property
    def corners(self) -> list[Corners]:
        """Every box in the convention's own unit."""
        return [self.convention.corners(item.numbers) for item in self.found]


def suspicions(statement: Statement) -> tuple[str, ...]:
    """Return why *statement* seems to be in another convention, a sentence each; none: it fits."""
    return tuple(reason for rule in RULES if (reason := rule(statement)))


def _other_form(told: Statement) -> str | None:
    """Nothing could be read, and something would have been in another form."""
    if told.found:
        return None
    others = {read_objects, read_marks} - {told.convention.read}
    if any(len(item.numbers) == 4 for read in others for item in read(told.answer).found):
        return "boxes are written in another form"
    return None


def _other_key(told: Statement) -> str | None:
    expected = told.convention.key
    known = {convention.key for convention in CONVENTIONS.values()} - {"", expected}
    foreign = [item.key for item in told.found if item.key in known]
    if not expected or len(foreign) <= FEW * len(told.found):
        return None
    return f"boxes stand under {foreign[0]}, not under {expected}"


def _out_of_range(told: Statement) -> str | None:
    wide, high = told.convention.extent(told.seen)
    if told.convention.unit is Unit.THOUSANDTHS:
        outside = [box for box in told.corners if max(box) > 1000 or min(box) < 0]
        wrong = any(max(box) > 1000 * SLACK for box in outside)
    else:
        outside = [
            box
            for box in told.corners
            if max(box[0], box[2]) > wide * SLACK or max(box[1], box[3]) > high * SLACK
        ]
        wrong = False
    if wrong or len(outside) > FEW * len(told.found):
        return f"{len(outside)} of {len(told.found)} boxes reach outside of {wide:g} × {high:g}"
    return None


def _reversed(told: Statement) -> str | None:
    reverse = [box for box in told.corners if box[0] > box[2] or box[1] > box[3]]
    if len(reverse) > FEW * len(told.found):
        return f"{len(reverse)} of {len(told.found)} boxes have their corners reversed"
    return None


def _ratios(told: Statement) -> str | None:
    if told.convention.unit is Unit.RATIO or not told.found:
        return None
    if max(map(max, told.corners)) <= _TINY:
        return "all values are ratios"
    return None


def _in_one_corner(told: Statement) -> str | None:
    """All boxes are in one quarter of the picture, and there is something in the others."""
    if len(told.found) < ENOUGH or _ratios(told) or _out_of_range(told):
        return None
    shares = [told.convention.shares(item.numbers, told.seen) for item in told.found]
    across = _half([share for box in shares for share in (box[0], box[2])])
    down = _half([share for box in shares for share in (box[1], box[3])])
    if across and down and not _is_empty_beside(told, shares):
        return f"all boxes are in the {down[1]} {across[0]} quarter of the picture"
    return None


def _half(values: list[float]) -> tuple[str, str] | None:
    if max(values) <= _CORNER:
        return "left", "upper"
    return ("right", "lower") if min(values) >= 1 - _CORNER else None


def _is_empty_beside(told: Statement, shares: list[Corners]) -> bool:
    if told.edges is None:
        return False
    return told.edges.share_within(shares) > 1 - FEW


def _fits_otherwise(told: Statement) -> str | None:
    """Another reading of the same numbers puts the boxes onto what is drawn."""
    whole = [item.numbers for item in told.found if len(item.numbers) == 4]
    if told.edges is None or len(whole) < ENOUGH:
        return None
    edges = told.edges
    fit = edges.fit([told.convention.shares(numbers, told.seen) for numbers in whole])
    readings = {
        name: edges.fit(boxes)
        for name, read in _otherwise(told.convention, told.seen)
        if _possible(boxes := [read(numbers) for numbers in whole])
    }
    best = max(readings, key=lambda name: readings[name], default="")
    better = BETTER_OF_MANY if len(whole) >= MANY else BETTER
    if best and readings[best] > max(fit * better, FITS):
        return f"the boxes fit the picture if they are read as {best}"
    return None


type Read = Callable[[tuple[float, ...]], Corners]


def _otherwise(convention: Convention, seen: Seen) -> Iterator[tuple[str, Read]]:
    """Give every other order and unit in which numbers can be meant."""
    for unit in (Unit.THOUSANDTHS, Unit.PIXELS):
        for y_first in (False, True):
            if (unit, y_first) != (convention.unit, convention.y_first):
                other = replace(convention, unit=unit, y_first=y_first, factor=28)
                name = f"{unit}, {'y' if y_first else 'x'} first"
                yield name, partial(other.shares, seen=seen)
    yield "x, y, width, height", partial(_with_size, convention, seen)


def _with_size(convention: Convention, seen: Seen, numbers: tuple[float, ...]) -> Corners:
    x, y, wide, high = convention.shares(numbers, seen)
    return x, y, x + wide, y + high


def _possible(boxes: list[Corners]) -> bool:
    """True if hardly any of *boxes* is reversed or outside."""
    wrong = [box for box in boxes if box[0] > box[2] or box[1] > box[3] or max(box) > SLACK]
    return len(wrong) <= FEW * len(boxes)


RULES: tuple[Callable[[Statement], str | None], ...] = (
    _other_form,
    _other_key,
    _out_of_range,
    _reversed,
    _ratios,
    _in_one_corner,
    _fits_otherwise,
)
"""Each gives its reason or None. The numbers never choose the convention: they only accuse it."""
