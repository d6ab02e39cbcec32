"""A page far too tall to be read whole: in tiles its labels are read, and told once each."""

from dataclasses import replace

import pytest
from PIL import Image

from portico.artifacts.images import open_picture, prepare
from portico.artifacts.profiles import PROFILES
from portico.vision.elements import Element, Picture
from portico.vision.merging import merge
from portico.vision.reading import Glance, read
from tests.screens.catalog import TALL
from tests.screens.reader import Reader
from tests.screens.writing import seen_of
from tests.vision.screenwork import Sent

TARGETS = ("gemini", "qwen2.5-vl", "qwen3-vl")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Image.open(TALL.path).convert("RGB"), TALL.elements)


def found_by(reader: Reader, target: str, tiles: int | None = None) -> tuple[Element, ...]:
    """Return what *target* finds on the page, sent whole if *tiles* is 0."""
    profile = PROFILES[target]
    if tiles is not None:
        profile = replace(profile, tiles=tiles)
    picture = Picture(TALL.width, TALL.height)
    lists = []
    for prepared in prepare(open_picture(TALL.content), profile):
        view = Sent(seen_of(prepared), prepared.content)
        answer = reader.answer(view.image, target)
        lists.append(read(answer, Glance("model", target, picture, view.seen)))
    return merge(lists).elements


def recall(found: tuple[Element, ...]) -> float:
    """Return the share of the labels that are among *found*, where they are on the page."""
    places = {(element.label, element.bbox) for element in found}
    hits = [
        thing
        for thing in TALL.elements
        if any(label == thing.label and thing.box.overlap(box) >= 0.7 for label, box in places)
    ]
    return len(hits) / len(TALL.elements)


def test_the_page_has_120_labels_of_usual_sizes() -> None:
    assert (TALL.width, TALL.height, len(TALL.elements)) == (1382, 12028, 120)
    assert {thing.size for thing in TALL.elements} == {11, 12, 13, 14, 16}


@pytest.mark.parametrize("target", TARGETS)
def test_in_tiles_every_label_is_read_and_none_is_told_twice(reader: Reader, target: str) -> None:
    found = found_by(reader, target)
    assert recall(found) >= 0.98
    assert len(found) <= len(TALL.elements)


@pytest.mark.parametrize("target", TARGETS)
def test_sent_whole_most_labels_are_too_small_to_read(reader: Reader, target: str) -> None:
    assert recall(found_by(reader, target, tiles=0)) <= 0.5


@pytest.mark.parametrize("tiles", [0, 12])
def test_the_reader_finds_out_what_it_was_sent(reader: Reader, tiles: int) -> None:
    """Nobody tells it: otherwise a wrong place of a tile would come out right again."""
    profile = replace(PROFILES["qwen3-vl"], tiles=tiles)
    for prepared in prepare(open_picture(TALL.content), profile):
        sight = reader.find(Sent(seen_of(prepared), prepared.content).image)
        assert sight.scale == pytest.approx(prepared.scale[1], abs=0.002)
        assert sight.first == pytest.approx(prepared.box[1], abs=4)
