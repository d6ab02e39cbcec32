import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from portico.vision.audit import UNPROVEN, audit
from portico.vision.elements import Box, Element
from portico.vision.findings import Finding
from portico.vision.pixels import Pixels, pixels_of

PLACE = Box(20, 20, 200, 80)
BLANK = pixels_of(Image.new("RGB", (600, 300), "white"))


def page(words: str, ink: str, fill: str = "white", size: float = 15) -> Pixels:
    image = Image.new("RGB", (600, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((PLACE.x1, PLACE.y1, PLACE.x2 - 1, PLACE.y2 - 1), 8, fill=fill)
    draw.text((PLACE.x1 + 12, PLACE.y1 + 12), words, fill=ink, font=ImageFont.load_default(size))
    return pixels_of(image)


def thing(kind: str, box: Box = PLACE, name: str = "e1") -> Element:
    return Element(id=name, type=kind, bbox=box, interactive=kind in ("button", "link", "checkbox"))


def checked(pixels: Pixels, *things: Element, check: str, density: float = 1) -> list[Finding]:
    return [one for one in audit(pixels, things, density).findings if one.check == check]


@pytest.mark.parametrize(
    ("ink", "size", "verdict"),
    [
        ("#767676", 15, "pass"),
        ("#8a8a8a", 15, "fail"),
        ("#8a8a8a", 40, "needs_review"),
        ("#bbbbbb", 40, "fail"),
    ],
)
def test_contrast_is_judged_by_the_size_of_the_writing(ink: str, size: float, verdict: str) -> None:
    (found,) = checked(page("Settings", ink, size=size), thing("text"), check="contrast")
    assert found.verdict == verdict
    assert found.criterion == "1.4.3"
    assert found.detail == f"{ink} on #ffffff"


def test_the_ground_of_a_button_is_its_own_and_not_the_page_behind_its_corners() -> None:
    (found,) = checked(page("Settings", "#202020", "#999999"), thing("button"), check="contrast")
    assert found.detail == "#202020 on #999999"


@pytest.mark.parametrize(("ink", "enough"), [("#202020", True), ("#8a8a8a", False)])
def test_writing_too_thin_to_show_its_ink_is_never_condemned(ink: str, enough: bool) -> None:
    """It has at least the contrast that is measured; a person may see that it has more."""
    (found,) = checked(page("ill", ink, size=9), thing("text"), check="contrast")
    assert found.verdict == "needs_review"
    assert "at least this" in found.detail
    assert ("which is enough" in found.detail) is enough
    assert (found.measured >= found.required) is enough


def test_one_word_is_believed_for_the_ink_that_another_shows() -> None:
    """A digit alone is too little to go by."""
    shown = np.concatenate([page("1", "#8a8a8a"), page("Settings", "#8a8a8a")])
    below = Box(PLACE.x1, PLACE.y1 + 300, PLACE.x2, PLACE.y2 + 300)
    (alone,) = checked(shown, thing("text"), check="contrast")
    first, second = checked(shown, thing("text"), thing("text", below, "e2"), check="contrast")
    assert alone.verdict == "needs_review"
    assert first.verdict == second.verdict == "fail"
    assert first.detail == second.detail == "#8a8a8a on #ffffff"


def test_a_photograph_behind_the_writing_needs_a_person() -> None:
    image = Image.effect_noise((600, 300), 120).convert("RGB")
    ImageDraw.Draw(image).text((30, 30), "Save", fill="#1a73e8")
    (found,) = checked(pixels_of(image), thing("text"), check="contrast")
    assert found.verdict == "needs_review"
    assert "other colours" in found.detail


def test_small_writing_is_pointed_out_and_not_condemned() -> None:
    (found,) = checked(page("Save", "#000000", size=9), thing("text"), check="text_size")
    assert found.verdict == "needs_review"
    assert found.measured < 12
    assert checked(page("Save", "#000000", size=16), thing("text"), check="text_size") == []


def test_a_target_is_as_large_as_its_shorter_side_in_css_pixels() -> None:
    wide = thing("button", Box(0, 0, 200, 44))
    for density, measured, verdict in ((1, 44, "pass"), (2, 22, "fail")):
        (found,) = checked(BLANK, wide, check="target_size_enhanced", density=density)
        assert (found.measured, found.verdict) == (measured, verdict)


def test_a_small_target_passes_only_with_room_around_it() -> None:
    small = thing("checkbox", Box(100, 100, 116, 116))
    near = thing("checkbox", Box(120, 100, 136, 116), "e2")
    large = thing("button", Box(118, 90, 200, 130), "e2")
    far = thing("button", Box(126, 90, 200, 130), "e2")
    verdicts = {
        name: checked(BLANK, small, *others, check="target_size")[0].verdict
        for name, others in {"alone": [], "near": [near], "large": [large], "far": [far]}.items()
    }
    assert verdicts == {"alone": "pass", "near": "fail", "large": "fail", "far": "pass"}


def test_a_link_may_stand_in_a_sentence_and_a_point_has_no_size() -> None:
    (found,) = checked(BLANK, thing("link", Box(0, 0, 60, 14)), check="target_size")
    assert found.verdict == "needs_review"
    point = Element(
        id="e1", type="button", bbox=Box(5, 5, 6, 6), interactive=True, flags=("point",)
    )
    assert audit(BLANK, [point]).findings == ()


def test_what_a_screenshot_cannot_prove_is_always_said() -> None:
    report = audit(BLANK, [])
    assert report.needs_review == UNPROVEN
    assert report.density == 1
    with pytest.raises(ValueError, match="density"):
        audit(BLANK, [], 0)
