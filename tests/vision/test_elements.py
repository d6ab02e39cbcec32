import msgspec
from hypothesis import given
from hypothesis import strategies as st

from portico.vision.elements import (
    Box,
    Element,
    Elements,
    Picture,
    Seen,
    Sight,
    json_schema,
    numbered,
)

PICTURE = Picture(1440, 900)
boxes = st.tuples(*[st.integers(0, 2000)] * 4).map(
    lambda n: Box(min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3]))
)


def test_the_published_schema_names_every_field_and_its_own_version() -> None:
    schema = json_schema()
    defined = schema["$defs"]["Elements"]["properties"]
    assert set(defined) == set(Elements.__struct_fields__)
    assert defined["schema"]["enum"] == ["portico.elements/1"]
    box = schema["$defs"]["Box"]
    assert (box["type"], box["minItems"], len(box["prefixItems"])) == ("array", 4, 4)


def test_elements_are_read_as_they_were_written() -> None:
    element = Element(id="e1", type="button", bbox=Box(1, 2, 3, 4), interactive=True)
    whole = Elements(
        image=PICTURE,
        seen=(Seen.all_of(PICTURE),),
        source=(Sight("gemini-3-flash", "gemini"),),
        elements=(element,),
        raw=("[]",),
    )
    written = msgspec.json.encode(whole)
    assert b'"bbox":[1,2,3,4]' in written
    assert msgspec.json.decode(written, type=Elements) == whole


@given(boxes, boxes)
def test_overlap_is_the_same_both_ways_and_between_nothing_and_all(one: Box, other: Box) -> None:
    assert one.overlap(other) == other.overlap(one)
    assert 0 <= one.overlap(other) <= 1
    assert one.overlap(one) == (1 if one.area else 0)
    assert one.inside(one.around(other)) == (1 if one.area else 0)


@given(boxes)
def test_a_box_that_is_told_in_shares_comes_back_to_the_pixel(box: Box) -> None:
    region = Box(100, 50, 2200, 2100)
    seen = Seen(700, 500, region)
    wide, high = region.width, region.height
    shares = (box.x1 / wide, box.y1 / high, box.x2 / wide, box.y2 / high)
    x1, y1 = region.x1 + box.x1, region.y1 + box.y1
    assert seen.place(shares) == Box(x1, y1, region.x1 + box.x2, region.y1 + box.y2)


def test_a_place_is_rounded_outward_and_clipped_to_what_was_shown() -> None:
    seen = Seen(50, 50, Box(10, 10, 110, 110))
    assert seen.place((0.101, 0.101, 0.109, 0.109)) == Box(20, 20, 21, 21)
    assert seen.place((-1, 0.5, 3, 2)) == Box(10, 60, 110, 110)
    assert seen.scale == (0.5, 0.5)
    # 0.07 * 100 is 7.000000000000001: that is no eighth pixel.
    assert seen.place((0, 0, 0.07, 0.07)) == Box(10, 10, 17, 17)


def test_elements_are_numbered_from_top_to_bottom_and_left_to_right() -> None:
    places = [Box(5, 9, 6, 10), Box(9, 1, 10, 2), Box(0, 1, 1, 2)]
    listed = numbered([Element(id="", type="icon", bbox=box) for box in places])
    assert [(one.id, one.bbox.x1) for one in listed] == [("e1", 0), ("e2", 9), ("e3", 5)]
