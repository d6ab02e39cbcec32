from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.artifacts.plan import cuts, fit, level, plan, tiled
from portico.artifacts.profiles import GENERIC, PROFILES, Profile, profile_for

sides = st.integers(1, 20_000)
profiles = st.sampled_from(list(PROFILES.values()))


@given(sides, sides, profiles, st.floats(0.01, 4))
def test_a_view_is_never_upscaled_and_always_within_the_profile(
    width: int, height: int, profile: Profile, most: float
) -> None:
    view = fit((3, 5, 3 + width, 5 + height), profile, most)
    assert max(view.scale) <= max(min(most, 1), 1 / width, 1 / height)
    assert max(view.canvas) <= profile.edge
    assert view.canvas[0] * view.canvas[1] <= profile.pixels
    assert all(side % profile.factor == 0 for side in view.canvas)
    assert all(small <= large for small, large in zip(view.size, view.canvas, strict=True))


@given(sides, sides)
def test_a_models_own_resize_leaves_the_canvas_alone(width: int, height: int) -> None:
    for name, factor in (("qwen2-vl", 28), ("qwen2.5-vl", 28), ("qwen3-vl", 32)):
        across, down = fit((0, 0, width, height), PROFILES[name]).canvas
        assert 4 * factor**2 <= across * down <= 16384 * factor**2
        assert max(across, down) / min(across, down) < 200


@given(st.integers(100, 2000), st.integers(100, 12_000), st.data())
def test_tiles_cover_everything_and_share_lines(
    width: int, height: int, data: st.DataObject
) -> None:
    turned = data.draw(st.booleans())
    size = (height, width) if turned else (width, height)
    profile = Profile("small", edge=900, pixels=500_000, factor=data.draw(st.sampled_from((1, 28))))
    seed = data.draw(st.integers(1, 997))
    lines = [line * seed % 991 for line in range(max(size))]
    views = plan(size, profile, lines)
    assert len(views) <= 13
    assert views[0].box == (0, 0, *size)
    if len(views) == 1:
        return
    assert tiled(size, profile)
    axis = 1 if size[1] >= size[0] else 0
    tiles = [(view.box[axis], view.box[axis + 2]) for view in views[1:]]
    assert tiles[0][0] == 0
    assert tiles[-1][1] == max(size)
    assert all(before[0] < after[0] < before[1] for before, after in pairwise(tiles))
    assert all(view.box[1 - axis] == 0 and view.box[3 - axis] == min(size) for view in views)
    assert all(min(view.scale) >= min(views[0].scale) for view in views[1:])


def test_tiles_begin_and_end_at_quiet_lines() -> None:
    lines = [0.0 if line % 60 >= 40 else 9.0 for line in range(5000)]
    pieces = cuts(lines, 1000)
    assert len(pieces) > 4
    assert all(lines[begin] == 0 for begin, _ in pieces[1:])
    assert all(lines[end] == 0 for _, end in pieces[:-1])


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=3000), st.integers(16, 500))
def test_pieces_hold_no_more_than_they_may_and_share_a_sixteenth(
    lines: list[float], reach: int
) -> None:
    pieces = cuts(lines, reach)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(lines)
    assert all(0 < end - begin <= reach for begin, end in pieces)
    assert all(before[1] - after[0] >= reach // 16 for before, after in pairwise(pieces))


def test_a_long_page_is_legible_in_tiles_where_it_was_not_as_a_whole() -> None:
    views = plan((1382, 12028), PROFILES["qwen2.5-vl"])
    assert [view.part for view in views] == ["overview"] + ["tile"] * (len(views) - 1)
    assert min(views[0].scale) < 0.6
    assert all(min(view.scale) > 0.95 for view in views[1:])


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (1440, 900), (390, 844)])
@pytest.mark.parametrize("name", ["gemini", "qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
def test_screens_stay_whole_and_legible(size: tuple[int, int], name: str) -> None:
    (view,) = plan(size, PROFILES[name])
    assert min(view.scale) >= 0.6


def test_a_screen_that_fits_keeps_its_pixels_and_is_padded() -> None:
    view = fit((0, 0, 1440, 900), PROFILES["qwen3-vl"])
    assert view.size == (1440, 900)
    assert view.canvas == (1440, 928)


def test_one_picture_is_sent_where_there_is_room_for_one() -> None:
    (view,) = plan((1000, 20_000), Profile("one", count=1))
    assert view.part == "whole"


def test_what_strips_would_not_make_larger_is_sent_as_one() -> None:
    (view,) = plan((8000, 8000), PROFILES["claude"])
    assert view.part == "whole"


@pytest.mark.parametrize(
    ("boxes", "model", "name"),
    [
        ("gemini", "", "gemini"),
        ("qwen3-vl", "whatever", "qwen3-vl"),
        ("none", "Qwen/Qwen2.5-VL-72B-Instruct", "qwen2.5-vl"),
        ("none", "claude-sonnet", "claude"),
        ("none", "deepseek-flash", "deepseek"),
        ("none", "gpt-5", "generic"),
    ],
)
def test_a_profile_is_found_by_boxes_and_else_by_the_models_name(
    boxes: str, model: str, name: str
) -> None:
    assert profile_for(boxes, model).name == name
    assert profile_for("none") is GENERIC


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 20_000))
def test_only_the_larger_come_down_and_no_further_than_they_have_to(
    sizes: list[int], total: int
) -> None:
    most = level(sizes, total)
    assert sum(min(size, most) for size in sizes) <= total or most == 0
    assert most >= max(sizes) or sum(min(size, most + 1) for size in sizes) > total
