"""One list out of several: the tiles of a page, and two models that looked at the same picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from portico.vision.elements import Box, Disagreement, Element, Elements, Notice, Seen, numbered
from portico.vision.kinds import OTHER
from portico.vision.reading import NOTHING

SAME = 0.5
"""The overlap from which two boxes can be one element."""
WITHIN = 0.7
"""How much of the smaller one has to lie in the larger if one of them was cut by its tile."""
AT_EDGE = 2
"""Pixels from an inner edge of a tile within which an element is taken to be cut."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """An element, the tiles that show it and all they cover, and whether an edge cuts it."""

    element: Element
    tiles: frozenset[Seen]
    region: Box
    cut: bool


def merge(tiles: Sequence[Elements]) -> Elements:
    """
    Return one list for a page of which *tiles* show parts, an overview among them or not.

    An element seen on several is told once, as it was seen at the largest scale; one that an edge
    cuts is put together. Boxes of *tiles* are already in the page's coordinates. Raises ValueError
    for no tiles.
    """
    if not tiles:
        raise ValueError("a page has at least one tile")
    finest = sorted(tiles, key=lambda tile: -tile.seen[0].scale[0])
    sightings = [sighting for tile in finest for sighting in _sightings(tile)]
    # Whole before cut, fine before coarse: the best sighting of an element is met first.
    sightings.sort(key=lambda sighting: sighting.cut)
    kept: list[_Sighting] = []
    for sighting in sightings:
        at = next((at for at, known in enumerate(kept) if _one(known, sighting)), None)
        if at is None:
            kept.append(sighting)
        else:
            kept[at] = _united(kept[at], sighting)
    return Elements(
        image=tiles[0].image,
        seen=tuple(seen for tile in tiles for seen in tile.seen),
        source=tuple(dict.fromkeys(source for tile in tiles for source in tile.source)),
        elements=numbered([sighting.element for sighting in kept]),
        warnings=tuple(dict.fromkeys(_told_of(tiles, empty=not kept))),
        raw=tuple(raw for tile in tiles for raw in tile.raw),
    )


def fuse(first: Elements, second: Elements) -> Elements:
    """
    Return what two targets found on the same picture, as one list, and where they differ.

    What both found has the first one's box and words and the flag `agreed`; what only one found
    is there too, flagged `only:<target>`. Every difference is told as a `Disagreement`.
    """
    names = first.source[0].target, second.source[0].target
    pairs = _pairs(first.elements, second.elements)
    matched = {id(element) for pair in pairs for element in pair}
    both = [replace(one, flags=(*one.flags, "agreed")) for one, _ in pairs]
    alone = [
        replace(element, flags=(*element.flags, f"only:{name}"))
        for name, side in zip(names, (first, second), strict=True)
        for element in side.elements
        if id(element) not in matched
    ]
    elements = numbered(both + alone)
    others = {one.bbox: other for one, other in pairs}
    return Elements(
        image=first.image,
        seen=first.seen + second.seen,
        source=first.source + second.source,
        elements=elements,
        warnings=tuple(_told_by(names[0], first)) + tuple(_told_by(names[1], second)),
        disagreements=tuple(
            found for element in elements for found in _differences(element, others, names)
        ),
        raw=first.raw + second.raw,
    )


def _told_of(tiles: Sequence[Elements], empty: bool) -> Iterator[Notice]:
    """Give the warnings of all; that nothing is on one tile is none, if something is on another."""
    for tile in tiles:
        yield from (notice for notice in tile.warnings if empty or notice.code != NOTHING)


def _sightings(tile: Elements) -> Iterator[_Sighting]:
    (seen,) = tile.seen
    for element in tile.elements:
        cut = _is_cut(element.bbox, seen.region, tile.image.whole)
        yield _Sighting(element, frozenset({seen}), seen.region, cut)


def _is_cut(box: Box, region: Box, page: Box) -> bool:
    """True if *box* reaches an edge of *region* that is not one of the page."""
    return (
        (region.x1 > page.x1 and box.x1 <= region.x1 + AT_EDGE)
        or (region.y1 > page.y1 and box.y1 <= region.y1 + AT_EDGE)
        or (region.x2 < page.x2 and box.x2 >= region.x2 - AT_EDGE)
        or (region.y2 < page.y2 and box.y2 >= region.y2 - AT_EDGE)
    )


def _one(known: _Sighting, other: _Sighting) -> bool:
    """True if both are one element of the page; one tile does not show an element twice."""
    if known.tiles & other.tiles or not _fit(known.element, other.element):
        return False
    one, two = known.element.bbox, other.element.bbox
    if one.overlap(two) >= SAME:
        return True
    pieces = known.cut or other.cut
    # Two pieces of one element share only what both tiles show of it.
    shown = known.region.common(other.region)
    parts = min(one.common(shown), two.common(shown), key=lambda box: box.area)
    return pieces and parts.area > 0 and parts.inside(one.common(two)) >= WITHIN


def _fit(one: Element, other: Element) -> bool:
    alike = one.label.casefold() == other.label.casefold()
    return alike or one.type == other.type or OTHER in (one.type, other.type)


def _united(known: _Sighting, other: _Sighting) -> _Sighting:
    tiles, region = known.tiles | other.tiles, known.region.around(other.region)
    if not known.cut:
        return _Sighting(known.element, tiles, region, cut=False)
    one, two = known.element, other.element
    box = one.bbox.around(two.bbox)
    label, text = max(one.label, two.label, key=len), max(one.text, two.text, key=len)
    return _Sighting(replace(one, bbox=box, label=label, text=text), tiles, region, cut=True)


def _pairs(
    first: tuple[Element, ...], second: tuple[Element, ...]
) -> list[tuple[Element, Element]]:
    """Return who is the same in both, the closest first; nobody is in two pairs."""
    near = [
        (one.bbox.overlap(other.bbox), at, to)
        for at, one in enumerate(first)
        for to, other in enumerate(second)
    ]
    pairs: dict[int, int] = {}
    for overlap, at, to in sorted(near, reverse=True):
        if overlap >= SAME and at not in pairs and to not in pairs.values():
            pairs[at] = to
    return [(first[at], second[to]) for at, to in sorted(pairs.items())]


def _differences(
    element: Element, others: dict[Box, Element], names: tuple[str, str]
) -> Iterator[Disagreement]:
    first, second = names
    if "agreed" not in element.flags:
        finder = next(name for name in names if f"only:{name}" in element.flags)
        said = {name: element.label if name == finder else "" for name in names}
        yield Disagreement(element.id, "missed", said)
        return
    other = others[element.bbox]
    fields: tuple[Literal["label", "text", "type"], ...] = ("label", "text", "type")
    for field in fields:
        one, two = str(getattr(element, field)), str(getattr(other, field))
        if one and two and one.casefold() != two.casefold():
            yield Disagreement(element.id, field, {first: one, second: two})


def _told_by(name: str, side: Elements) -> Iterator[Notice]:
    for notice in side.warnings:
        yield Notice(notice.code, f"{name}: {notice.detail}")
