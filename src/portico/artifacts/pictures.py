"""What a picture is here: opened once, prepared for each profile."""

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portico.errors import MalformedRequest

if TYPE_CHECKING:
    from PIL import Image

type Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; half-open."""

type Size = tuple[int, int]
"""Width and height, in pixels."""


STRIPPED = "stripped"
"""The word in a recipe which says that `strip.stripped` made the bytes that came into these."""


class PictureRefused(MalformedRequest):
    """
    This picture cannot be taken; the message is a sentence that repeats nothing of it.

    Whoever knows where the picture stood in the request sets `param`.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before a pixel is decoded. `seconds` and `memory` bind SVG and PDF."""

    bytes: int = 50_000_000
    pixels: int = 50_000_000
    edge: int = 65_500
    frames: int = 1000
    film_pixels: int = 500_000_000  # of all frames: to see the last one, all are decoded
    pages: int = 16
    nodes: int = 50_000
    seconds: int = 10
    memory: int = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """
    One upright picture: RGB, or RGBA where something shows through; sRGB, 8 bits, no metadata.

    `pixels` is the SHA-256 of exactly that: the same for a PNG and its lossless WebP. `clean` is
    the picture as it came, only without metadata, where those bytes say the same; `mime` its type.
    """

    image: "Image.Image"
    pixels: str
    clean: bytes = b""
    mime: str = ""
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What came in: one sheet, or one for each page. `raw` is the SHA-256 of its bytes."""

    raw: str
    kind: str
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What a picture looks like, to be compared: a unit vector and a perceptual hash."""

    vector: array[float]
    looks: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What one model gets to see, and the way back from its pixels to the upright original's.

    `box` is the part of the original that is shown, `scale` is sent pixels per original pixel
    across and down; whatever of `width` x `height` lies beyond the scaled box is padding. `note`
    is for the model and the user. `recipe` and the original make these bytes again. `likeness` is
    the first sheet's, with its first view, where anybody wants it.
    """

    content: bytes = field(repr=False)
    mime: str
    width: int
    height: int
    box: Box
    scale: tuple[float, float]
    original: Size
    part: str
    sheet: int
    recipe: str
    note: str
    text: str
    raw: str
    pixels: str
    likeness: Likeness | None = field(default=None, repr=False, compare=False)

    @property
    def stripped(self) -> bool:
        """True if these are the bytes that came, without what says no pixel."""
        return f" {STRIPPED} " in self.recipe

    @property
    def offset(self) -> tuple[int, int]:
        """Return where in the original the sent picture begins."""
        return self.box[:2]

    def lift(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the upright original under (*x*, *y*) of the sent picture."""
        left, top, right, bottom = self.box
        across, down = self.scale
        return (
            min(max(left + x / across, left), right),
            min(max(top + y / down, top), bottom),
        )
