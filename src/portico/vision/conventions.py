"""Six conventions in which models write boxes: how to ask, how to read, what the numbers mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portico.vision.elements import Corners, Seen
from portico.vision.found import Reading, read_marks, read_objects
from portico.vision.resizing import smart_resize


class Unit(StrEnum):
    """What the numbers count."""

    THOUSANDTHS = "0-1000"  # of the picture, both ways
    PIXELS = "pixels"  # of the picture as the model's own resizing leaves it
    RATIO = "0-1"  # of the picture, both ways


@dataclass(frozen=True, slots=True)
class Convention:
    """
    How one family of models writes boxes. `name` is what a target's `boxes` says.

    `prompt` asks for everything on the screen; `reminder` is said once if the answer was in
    another convention. `key` is the name its boxes stand under, empty where they have none.
    `factor` is that of the model's own resizing; 0: it has none that matters.
    """

    name: str
    prompt: str
    reminder: str
    read: Callable[[str], Reading]
    unit: Unit
    key: str = ""
    y_first: bool = False
    factor: int = 0

    def extent(self, seen: Seen) -> tuple[float, float]:
        """Return the largest x and y that can be written for what was *seen*."""
        if self.unit is Unit.PIXELS:
            return smart_resize(seen.width, seen.height, self.factor)
        return (1000.0, 1000.0) if self.unit is Unit.THOUSANDTHS else (1.0, 1.0)

    def corners(self, numbers: tuple[float, ...]) -> Corners:
        """Return *numbers* as x1, y1, x2, y2 in this convention's unit; a point is a box of 0."""
        first, second, third, fourth = numbers if len(numbers) == 4 else numbers * 2
        return (second, first, fourth, third) if self.y_first else (first, second, third, fourth)

    def shares(self, numbers: tuple[float, ...], seen: Seen) -> Corners:
        """Return *numbers* as shares (0 to 1) of the picture as sent; may lie outside."""
        wide, high = self.extent(seen)
        x1, y1, x2, y2 = self.corners(numbers)
        return x1 / wide, y1 / high, x2 / wide, y2 / high


_ELEMENTS = (
    "List the user interface elements of this screenshot: buttons, links, inputs, checkboxes, "
    "tabs, icons, images, headings and texts. "
)
_FIELDS = '"label": "Save", "type": "button", "text": "Save", "interactive": true'
_JSON_ONLY = "Answer with the JSON array alone: no prose, no masks, no code fencing."
_UNIQUE = "Name elements that occur several times by what tells them apart."
_WRONG = "Your boxes did not fit the picture. Give the whole list again. "


def _json(key: str, box: str, meaning: str) -> tuple[str, str]:
    """Return the prompt and the reminder of a convention that is written as JSON."""
    form = f'Report each as {{"{key}": {box}, {_FIELDS}}}, where {meaning}. '
    return _ELEMENTS + form + _UNIQUE + " " + _JSON_ONLY, _WRONG + form + _JSON_ONLY


def _marks(form: str, meaning: str) -> tuple[str, str]:
    """Return the prompt and the reminder of a convention that is written as marked text."""
    told = f"Write one line for each: {form}, where {meaning}. "
    return _ELEMENTS + told + _UNIQUE, _WRONG + told


_THOUSAND = "are integers from 0 to 1000 relative to the width and height of the picture"
_GEMINI = _json("box_2d", "[ymin, xmin, ymax, xmax]", f"y comes first and the values {_THOUSAND}")
_QWEN_2 = _marks("name of the element(x1,y1),(x2,y2) with grounding", f"the values {_THOUSAND}")
_QWEN_25 = _json("bbox_2d", "[x1, y1, x2, y2]", "the values are absolute pixels of the picture")
_QWEN_3 = _json("bbox_2d", "[x1, y1, x2, y2]", f"x comes first and the values {_THOUSAND}")
_TARS = _marks(
    "name of the element <bbox>x1 y1 x2 y2</bbox>", "the values are absolute pixels of the picture"
)
_OMNI = _json("bbox", "[x1, y1, x2, y2]", "the values are ratios from 0 to 1 of width and height")

GEMINI = Convention("gemini", *_GEMINI, read_objects, Unit.THOUSANDTHS, key="box_2d", y_first=True)
QWEN_2 = Convention("qwen2-vl", *_QWEN_2, read_marks, Unit.THOUSANDTHS)
QWEN_25 = Convention("qwen2.5-vl", *_QWEN_25, read_objects, Unit.PIXELS, "bbox_2d", factor=28)
QWEN_3 = Convention("qwen3-vl", *_QWEN_3, read_objects, Unit.THOUSANDTHS, "bbox_2d")
TARS = Convention("ui-tars", *_TARS, read_marks, Unit.PIXELS, factor=28)
OMNI = Convention("omniparser", *_OMNI, read_objects, Unit.RATIO, "bbox")
NONE = Convention("none", *_QWEN_3, read_objects, Unit.THOUSANDTHS)
"""For models without a convention of their own: asked for thousandths, and not trusted."""

CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (GEMINI, QWEN_2, QWEN_25, QWEN_3, TARS, OMNI, NONE)
}
"""By name; upstream-wire §5 and the projects' own sources say what each means."""
