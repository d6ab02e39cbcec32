import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from portico.artifacts.images import open_picture
from portico.artifacts.pictures import Picture, PictureRefused
from portico.dispatch import measuring
from portico.dispatch.measuring import Shown, audited, compared, shown
from portico.errors import MalformedRequest
from portico.vision.elements import Box, Element, Elements
from tests.dispatch.sights import png

SIZE = (400, 300)
SAVE, OTHER = Box(40, 40, 160, 90), Box(240, 200, 360, 250)


def screen(*boxes: Box, size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for box in boxes:
        pen.rectangle((box.x1, box.y1, box.x2 - 1, box.y2 - 1), fill="#1a73e8")
        pen.rectangle((box.x1 + 30, box.y1 + 15, box.x2 - 31, box.y2 - 16), fill="#d0e0ff")
    return image


def page(image: Image.Image, most: int = 1_000_000) -> Shown:
    return shown(open_picture(png(image)), None, most)


def boxes(found: Elements) -> list[Box]:
    return [element.bbox for element in found.elements]


def test_what_changed_is_told_in_the_element_schema() -> None:
    found = compared(page(screen(SAVE)), page(screen(SAVE, OTHER)), (), heat=False)

    (change,) = found.changes.elements
    assert (change.id, change.type, change.label, change.evidence) == (
        "e1",
        "change",
        "added",
        "pixels",
    )
    assert change.bbox.overlap(OTHER) > 0.9
    assert (found.changes.image.width, found.changes.image.height) == SIZE
    assert not found.changes.source
    assert not found.changes.warnings
    assert found.heat == b""


def test_nothing_changed_is_an_empty_list() -> None:
    assert compared(page(screen(SAVE)), page(screen(SAVE)), (), heat=False).changes.elements == ()


def test_what_is_ignored_is_no_change_and_has_no_heat() -> None:
    before, after = page(screen()), page(screen(SAVE, OTHER))
    found = compared(before, after, (Box(30, 30, 170, 100),), heat=True)

    (only,) = boxes(found.changes)
    assert only.overlap(OTHER) > 0.9
    heat = np.asarray(Image.open(io.BytesIO(found.heat)))
    assert heat.shape == (300, 400, 3)
    assert heat[60, 100].max() == 0
    assert heat[220, 240].max() > 0


def test_a_change_beside_what_is_ignored_is_still_one() -> None:
    beside = Box(170, 40, 270, 90)
    found = compared(page(screen()), page(screen(SAVE, beside)), (SAVE,), heat=False)
    assert [box.overlap(beside) > 0.8 for box in boxes(found.changes)] == [True]


def test_pictures_of_two_sizes_are_compared_and_it_is_said() -> None:
    taller = page(screen(SAVE, size=(400, 360)))
    found = compared(page(screen(SAVE)), taller, (), heat=True).changes
    left_out = compared(page(screen(SAVE)), taller, (Box(0, 290, 400, 400),), heat=True)

    assert [notice.code for notice in found.warnings] == ["sizes_differ"]
    assert "400 x 300" in found.warnings[0].detail
    assert boxes(found) == [Box(0, 300, 400, 360)]
    assert left_out.changes.elements == ()
    assert np.asarray(Image.open(io.BytesIO(left_out.heat))).max() == 0


def test_notices_say_of_which_picture_they_are() -> None:
    first = Image.new("RGB", SIZE, "white")
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=[screen(SAVE)])
    picture = open_picture(out.getvalue())
    one, two = (shown(picture, number, 10**7) for number in (None, 2))
    found = compared(one, two, (), heat=False)

    told = [notice.detail for notice in found.changes.warnings]
    assert [detail.partition(":")[0] for detail in told] == ["before", "before", "after"]
    assert any("first of several" in detail for detail in told)
    assert len(found.changes.elements) == 1
    with pytest.raises(PictureRefused) as refused:
        shown(picture, 3, 10**7)
    assert refused.value.param == "page"


def test_a_picture_of_one_page_has_no_second() -> None:
    with pytest.raises(PictureRefused, match="there is one page"):
        shown(open_picture(png(screen())), 2, 10**7)


def test_what_is_too_large_to_measure_is_refused() -> None:
    with pytest.raises(PictureRefused, match="400 x 300"):
        page(screen(), most=100_000)


def save(**fields: object) -> Element:
    told = {"id": "e1", "type": "button", "bbox": SAVE, "label": "Save"} | fields
    return Element(**told)  # type: ignore[arg-type]


def test_what_pixels_prove_is_told_of_every_element() -> None:
    image = screen(SAVE)
    ImageDraw.Draw(image).text((70, 50), "Save", fill="white", font_size=24)
    found = audited(page(image), [save()], 2.0)

    verdicts = {finding.check: finding.verdict for finding in found.findings}
    assert verdicts["contrast"] == "pass"
    assert verdicts["target_size"] == "pass"
    assert verdicts["target_size_enhanced"] == "fail", "25 CSS pixels high"
    assert found.density == 2.0
    assert found.warnings == ()
    assert any("keyboard" in criterion for criterion in found.needs_review)


def test_a_density_nobody_gave_is_said_to_be_assumed() -> None:
    found = audited(page(screen(SAVE)), [save()], None)
    assert found.density == 1.0
    assert [notice.code for notice in found.warnings] == ["assumed_density"]


def test_without_elements_there_is_nothing_to_measure_and_it_is_said() -> None:
    found = audited(page(screen(SAVE)), [], 1.0)
    assert found.findings == ()
    assert [notice.code for notice in found.warnings] == ["no_elements"]


def test_the_type_says_what_can_be_used_where_nobody_did() -> None:
    def checks(**fields: object) -> set[str]:
        found = audited(page(screen(SAVE)), [save(**fields)], 1.0)
        return {finding.check for finding in found.findings}

    assert "target_size" in checks()
    assert "target_size" not in checks(interactive=False)
    assert "target_size" not in checks(type="image")


@pytest.mark.parametrize(
    "box", [Box(10, 10, 10, 50), Box(50, 50, 10, 10), Box(-1, 0, 10, 10), Box(390, 0, 401, 10)]
)
def test_a_box_that_is_not_on_the_picture_is_refused_by_its_place(box: Box) -> None:
    with pytest.raises(MalformedRequest) as refused:
        audited(page(screen()), [save(), save(bbox=box)], 1.0)
    assert refused.value.param == "elements[1].bbox"


def test_elements_may_cover_only_so_much() -> None:
    whole = save(type="image", bbox=Box(0, 0, *SIZE))
    many = [whole] * (measuring.MOST_COVERED // whole.bbox.area + 1)
    with pytest.raises(MalformedRequest) as refused:
        audited(page(screen()), many, 1.0)
    assert refused.value.param == "elements"


def test_a_note_is_passed_on() -> None:
    noted = replace(page(screen()), notices=tuple(shown(_animated(), None, 10**7).notices))
    assert "animation" in audited(noted, [save()], 1.0).warnings[0].detail


def _animated() -> Picture:
    out = io.BytesIO()
    screen().save(out, "GIF", save_all=True, append_images=[screen(SAVE), screen(OTHER)])
    return open_picture(out.getvalue())
