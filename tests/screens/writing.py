"""What a model would write about a screen: its truth, in one of the six conventions."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from portico.artifacts.pictures import Prepared
from portico.vision.elements import Box, Corners, Seen
from portico.vision.resizing import smart_resize
from tests.screens.truth import Thing

CONVENTIONS = ("gemini", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "ui-tars", "omniparser")

type Manner = Literal["bare", "fenced", "prose", "tokens"]
"""`fenced` is within a code fence, `prose` has words before and after, `tokens` are Qwen2-VL's."""

type _Row = tuple[Thing, list[float]]
type _Size = tuple[float, float]


def seen_of(prepared: Prepared) -> Seen:
    """Return what was seen of the original in *prepared*."""
    size = prepared.width, prepared.height
    return Seen.padded(size, Box(*prepared.box), prepared.scale)


def shown_in(elements: Iterable[Thing], seen: Seen) -> list[Thing]:
    """Return those of *elements* of which *seen* shows at least half."""
    return [thing for thing in elements if thing.box.inside(seen.region) >= 0.5]


def written(
    elements: Sequence[Thing],
    convention: str,
    seen: Seen,
    manner: Manner = "bare",
    *,
    form: str = "",
    jitter: int = 0,
) -> str:
    """
    Return what a model of *convention* answers about *elements* that it sees in *seen*.

    What an edge cuts is told as far as it shows. With *form* the numbers stand in the form of that
    other convention: only they are wrong. *jitter* is how many sent pixels its boxes are
    off at most, by turns inward and outward.
    """
    rows = [
        (thing, UNITS[convention](_sent(thing.box, seen, _off(at, jitter)), seen))
        for at, thing in enumerate(shown_in(elements, seen))
    ]
    said = FORMS["tokens" if manner == "tokens" else form or convention](rows)
    if manner == "fenced":
        return f"```json\n{said}\n```"
    if manner == "prose":
        return f"Here is what I can see on the screen:\n\n{said}\n\nAsk if you need more detail."
    return said


def cut(answer: str, share: float) -> str:
    """Return the first *share* of *answer*: the model ran out of tokens."""
    return answer[: round(len(answer) * share)]


def _off(at: int, jitter: int) -> Corners:
    """Return by how much each side of box *at* is off; small things are met more closely."""
    turns = [(at * 7 + side * 3) % (2 * jitter + 1) - jitter for side in range(4)]
    return turns[0], turns[1], turns[2], turns[3]


def _sent(box: Box, seen: Seen, off: Corners) -> Corners:
    """Return where *box* is in the picture as sent, in its pixels; cut off at what it shows."""
    region, (across, down) = seen.region, seen.scale
    shown = box.common(region)
    x1, y1 = (shown.x1 - region.x1) * across + off[0], (shown.y1 - region.y1) * down + off[1]
    x2, y2 = (shown.x2 - region.x1) * across + off[2], (shown.y2 - region.y1) * down + off[3]
    return (
        min(max(x1, 0), seen.width),
        min(max(y1, 0), seen.height),
        min(max(x2, x1 + 1), seen.width),
        min(max(y2, y1 + 1), seen.height),
    )


def _scaled(box: Corners, seen: Seen, most: _Size) -> Corners:
    wide, high = most[0] / seen.width, most[1] / seen.height
    return box[0] * wide, box[1] * high, box[2] * wide, box[3] * high


def _thousandths(box: Corners, seen: Seen) -> list[float]:
    return [round(number) for number in _scaled(box, seen, (1000, 1000))]


def _thousandths_y_first(box: Corners, seen: Seen) -> list[float]:
    x1, y1, x2, y2 = _thousandths(box, seen)
    return [y1, x1, y2, x2]


def _pixels(box: Corners, seen: Seen) -> list[float]:
    """The model sees what its own resizing leaves."""
    resized = smart_resize(seen.width, seen.height, 28)
    return [round(number) for number in _scaled(box, seen, resized)]


def _ratios(box: Corners, seen: Seen) -> list[float]:
    return [round(number, 4) for number in _scaled(box, seen, (1, 1))]


UNITS: dict[str, Callable[[Corners, Seen], list[float]]] = {
    "gemini": _thousandths_y_first,
    "qwen2-vl": _thousandths,
    "qwen2.5-vl": _pixels,
    "qwen3-vl": _thousandths,
    "ui-tars": _pixels,
    "omniparser": _ratios,
}
"""From pixels as sent to the numbers of each convention."""


def _named(thing: Thing) -> dict[str, Any]:
    told = {"label": thing.label, "type": thing.type, "interactive": thing.interactive}
    return told | ({"text": thing.text} if thing.text else {})


def _objects(key: str) -> Callable[[list[_Row]], str]:
    def say(rows: list[_Row]) -> str:
        listed = [{key: numbers, **_named(thing)} for thing, numbers in rows]
        return json.dumps(listed, indent=1, ensure_ascii=False)

    return say


def _pairs(rows: list[_Row]) -> str:
    return "\n".join(f"{thing.label}({n[0]},{n[1]}),({n[2]},{n[3]})" for thing, n in rows)


def _tokens(rows: list[_Row]) -> str:
    return "".join(
        f"<|object_ref_start|>{thing.label}<|object_ref_end|>"
        f"<|box_start|>({n[0]},{n[1]}),({n[2]},{n[3]})<|box_end|>"
        for thing, n in rows
    )


def _tagged(rows: list[_Row]) -> str:
    return "\n".join(f"{thing.label} <bbox>{n[0]} {n[1]} {n[2]} {n[3]}</bbox>" for thing, n in rows)


def _python(rows: list[_Row]) -> str:
    """As OmniParser prints it: two types only, and what is written is its content."""
    lines = []
    for at, (thing, numbers) in enumerate(rows):
        kind = "text" if thing.type in {"text", "heading", "link"} else "icon"
        told = {"type": kind, "bbox": numbers, "interactivity": thing.interactive}
        lines.append(f"icon {at}: {told | {'content': thing.label}!r}")
    return "\n".join(lines)


FORMS: dict[str, Callable[[list[_Row]], str]] = {
    "gemini": _objects("box_2d"),
    "qwen2-vl": _pairs,
    "tokens": _tokens,
    "qwen2.5-vl": _objects("bbox_2d"),
    "qwen3-vl": _objects("bbox_2d"),
    "ui-tars": _tagged,
    "omniparser": _python,
}
"""From rows of numbers to what is written."""
