"""What pixels alone tell: how two pictures differ, and what they prove. Pure, but hard work."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from portico.artifacts.pictures import Picture, PictureRefused, Sheet
from portico.dispatch.asking import first_page
from portico.errors import MalformedRequest
from portico.vision import elements as seen
from portico.vision.elements import Box, Element, Elements, Notice, Seen
from portico.vision.findings import Finding
from portico.vision.kinds import is_interactive

if TYPE_CHECKING:
    from portico.vision.pixels import Pixels

MOST_COMPARED = 12_000_000
"""Pixels of a picture that is compared: it takes 50 bytes for each of them."""
MOST_AUDITED = 20_000_000
"""Pixels of a picture that is audited."""
MOST_COVERED = 100_000_000
"""Pixels that elements may cover together: each is measured on its own."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a picture, and what there is to say about it."""

    sheet: Sheet
    raw: str
    notices: tuple[Notice, ...] = ()

    @property
    def picture(self) -> seen.Picture:
        """The picture as the element schema names it."""
        return seen.Picture(*self.sheet.image.size, self.raw, self.sheet.pixels)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed, and the heat map as a PNG where it was wanted."""

    changes: Elements
    heat: bytes = field(default=b"", repr=False)


class Audited(Struct, frozen=True, kw_only=True):
    """
    What the pixels of one picture prove about accessibility.

    `density` is pixels per CSS pixel; `needs_review` names what no screenshot can prove.
    """

    schema: Literal["portico.audit/1"] = "portico.audit/1"
    image: seen.Picture
    density: float
    findings: tuple[Finding, ...]
    needs_review: tuple[str, ...]
    warnings: tuple[Notice, ...] = ()


def shown(picture: Picture, page: int | None, most: int) -> Shown:
    """
    Return one page of *picture*, the first unless *page* (from 1) says which.

    Raises:
        PictureRefused: no such page (`param` is `page`), or over *most* pixels.
    """
    count = len(picture.sheets)
    if page is not None and page > count:
        told = f"from 1 to {count}" if count > 1 else "1: there is one page"
        raise PictureRefused(f"`page` is {told}.", param="page")
    sheet = picture.sheets[(page or 1) - 1]
    width, height = sheet.image.size
    if width * height > most:
        limit = f"{most // 1_000_000} megapixels"
        raise PictureRefused(f"This picture is {width} x {height}; at most {limit} are measured.")
    told_of = [Notice("note", sheet.note)] if sheet.note else []
    if page is None and count > 1:
        told_of.append(first_page())
    return Shown(sheet, picture.raw, tuple(told_of))


def compared(before: Shown, after: Shown, ignore: Sequence[Box], *, heat: bool) -> Comparison:
    """Return how *after* differs from *before*, but for what lies in one of *ignore*."""
    from portico.vision.diff import compare  # brings NumPy: with the first picture
    from portico.vision.pixels import pixels_of

    old, new = (_painted(pixels_of(one.sheet.image), ignore) for one in (before, after))
    difference = compare(old, new)
    changes = [
        change
        for change in difference.changes
        if not any(change.bbox.inside(box) == 1 for box in ignore)
    ]
    warnings = [*_told("before", before), *_told("after", after)]
    if old.shape != new.shape:
        warnings.append(Notice("sizes_differ", _sizes(before, after)))
    found = Elements(
        image=after.picture,
        seen=(Seen.all_of(after.picture),),
        source=(),
        elements=seen.numbered(changes),
        warnings=tuple(warnings),
    )
    return Comparison(found, _png(_painted(difference.heat, ignore)) if heat else b"")


def _painted(pixels: "Pixels", boxes: Sequence[Box]) -> "Pixels":
    """Blacken *boxes*: in both pictures alike, they are no difference and hide none beside them."""
    if not boxes:
        return pixels
    painted = pixels.copy()
    for box in boxes:
        painted[box.y1 : box.y2, box.x1 : box.x2] = 0
    return painted


def _told(side: str, one: Shown) -> Iterator[Notice]:
    for notice in one.notices:
        yield Notice(notice.code, f"{side}: {notice.detail}")


def _sizes(before: Shown, after: Shown) -> str:
    old, new = before.sheet.image.size, after.sheet.image.size
    return (
        f"before is {old[0]} x {old[1]}, after {new[0]} x {new[1]}: what both have is compared, "
        "the rest is a change"
    )


def _png(pixels: "Pixels") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def audited(one: Shown, elements: Sequence[Element], density: float | None) -> Audited:
    """
    Return what the pixels of *one* prove about *elements*; without a *density* 1 is assumed.

    Raises:
        MalformedRequest: a box is empty or not on the picture, or all are too much to measure.
    """
    from portico.vision.audit import audit
    from portico.vision.pixels import pixels_of

    _check(elements, one.picture.whole)
    found = audit(pixels_of(one.sheet.image), [_known(e) for e in elements], density or 1.0)
    warnings = list(one.notices)
    if density is None:
        warnings.append(Notice("assumed_density", "sizes are counted with 1 pixel per CSS pixel"))
    if not elements:
        warnings.append(Notice("no_elements", "without elements there is nothing to measure"))
    return Audited(
        image=one.picture,
        density=found.density,
        findings=found.findings,
        needs_review=found.needs_review,
        warnings=tuple(warnings),
    )


def _check(elements: Sequence[Element], page: Box) -> None:
    for at, element in enumerate(elements):
        box = element.bbox
        if not box.area or box.inside(page) < 1:
            place = f"elements[{at}].bbox"
            said = f"`{place}` is empty, or not on a picture of {page.width} x {page.height}."
            raise MalformedRequest(said, param=place)
    if sum(element.bbox.area for element in elements) > MOST_COVERED:
        most = f"{MOST_COVERED // 1_000_000} megapixels"
        raise MalformedRequest(f"`elements` cover over {most} together.", param="elements")


def _known(element: Element) -> Element:
    """Where nobody said whether it can be used, its type may tell."""
    if element.interactive is not None:
        return element
    return replace(element, interactive=is_interactive(element.type))
