"""The one schema in which everything on a screen is told, whoever saw it."""

from math import ceil, floor
from typing import Any, Literal, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

SCHEMA = "portico.elements/1"
_DUST = 1e-6  # of a pixel: what floating point adds must not round a box outward

type Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2 in a unit that is said where it is used."""


class Box(Struct, frozen=True, array_like=True, gc=False):
    """`[x1, y1, x2, y2]` in pixels of the upright original; x2 and y2 are outside (half-open)."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def width(self) -> int:
        """Pixels; 0 where nothing is left."""
        return max(self.x2 - self.x1, 0)

    @property
    def height(self) -> int:
        """Pixels; 0 where nothing is left."""
        return max(self.y2 - self.y1, 0)

    @property
    def area(self) -> int:
        """Square pixels."""
        return self.width * self.height

    def common(self, other: Self) -> "Box":
        """Return what both cover; its area is 0 if that is nothing."""
        return Box(
            max(self.x1, other.x1),
            max(self.y1, other.y1),
            min(self.x2, other.x2),
            min(self.y2, other.y2),
        )

    def around(self, other: Self) -> "Box":
        """Return the smallest box that covers both."""
        return Box(
            min(self.x1, other.x1),
            min(self.y1, other.y1),
            max(self.x2, other.x2),
            max(self.y2, other.y2),
        )

    def overlap(self, other: Self) -> float:
        """Return intersection over union, 0 to 1."""
        shared = self.common(other).area
        return shared / (self.area + other.area - shared) if shared else 0.0

    def inside(self, other: Self) -> float:
        """Return which share of this box *other* covers, 0 to 1."""
        return self.common(other).area / self.area if self.area else 0.0


class Notice(Struct, frozen=True):
    """Something the reader should know. `code` is for programs, `detail` for people."""

    code: str
    detail: str = ""


class Element(Struct, frozen=True, kw_only=True):
    """
    One thing on the screen.

    `text` is what is written on it, `label` what it is called. `interactive` is None where nobody
    said so and the type does not tell. `confidence` is None unless the source really gives one.
    """

    id: str
    type: str
    bbox: Box
    label: str = ""
    text: str = ""
    interactive: bool | None = None
    confidence: float | None = None
    evidence: Literal["model", "pixels"] = "model"
    flags: tuple[str, ...] = ()


class Picture(Struct, frozen=True):
    """The upright original, in pixels; hashes of its bytes and of its pixels where known."""

    width: int
    height: int
    sha256: str | None = None
    pixels_sha256: str | None = None

    @property
    def whole(self) -> Box:
        """All of it."""
        return Box(0, 0, self.width, self.height)


class Seen(Struct, frozen=True):
    """
    What a model was sent: `width` × `height` pixels, showing `region` of the original.

    The last `padding` columns and rows of them show nothing: they only make up multiples.
    """

    width: int
    height: int
    region: Box
    padding: tuple[int, int] = (0, 0)

    @classmethod
    def all_of(cls, picture: Picture) -> "Seen":
        """Return the sight of a picture that was sent as it is."""
        return cls(picture.width, picture.height, picture.whole)

    @classmethod
    def padded(cls, size: tuple[int, int], region: Box, scale: tuple[float, float]) -> "Seen":
        """
        Return the sight of *region*, drawn at *scale* from the upper left of a picture of *size*.

        *scale* is sent pixels per original pixel, across and down; what it leaves is padding.
        """
        across, down = round(region.width * scale[0]), round(region.height * scale[1])
        return cls(*size, region, (size[0] - across, size[1] - down))

    @property
    def scale(self) -> tuple[float, float]:
        """Sent pixels per original pixel, across and down."""
        across, down = self.width - self.padding[0], self.height - self.padding[1]
        return across / self.region.width, down / self.region.height

    def place(self, shares: Corners) -> Box:
        """
        Return where *shares* (0 to 1 of the picture as sent) are in the original.

        Rounded outward, so that no border is shaved off, and clipped to what was shown.
        """
        region = self.region
        across, down = self.width / self.scale[0], self.height / self.scale[1]
        return Box(
            region.x1 + floor(_within(shares[0] * across, region.width) + _DUST),
            region.y1 + floor(_within(shares[1] * down, region.height) + _DUST),
            region.x1 + ceil(_within(shares[2] * across, region.width) - _DUST),
            region.y1 + ceil(_within(shares[3] * down, region.height) - _DUST),
        )


def _within(value: float, most: int) -> float:
    return min(max(value, 0.0), float(most))


class Sight(Struct, frozen=True):
    """Who saw it, and in which convention it wrote its boxes."""

    target: str
    convention: str


class Disagreement(Struct, frozen=True):
    """
    Where two who looked at the same picture differ.

    `missed` means that only one of them has the element; `label`, `text` and `type` name the
    field that differs. `said` is what each target has for it, empty where it has nothing.
    """

    element: str
    kind: Literal["missed", "label", "text", "type"]
    said: dict[str, str]


class Elements(Struct, frozen=True, kw_only=True):
    """Everything that was found on one picture. `raw` is what each source wrote, untouched."""

    schema: Literal["portico.elements/1"] = "portico.elements/1"
    image: Picture
    seen: tuple[Seen, ...]
    source: tuple[Sight, ...]
    elements: tuple[Element, ...] = ()
    warnings: tuple[Notice, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    raw: tuple[str, ...] = ()

    def warned(self, code: str) -> bool:
        """True if there is a warning of that *code*."""
        return any(notice.code == code for notice in self.warnings)


def numbered(elements: list[Element]) -> tuple[Element, ...]:
    """Return *elements* from top to bottom and left to right, their ids e1, e2, …"""
    ordered = sorted(elements, key=lambda element: (element.bbox.y1, element.bbox.x1))
    return tuple(replace(element, id=f"e{at}") for at, element in enumerate(ordered, 1))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `portico.elements/1`."""
    schema = msgspec.json.schema(Elements)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}
