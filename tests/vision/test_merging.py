import pytest

from portico.vision.elements import Box, Element, Elements, Notice, Picture, Seen, Sight, numbered
from portico.vision.merging import fuse, merge

PAGE = Picture(1000, 3000)
HIGH = 1200
TILES = [Box(0, 0, 1000, HIGH), Box(0, 900, 1000, 900 + HIGH), Box(0, 1800, 1000, 3000)]
TRUTH = [
    ("heading", "Title", Box(40, 20, 400, 60)),
    ("button", "Save", Box(40, 950, 140, 990)),
    ("button", "Cancel", Box(160, 950, 260, 990)),
    ("card", "Plan", Box(100, 1100, 800, 1300)),  # crosses the first tile's lower edge
    ("link", "Terms", Box(40, 1900, 120, 1920)),
    ("image", "Hero", Box(0, 2500, 1000, 3000)),
]


def seen_by(
    region: Box, elements: list[tuple[str, str, Box]], scale: float = 1, target: str = "seer"
) -> Elements:
    seen = Seen(round(region.width * scale), round(region.height * scale), region)
    listed = [
        Element(id="", type=kind, label=label, bbox=box.common(region))
        for kind, label, box in elements
        if box.common(region).height > 0
    ]
    return Elements(
        image=PAGE,
        seen=(seen,),
        source=(Sight(target, "qwen3-vl"),),
        elements=numbered(listed),
        raw=("[]",),
    )


def told(elements: Elements) -> list[tuple[str, str, Box]]:
    return [(element.type, element.label, element.bbox) for element in elements.elements]


def test_what_tiles_share_is_told_once_and_what_an_edge_cuts_is_put_together() -> None:
    tiles = [seen_by(region, TRUTH) for region in TILES]
    merged = merge(tiles)
    assert told(merged) == TRUTH
    assert [element.id for element in merged.elements] == [f"e{at}" for at in range(1, 7)]
    assert merged.seen == tuple(tile.seen[0] for tile in tiles)
    assert merged.source == (Sight("seer", "qwen3-vl"),)


@pytest.mark.parametrize("box", [Box(10, 850, 300, 1250), Box(10, 200, 300, 2000)])
def test_what_no_tile_shows_whole_is_put_together(box: Box) -> None:
    merged = merge([seen_by(region, [("card", "Plan", box)]) for region in TILES])
    assert told(merged) == [("card", "Plan", box)]


def test_a_tile_tells_it_finer_than_an_overview() -> None:
    blurred = [
        (kind, label, Box(b.x1 - 4, b.y1 - 3, b.x2 + 4, b.y2 + 3)) for kind, label, b in TRUTH
    ]
    overview = seen_by(PAGE.whole, blurred, scale=0.25)
    merged = merge([overview, *(seen_by(region, TRUTH) for region in TILES[:2])])
    assert told(merged)[:3] == TRUTH[:3]
    assert [label for _, label, _ in told(merged)] == [label for _, label, _ in TRUTH]


def test_neighbours_of_one_tile_are_never_merged() -> None:
    stacked = [("card", "Outer", Box(0, 0, 100, 100)), ("card", "Inner", Box(1, 1, 99, 99))]
    assert len(merge([seen_by(TILES[0], stacked)]).elements) == 2


def test_a_page_has_a_tile() -> None:
    with pytest.raises(ValueError, match="at least one tile"):
        merge([])


def test_two_who_agree_have_no_disagreements() -> None:
    fused = fuse(seen_by(PAGE.whole, TRUTH), seen_by(PAGE.whole, TRUTH, target="other"))
    assert told(fused) == TRUTH
    assert {element.flags for element in fused.elements} == {("agreed",)}
    assert fused.disagreements == ()
    assert [source.target for source in fused.source] == ["seer", "other"]
    assert len(fused.raw) == 2


def test_what_only_one_saw_is_kept_and_told() -> None:
    fused = fuse(seen_by(PAGE.whole, TRUTH[:2]), seen_by(PAGE.whole, TRUTH[1:3], target="other"))
    assert [element.flags for element in fused.elements] == [
        ("only:seer",),
        ("agreed",),
        ("only:other",),
    ]
    assert [(one.element, one.kind, one.said) for one in fused.disagreements] == [
        ("e1", "missed", {"seer": "Title", "other": ""}),
        ("e3", "missed", {"seer": "", "other": "Cancel"}),
    ]


def test_other_words_and_another_kind_for_one_box_are_disagreements() -> None:
    mine = [("button", "Save", Box(0, 0, 100, 40))]
    theirs = [("link", "Store", Box(2, 1, 101, 41))]
    fused = fuse(seen_by(PAGE.whole, mine), seen_by(PAGE.whole, theirs, target="other"))
    assert told(fused) == mine
    assert [(one.kind, one.said) for one in fused.disagreements] == [
        ("label", {"seer": "Save", "other": "Store"}),
        ("type", {"seer": "button", "other": "link"}),
    ]


def test_a_warning_says_whose_it_is() -> None:
    doubted = seen_by(PAGE.whole, TRUTH)
    doubted = Elements(
        image=PAGE,
        seen=doubted.seen,
        source=doubted.source,
        elements=doubted.elements,
        warnings=(Notice("answer_cut", "it broke off"),),
    )
    fused = fuse(seen_by(PAGE.whole, TRUTH, target="other"), doubted)
    assert fused.warnings == (Notice("answer_cut", "seer: it broke off"),)


def test_of_several_candidates_the_closest_is_the_partner() -> None:
    mine = [("button", "A", Box(0, 0, 100, 100))]
    theirs = [("button", "B", Box(0, 0, 100, 70)), ("button", "A", Box(0, 0, 100, 98))]
    fused = fuse(seen_by(PAGE.whole, mine), seen_by(PAGE.whole, theirs, target="other"))
    agreed = [element for element in fused.elements if "agreed" in element.flags]
    assert len(agreed) == 1
    assert [one.kind for one in fused.disagreements] == ["missed"]
