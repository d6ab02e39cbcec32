"""Changes planted into a screen, each with the boxes in which a diff has to find it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from portico.vision.elements import Box
from tests.vision.screens import Screen, Thing

Ground = tuple[int, ...]


@dataclass(frozen=True)
class Plant:
    kind: str
    image: Image.Image
    truth: list[Box]


def plants(screen: Screen, seed: int) -> list[Plant]:
    """Return one change of every kind that the things on *screen* allow."""
    chance = random.Random(seed)
    made = []
    for kind, (type_, plant) in KINDS.items():
        things = [thing for thing in screen.things if thing.type == type_]
        if things:
            image = screen.image.copy()
            made.append(Plant(kind, image, plant(image, chance.choice(things))))
    return made


def _ground(image: Image.Image, box: Box) -> Ground:
    colour = image.getpixel((box.x1 - 1, box.y1 - 1))
    assert isinstance(colour, tuple)
    return tuple(map(int, colour))


def _wipe(image: Image.Image, box: Box) -> Ground:
    ground = _ground(image, box)
    ImageDraw.Draw(image).rectangle((box.x1, box.y1, box.x2 - 1, box.y2 - 1), fill=ground)
    return ground


def _restyled(image: Image.Image, thing: Thing) -> list[Box]:
    box = thing.bbox
    fill = image.getpixel((box.x1 + 2, box.y1 + 2))
    inside = image.crop((box.x1, box.y1, box.x2, box.y2))
    other = (232, 113, 10) if fill != (232, 113, 10) else (0, 0, 0)
    pixels = inside.load()
    assert pixels is not None
    for y in range(inside.height):
        for x in range(inside.width):
            if pixels[x, y] == fill:
                pixels[x, y] = other
    image.paste(inside, (box.x1, box.y1))
    return [box]


def _removed(image: Image.Image, thing: Thing) -> list[Box]:
    _wipe(image, thing.bbox)
    return [thing.bbox]


def _ticked(image: Image.Image, thing: Thing) -> list[Box]:
    x, y = thing.bbox.x1, thing.bbox.y1
    ground = image.getpixel((x + 5, y + 5))
    ink = (255, 255, 255) if isinstance(ground, tuple) and ground[0] < 128 else (0, 0, 0)
    ImageDraw.Draw(image).line((x + 4, y + 9, x + 8, y + 13, x + 14, y + 4), fill=ink, width=2)
    return [Box(x + 4, y + 4, x + 15, y + 15)]


def _moved(across: int, down: int) -> Callable[[Image.Image, Thing], list[Box]]:
    def move(image: Image.Image, thing: Thing) -> list[Box]:
        box = thing.bbox
        new = Box(box.x1 + across, box.y1 + down, box.x2 + across, box.y2 + down)
        inside = image.crop((box.x1, box.y1, box.x2, box.y2))
        _wipe(image, box)
        image.paste(inside, (new.x1, new.y1))
        return [box.around(new)] if box.common(new).area else [box, new]

    return move


def _reworded(image: Image.Image, thing: Thing) -> list[Box]:
    ground = _wipe(image, thing.bbox)
    ink = (232, 232, 232) if ground[0] < 128 else (32, 33, 36)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    at = (thing.bbox.x1, thing.bbox.y1 - 4)
    draw.text(at, "Wholly other", fill=ink, font=font)
    x1, y1, x2, y2 = draw.textbbox(at, "Wholly other", font=font)
    return [thing.bbox.around(Box(int(x1), int(y1), int(x2 + 1), int(y2 + 1)))]


def _recoloured(image: Image.Image, thing: Thing) -> list[Box]:
    box = thing.bbox
    ground = _ground(image, box)
    inside = image.crop((box.x1, box.y1, box.x2, box.y2)).convert("L")
    share = inside.point(lambda value: min(abs(value - ground[0]) * 255 // 200, 255))
    image.paste((220, 30, 30), (box.x1, box.y1, box.x2, box.y2), share)
    return [box]


def _outlined(image: Image.Image, thing: Thing) -> list[Box]:
    box = thing.bbox
    ImageDraw.Draw(image).rectangle(
        (box.x1, box.y1, box.x2 - 1, box.y2 - 1), outline="#d93025", width=2
    )
    return [box]


def _added(image: Image.Image, thing: Thing) -> list[Box]:
    box = thing.bbox
    new = Box(box.x1, box.y2 + 4, box.x1 + 60, box.y2 + 16)
    ImageDraw.Draw(image).rectangle((new.x1, new.y1, new.x2 - 1, new.y2 - 1), fill="#d93025")
    return [new]


KINDS: dict[str, tuple[str, Callable[[Image.Image, Thing], list[Box]]]] = {
    "restyled": ("button", _restyled),
    "removed": ("button", _removed),
    "removed text": ("text", _removed),
    "ticked": ("checkbox", _ticked),
    "moved across": ("button", _moved(8, 0)),
    "moved down": ("button", _moved(0, 6)),
    "moved far": ("checkbox", _moved(0, 38)),
    "moved aside": ("input", _moved(5, 3)),
    "reworded": ("text", _reworded),
    "recoloured": ("text", _recoloured),
    "outlined": ("input", _outlined),
    "added": ("input", _added),
}
