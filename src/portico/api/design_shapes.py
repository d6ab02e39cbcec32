"""What is asked of the design endpoints, field by field; a field not named here is refused."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from portico.vision.elements import Box, Element

MOST_IGNORED = 100
MOST_ELEMENTS = 1000
"""Every target is compared with every other one."""

type Place = Annotated[
    str,
    Meta(
        description="A data: URI, an http(s) address, or an artifact's id (`art_…`)",
        examples=["data:image/png;base64,…"],
    ),
]
type Page = Annotated[int, Meta(ge=1, le=1000, description="Of a PDF, from 1; default: the first")]


class ElementsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture, and who is to say what is on it: a role, a target, or `auto`."""

    image: Place
    model: Annotated[str, Meta(min_length=1)] = "vision"
    consensus: bool = False
    detail: Literal["low", "high", "auto"] | None = None
    page: Page | None = None


class DiffBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Two pictures of one screen; boxes in `ignore` are pixels of the second."""

    before: Place
    after: Place
    heatmap: bool = False
    ignore: Annotated[list[Box], Meta(max_length=MOST_IGNORED)] = []
    page: Page | None = None


class AuditBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture, the elements found on it, and its pixels per CSS pixel."""

    image: Place
    elements: Annotated[list[Element], Meta(max_length=MOST_ELEMENTS)] = []
    dpr: Annotated[float, Meta(gt=0, le=16)] | None = None
    page: Page | None = None
