"""What pixels say about contrast and size, held against the page's own colours and boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from portico.vision.audit import TEXT_RATIO, audit
from portico.vision.contrast import Colour, ratio
from portico.vision.elements import Element
from portico.vision.findings import Finding
from portico.vision.pixels import Pixels
from tests.screens.catalog import SCREENS, Screen, Thing
from tests.vision.screenwork import pixels

CLOSE = 0.1
ROUNDED = 3
"""Pixels at the sides of a button that hold its corners, behind which is the page."""
BOUND = "at least this"
"""What is said of a contrast that may be more."""
NOWHERE = np.zeros((1, 1, 3), np.uint8)
"""Pixels for checks that need none."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is written somewhere on a flat ground: the page's ratio, and what was found."""

    screen: str
    thing: Thing
    true: float
    found: Finding
    inked: bool


def colour(written: str) -> Colour:
    red, green, blue = bytes.fromhex(written[1:])
    return red, green, blue


def true_ratio(thing: Thing) -> float | None:
    """Return the ratio of the page's colours; None where nothing is written, or on no flat one."""
    if thing.ink is None or thing.ground is None:
        return None
    return ratio(colour(thing.ink), colour(thing.ground))


def shows_ink(shown: Pixels, thing: Thing) -> bool:
    """True if at least one pixel of the writing has the ink's colour, and is no blend."""
    box, edge = thing.box, ROUNDED if thing.interactive else 0
    part = shown[box.y1 + edge : box.y2 - edge, box.x1 + edge : box.x2 - edge].reshape(-1, 3)
    return thing.ink is not None and bool((part == colour(thing.ink)).all(axis=1).any())


def far_off(text: Text) -> bool:
    return abs(text.found.measured - text.true) > CLOSE


def checked(screen: Screen, shown: Pixels, check: str) -> dict[int, Finding]:
    elements = [
        Element(id=str(at), type=thing.type, bbox=thing.box, interactive=thing.interactive)
        for at, thing in enumerate(screen.elements)
    ]
    findings = audit(shown, elements).findings
    return {int(one.element): one for one in findings if one.check == check}


def texts_of(screen: Screen) -> Iterator[Text]:
    shown = pixels(screen)
    found = checked(screen, shown, "contrast")
    for at, thing in enumerate(screen.elements):
        if true := true_ratio(thing):
            yield Text(screen.name, thing, true, found[at], shows_ink(shown, thing))


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    return [text for screen in SCREENS for text in texts_of(screen)]


def test_every_contrast_that_is_claimed_is_that_of_the_pages_colours(texts: list[Text]) -> None:
    """What is not marked is within a tenth, and hardly any is marked."""
    assert len(texts) > 1000
    assert {text.screen for text in texts} == {screen.name for screen in SCREENS}
    claimed = [text for text in texts if text.found.verdict != "needs_review"]
    for text in claimed:
        assert text.found.measured == pytest.approx(text.true, abs=CLOSE), text
    assert len(claimed) >= 0.97 * len(texts), (len(claimed), len(texts))


def test_writing_too_thin_to_show_its_ink_is_marked_and_has_at_least_what_is_said(
    texts: list[Text],
) -> None:
    """Strokes thinner than a pixel are blends all through: no pixel has their colour."""
    marked = [text for text in texts if BOUND in text.found.detail]
    assert all(text.found.verdict == "needs_review" for text in marked)
    assert all(text.found.measured <= text.true + CLOSE for text in marked)
    assert all(text.thing.size is not None and text.thing.size <= 12 for text in marked)
    assert {id(text) for text in texts if far_off(text)} <= {id(text) for text in marked}


def test_wherever_the_ink_is_to_be_seen_it_is_found(texts: list[Text]) -> None:
    for text in texts:
        assert "among other colours" not in text.found.detail, text
        assert not (text.inked and far_off(text)), text


def test_no_text_passes_or_fails_that_should_not(texts: list[Text]) -> None:
    for text in texts:
        right = "pass" if text.true >= TEXT_RATIO else "fail"
        assert text.found.verdict in (right, "needs_review"), text
        assert (text.found.measured >= TEXT_RATIO) == (text.true >= TEXT_RATIO), text


def test_the_size_of_a_target_is_the_shorter_side_of_its_box() -> None:
    for screen in SCREENS:
        found = checked(screen, NOWHERE, "target_size")
        targets = {at: thing for at, thing in enumerate(screen.elements) if thing.interactive}
        assert set(found) == set(targets)
        for at, thing in targets.items():
            side = min(thing.box.width, thing.box.height)
            assert found[at].measured == side
            assert side < found[at].required or found[at].verdict == "pass"
