"""What pixels prove about accessibility, and what they cannot."""

from collections.abc import Iterator, Sequence, Set
from math import hypot

from msgspec import Struct

from portico.vision.contrast import Colour, Contrast, measure, shown_inks
from portico.vision.elements import Box, Element
from portico.vision.findings import Finding, Verdict
from portico.vision.pixels import Pixels

TEXT_RATIO = 4.5
LARGE_RATIO = 3.0
"""WCAG 2.2 §1.4.3, for text under and from the large sizes below."""
LARGE = 24.0
LARGE_BOLD = 18.66
"""CSS pixels: 18 pt, and 14 pt if it is bold."""
TARGET = 24.0
TARGET_ENHANCED = 44.0
"""CSS pixels each way: WCAG 2.2 §2.5.8 (AA) and §2.5.5 (AAA)."""
SMALL = 12.0
"""CSS pixels of text below which a person should look; WCAG sets no least size."""
CAPITAL = 0.72
"""Height of a capital, of the font's size; text without any is read as smaller than it is."""
UNPROVEN = (
    "1.1.1 text alternatives",
    "1.3.1 structure and names in code",
    "2.1.1 use by keyboard",
    "2.4.3 order of focus",
    "2.4.7 visible focus",
    "4.1.2 name, role and value",
)
"""Criteria that no screenshot can prove, met or not."""
_WRITTEN = frozenset({"button", "link", "input", "tab", "select", "heading", "text", "menu"})
_TIGHT = frozenset({"heading", "text", "link"})
_INSET = 0.12  # of the shorter side: rounded corners and borders are neither ground nor ink


class Audit(Struct, frozen=True, kw_only=True):
    """
    All findings about one screen.

    `density` is the picture's pixels per CSS pixel that sizes were counted with. `needs_review`
    names the criteria that a screenshot cannot prove.
    """

    findings: tuple[Finding, ...]
    density: float
    needs_review: tuple[str, ...] = UNPROVEN


def audit(pixels: Pixels, elements: Sequence[Element], density: float = 1.0) -> Audit:
    """
    Return what the *pixels* of the upright original say about *elements* found on it.

    Contrast is measured, never guessed; what depends on what cannot be seen (the weight of a
    font, a ground that is a photograph, the ink of strokes thinner than a pixel, a link inside of
    a sentence) is `needs_review`. Raises ValueError for a density that is not above 0.
    """
    if density <= 0:
        raise ValueError("density is pixels per CSS pixel, above 0")
    findings: list[Finding] = []
    targets = [element for element in elements if element.interactive]
    texts = [_measured(pixels, each) if each.type in _WRITTEN else None for each in elements]
    inks = shown_inks(filter(None, texts))
    for element, seen in zip(elements, texts, strict=True):
        if seen:
            findings += _text(element, seen, density, thin=_is_thin(seen, inks))
        if element.interactive and "point" not in element.flags:
            findings += _target(element, targets, density)
    return Audit(findings=tuple(findings), density=density)


def _measured(pixels: Pixels, element: Element) -> Contrast | None:
    """Return the contrast on *element*; writing that turns out to be on a badge, within that."""
    if element.type not in _TIGHT:
        return measure(_inside(pixels, element.bbox))
    whole = measure(_at(pixels, element.bbox))
    if whole is None or whole.flat:
        return whole
    within = measure(_inside(pixels, element.bbox))
    return within if within and within.flat else whole


def _inside(pixels: Pixels, box: Box) -> Pixels:
    inset = max(2, round(_INSET * min(box.width, box.height)))
    return _at(pixels, Box(box.x1 + inset, box.y1 + inset, box.x2 - inset, box.y2 - inset))


def _at(pixels: Pixels, box: Box) -> Pixels:
    return pixels[max(box.y1, 0) : max(box.y2, 0), max(box.x1, 0) : max(box.x2, 0)]


def _is_thin(seen: Contrast, inks: Set[Colour]) -> bool:
    """True if what was measured may be the strongest of the blends, and not one of the *inks*."""
    return seen.sightings is not None and seen.ink not in inks


def _text(element: Element, seen: Contrast, density: float, *, thin: bool) -> Iterator[Finding]:
    top, bottom = seen.ink_rows
    size = (bottom - top) / density / CAPITAL
    one_line = size < LARGE * 2
    required = TEXT_RATIO if size < LARGE else LARGE_RATIO
    yield Finding(
        element=element.id,
        check="contrast",
        criterion="1.4.3",
        verdict="needs_review" if thin else _contrast_verdict(seen, size),
        measured=round(seen.ratio, 2),
        required=required,
        detail=_colours(seen, thin=thin),
    )
    if one_line and size < SMALL:
        yield Finding(
            element=element.id,
            check="text_size",
            criterion="1.4.4",
            verdict="needs_review",
            measured=round(size, 1),
            required=SMALL,
            detail="the height of the writing; whether it can be enlarged is not to be seen",
        )


def _contrast_verdict(seen: Contrast, size: float) -> Verdict:
    if not seen.flat:
        return "needs_review"
    if seen.ratio >= TEXT_RATIO:
        return "pass"
    if seen.ratio < LARGE_RATIO:
        return "fail"
    # Between both ratios the size decides: several lines, and letters that are bold, look alike.
    return "fail" if size < LARGE_BOLD else "needs_review"


def _colours(seen: Contrast, *, thin: bool) -> str:
    told = "#{:02x}{:02x}{:02x} on #{:02x}{:02x}{:02x}".format(*seen.ink, *seen.ground)
    if not seen.flat:
        return f"{told}, among other colours"
    if not thin:
        return told
    enough = ", which is enough" if seen.ratio >= TEXT_RATIO else ""
    return f"{told}; at least this{enough}: the strokes may be too thin to show their full colour"


def _target(element: Element, targets: list[Element], density: float) -> Iterator[Finding]:
    side = min(element.bbox.width, element.bbox.height) / density
    verdict, detail = _size_verdict(element, side, targets, density)
    yield Finding(
        element=element.id,
        check="target_size",
        criterion="2.5.8",
        verdict=verdict,
        measured=round(side, 1),
        required=TARGET,
        detail=detail,
    )
    yield Finding(
        element=element.id,
        check="target_size_enhanced",
        criterion="2.5.5",
        verdict=_enhanced(element, side),
        measured=round(side, 1),
        required=TARGET_ENHANCED,
    )


def _size_verdict(
    element: Element, side: float, targets: list[Element], density: float
) -> tuple[Verdict, str]:
    if side >= TARGET:
        return "pass", ""
    if element.type == "link":
        return "needs_review", "a link inside of a sentence is exempt"
    if all(_apart(element.bbox, other.bbox, density) for other in targets if other is not element):
        return "pass", "small, and far enough from every other target"
    return "fail", "small, and close to another target"


def _enhanced(element: Element, side: float) -> Verdict:
    if side >= TARGET_ENHANCED:
        return "pass"
    return "needs_review" if element.type == "link" else "fail"


def _apart(small: Box, other: Box, density: float) -> bool:
    """True if a circle of 24 CSS pixels around *small* meets neither *other* nor its circle."""
    reach = TARGET * density / 2
    x, y = (small.x1 + small.x2) / 2, (small.y1 + small.y2) / 2
    across = max(other.x1 - x, x - other.x2, 0)
    down = max(other.y1 - y, y - other.y2, 0)
    if hypot(across, down) < reach:
        return False
    if min(other.width, other.height) >= TARGET * density:
        return True
    return hypot((other.x1 + other.x2) / 2 - x, (other.y1 + other.y2) / 2 - y) >= 2 * reach
