"""From what a model wrote to elements in the one schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portico.vision.conventions import CONVENTIONS, Convention
from portico.vision.elements import Box, Element, Elements, Notice, Picture, Seen, Sight, numbered
from portico.vision.found import Found
from portico.vision.suspicions import Statement, suspicions
from portico.vision.tolerant import without_thoughts

if TYPE_CHECKING:
    from portico.vision.fitting import Edges

MISMATCH = "convention_mismatch"
"""The warning that calls for asking once more, with the convention's `reminder`."""
NOTHING = "nothing_found"
"""The warning that not one element could be read."""
SAME = 0.9
"""The overlap from which two boxes of one name are one element."""


@dataclass(frozen=True, slots=True)
class Glance:
    """
    One picture put before one target: what it was sent, and how that target writes boxes.

    `edges` are those of the picture as it was sent, to check the boxes against: found once, they
    serve every answer about it. Without them only the numbers can be checked.
    """

    target: str
    boxes: str
    image: Picture
    seen: Seen
    edges: "Edges | None" = None

    @property
    def convention(self) -> Convention:
        """How the target writes; one that is not known is asked for thousandths."""
        return CONVENTIONS.get(self.boxes, CONVENTIONS["none"])


def read(answer: str, glance: Glance) -> Elements:
    """
    Return the elements that *answer* tells of, in pixels of the upright original.

    Never raises: what could not be read is a warning. `MISMATCH` among them means that the boxes
    are probably wrong; they are given all the same.
    """
    convention = glance.convention
    said = without_thoughts(answer)
    reading = convention.read(said)
    statement = Statement(convention, glance.seen, said, reading.found, glance.edges)
    placed = [_element(item, convention, glance.seen) for item in reading.found]
    kept = _unique([element for element in placed if element.bbox.area])
    return Elements(
        image=glance.image,
        seen=(glance.seen,),
        source=(Sight(glance.target, convention.name),),
        elements=numbered(kept),
        warnings=tuple(_warnings(statement, reading.cut, len(placed) - len(kept))),
        raw=(answer,),
    )


def _element(found: Found, convention: Convention, seen: Seen) -> Element:
    x1, y1, x2, y2 = convention.shares(found.numbers, seen)
    box = seen.place((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
    point = len(found.numbers) == 2
    return Element(
        id="",
        type=found.type,
        bbox=_pixel_at(box, seen.region) if point else box,
        label=found.label,
        text=found.text,
        interactive=found.interactive,
        flags=("point",) if point else (),
    )


def _pixel_at(box: Box, region: Box) -> Box:
    """Return the pixel that a point is in: a point has no size of its own."""
    x, y = min(box.x1, region.x2 - 1), min(box.y1, region.y2 - 1)
    return Box(x, y, x + 1, y + 1)


def _unique(elements: list[Element]) -> list[Element]:
    kept: list[Element] = []
    named_alike: dict[str, list[Box]] = {}
    for element in elements:
        others = named_alike.setdefault(element.label.casefold(), [])
        if not any(element.bbox.overlap(other) > SAME for other in others):
            kept.append(element)
            others.append(element.bbox)
    return kept


def _warnings(told: Statement, cut: bool, dropped: int) -> Iterator[Notice]:
    for reason in suspicions(told):
        yield Notice(MISMATCH, reason)
    if cut:
        yield Notice("answer_cut", "the answer broke off; the elements after that are missing")
    if dropped:
        yield Notice("dropped", f"{dropped} boxes were empty, outside or said twice")
    if not told.found:
        yield Notice(NOTHING, "no element could be read from the answer")
    elif told.convention.name == "none":
        yield Notice("unproven_convention", "this target has no box convention of its own")
