"""Screens that are drawn here, so that the truth about them is known to the pixel."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from portico.vision.elements import Box
from portico.vision.resizing import smart_resize

SIZES = [(1280, 800), (1440, 900), (390, 844), (1920, 1080), (800, 600), (768, 1024), (1008, 1008)]
WORDS = ["Save", "Cancel", "Settings", "Profile", "Search", "Orders", "Export", "Delete", "Share"]


@dataclass(frozen=True)
class Thing:
    type: str
    label: str
    bbox: Box
    interactive: bool

    @property
    def corners(self) -> "Corners":
        return self.bbox.x1, self.bbox.y1, self.bbox.x2, self.bbox.y2


@dataclass
class Screen:
    image: Image.Image
    things: list[Thing]

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size


class _Drawing:
    def __init__(self, seed: int, size: tuple[int, int], dark: bool) -> None:
        self.chance = random.Random(seed)
        self.ground, self.ink = ("#15181c", "#e8e8e8") if dark else ("#ffffff", "#202124")
        self.panel, self.line = ("#23282e", "#5a626b") if dark else ("#f1f3f4", "#c4c8cc")
        self.image = Image.new("RGB", size, self.ground)
        self.draw = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(15)
        self.things: list[Thing] = []

    def add(self, kind: str, label: str, box: tuple[int, int, int, int]) -> None:
        interactive = kind in ("button", "input", "checkbox", "link")
        self.things.append(
            Thing(kind, f"{label} {kind} {len(self.things)}", Box(*box), interactive)
        )

    def rectangle(self, box: tuple[int, int, int, int], fill: str, outline: str | None) -> None:
        x1, y1, x2, y2 = box
        self.draw.rectangle((x1, y1, x2 - 1, y2 - 1), fill=fill, outline=outline)

    def text(self, kind: str, at: tuple[int, int], words: str) -> None:
        self.draw.text(at, words, fill=self.ink, font=self.font)
        x1, y1, x2, y2 = self.draw.textbbox(at, words, font=self.font)
        self.add(kind, words, (int(x1), int(y1), int(x2 + 0.999), int(y2 + 0.999)))

    def button(self, x: int, y: int) -> int:
        word = self.chance.choice(WORDS)
        wide = int(self.draw.textlength(word, font=self.font)) + 32
        box = (x, y, x + wide, y + 36)
        self.rectangle(box, self.chance.choice(["#1a73e8", "#188038", "#b3261e"]), None)
        self.draw.text((x + 16, y + 8), word, fill="#ffffff", font=self.font)
        self.add("button", word, box)
        return wide

    def input(self, x: int, y: int) -> int:
        box = (x, y, x + 180, y + 36)
        self.rectangle(box, self.ground, self.line)
        self.add("input", self.chance.choice(WORDS), box)
        return 180

    def checkbox(self, x: int, y: int) -> int:
        self.rectangle((x, y, x + 18, y + 18), self.ground, self.ink)
        self.add("checkbox", self.chance.choice(WORDS), (x, y, x + 18, y + 18))
        return 18

    def words(self, x: int, y: int) -> int:
        words = " ".join(self.chance.sample(WORDS, 2))
        self.text("text", (x, y), words)
        return int(self.draw.textlength(words, font=self.font))


def screen(seed: int) -> Screen:
    """Return a screen with a bar, panels and a form, different for every *seed*."""
    size = SIZES[seed % len(SIZES)]
    drawing = _Drawing(seed, size, dark=bool(seed // len(SIZES) % 2))
    wide, high = size
    drawing.rectangle((0, 0, wide, 56), drawing.panel, None)
    drawing.text("heading", (16, 18), drawing.chance.choice(WORDS))
    drawing.button(wide - 150, 10)
    y = 80
    while y < high - 60:
        x = 20 + drawing.chance.randrange(0, 40)
        while x < wide - 240:
            draw = drawing.chance.choice(
                [drawing.button, drawing.input, drawing.checkbox, drawing.words]
            )
            x += draw(x, y) + 30 + drawing.chance.randrange(0, max(wide // 6, 31))
        y += 60 + drawing.chance.randrange(0, max(high // 10, 61))
    return Screen(drawing.image, drawing.things)


Corners = tuple[float, float, float, float]
Write = Callable[[list[tuple[str, str, Corners]], tuple[int, int]], str]
"""Things (type, label, box in pixels as sent) and the size as sent → what a model answers."""


def _thousandths(box: Corners, size: tuple[int, int]) -> list[int]:
    wide, high = size
    x1, y1, x2, y2 = box
    return [
        round(n) for n in (x1 / wide * 1000, y1 / high * 1000, x2 / wide * 1000, y2 / high * 1000)
    ]


def _resized(box: Corners, size: tuple[int, int]) -> list[int]:
    wide, high = (seen / sent for seen, sent in zip(smart_resize(*size), size, strict=True))
    return [round(n) for n in (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)]


def _ratios(box: Corners, size: tuple[int, int]) -> list[float]:
    wide, high = size
    return [round(n, 4) for n in (box[0] / wide, box[1] / high, box[2] / wide, box[3] / high)]


def _y_first(numbers: list[int]) -> list[int]:
    x1, y1, x2, y2 = numbers
    return [y1, x1, y2, x2]


def as_objects(key: str, rows: list[tuple[str, str, list[float]]]) -> str:
    listed = [{key: numbers, "label": label, "type": kind} for kind, label, numbers in rows]
    return "```json\n" + json.dumps(listed, indent=1) + "\n```"


def as_lines(_: str, rows: list[tuple[str, str, list[float]]]) -> str:
    return "\n".join(f"{label}({n[0]},{n[1]}),({n[2]},{n[3]})" for _, label, n in rows)


def as_tokens(_: str, rows: list[tuple[str, str, list[float]]]) -> str:
    return "".join(
        f"<|object_ref_start|>{label}<|object_ref_end|>"
        f"<|box_start|>({n[0]},{n[1]}),({n[2]},{n[3]})<|box_end|>"
        for _, label, n in rows
    )


def as_boxes(_: str, rows: list[tuple[str, str, list[float]]]) -> str:
    return "\n".join(f"{label} <bbox>{n[0]} {n[1]} {n[2]} {n[3]}</bbox>" for _, label, n in rows)


def as_python(_: str, rows: list[tuple[str, str, list[float]]]) -> str:
    return "\n".join(
        f"icon {at}: "
        + repr({"type": "icon", "bbox": n, "interactivity": kind != "text", "content": label})
        for at, (kind, label, n) in enumerate(rows)
    )


NUMBERS: dict[str, Callable[[Corners, tuple[int, int]], list[float]]] = {
    "gemini": lambda box, size: list(_y_first(_thousandths(box, size))),
    "qwen2-vl": lambda box, size: list(_thousandths(box, size)),
    "qwen2.5-vl": lambda box, size: list(_resized(box, size)),
    "qwen3-vl": lambda box, size: list(_thousandths(box, size)),
    "ui-tars": lambda box, size: list(_resized(box, size)),
    "omniparser": _ratios,
}
FORMS: dict[str, tuple[str, Callable[[str, list[tuple[str, str, list[float]]]], str]]] = {
    "gemini": ("box_2d", as_objects),
    "qwen2-vl": ("", as_lines),
    "qwen2.5-vl": ("bbox_2d", as_objects),
    "qwen3-vl": ("bbox_2d", as_objects),
    "ui-tars": ("", as_boxes),
    "omniparser": ("bbox", as_python),
}


def answer(
    things: list[Thing], size: tuple[int, int], numbers: str, form: str = "", jitter: int = 0
) -> str:
    """Return what a model would write: *numbers* of one convention in the *form* of another."""
    chance = random.Random(len(things) * 7919 + jitter)
    key, write = FORMS[form or numbers]
    rows = []
    for thing in things:
        x1, y1, x2, y2 = (n + chance.randint(-jitter, jitter) for n in thing.corners)
        rows.append((thing.type, thing.label, NUMBERS[numbers]((x1, y1, x2, y2), size)))
    return write(key, rows)
