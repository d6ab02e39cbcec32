"""SVG made harmless: no scripts, no entities, nothing that is somewhere else."""

import base64
import binascii
import io
import re
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from PIL import Image

from portico.artifacts.pictures import Limits, PictureRefused

_DROPPED = frozenset({"script", "foreignObject", "iframe", "audio", "video", "handler", "listener"})
_WORDS = frozenset({"text", "tspan", "textPath", "title", "desc"})
_EMBEDDED = re.compile(r"\s*data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_DEPTH = 200
_SAID = 20_000  # characters of text that are kept

_LENGTH = re.compile(r"\s*([0-9.]+(?:e[0-9]+)?)\s*(px|pt|pc|mm|cm|in|)\s*", re.IGNORECASE)
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


@dataclass(frozen=True, slots=True)
class Drawing:
    """SVG that may be drawn: `size` as it asks for, if it does; what is written in it."""

    markup: str
    size: tuple[float, float] | None
    text: str
    dropped: int


def cleaned(data: bytes, limits: Limits) -> Drawing:
    """
    Return *data* rebuilt from the elements and attributes that draw, and nothing else.

    Raises:
        PictureRefused: entities, too many elements or embedded pixels, or not well-formed.
    """
    cleaner = _Cleaner(limits)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = cleaner.start
    parser.EndElementHandler = cleaner.end
    parser.CharacterDataHandler = cleaner.characters
    parser.EntityDeclHandler = cleaner.entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise PictureRefused("This SVG is not well-formed XML.") from None
    if not cleaner.root.endswith("svg"):
        raise PictureRefused("This is XML, but not SVG.")
    text = " ".join("".join(cleaner.said).split())
    return Drawing("".join(cleaner.markup), cleaner.size, text[:_SAID], cleaner.dropped)


@dataclass(slots=True)
class _Cleaner:
    limits: Limits
    markup: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    root: str = ""
    size: tuple[float, float] | None = None
    dropped: int = 0
    nodes: int = 0
    pixels: int = 0
    inside: int = 0  # depth below an element that is left out

    def entity(self, *_: object) -> None:
        raise PictureRefused("This SVG declares entities, which we do not take.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.nodes += 1
        self.path.append(_local(name))
        if self.nodes > self.limits.nodes or len(self.path) > _DEPTH:
            raise PictureRefused(
                f"This SVG has over {self.limits.nodes} elements, or {_DEPTH} inside each other."
            )
        if self.inside or self.path[-1] in _DROPPED:
            self.inside += 1
            self.dropped += self.inside == 1
            return
        if not self.root:
            self.root = self.path[-1]
            self.size = _size(attributes)
        kept = (
            f" {key}={quoteattr(told)}" for key, told in attributes.items() if self.keeps(key, told)
        )
        self.markup.append(f"<{name}{''.join(kept)}>")

    def end(self, name: str) -> None:
        self.path.pop()
        if self.inside:
            self.inside -= 1
            return
        self.markup.append(f"</{name}>")
        if _local(name) in _WORDS:
            self.said.append(" ")

    def characters(self, told: str) -> None:
        if self.inside:
            return
        self.markup.append(escape(told))
        if any(name in _WORDS for name in self.path):
            self.said.append(told)

    def keeps(self, key: str, told: str) -> bool:
        local = _local(key)
        if local.startswith("on"):
            self.dropped += 1
            return False
        if local not in {"href", "src"} or told.lstrip().startswith("#"):
            return True
        if _EMBEDDED.match(told) and self.path[-1] in {"image", "feImage"}:
            return self.embedded(told)
        self.dropped += self.path[-1] != "a"
        return False

    def embedded(self, told: str) -> bool:
        """Count the pixels of an embedded picture: the renderer would decode any number."""
        try:
            data = base64.b64decode(told.partition(",")[2])
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                self.pixels += image.width * image.height
        except (OSError, SyntaxError, ValueError, binascii.Error):
            self.dropped += 1
            return False
        if self.pixels > self.limits.pixels:
            raise PictureRefused("The pictures inside this SVG have more pixels than we decode.")
        return True


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _size(attributes: dict[str, str]) -> tuple[float, float] | None:
    width, height = _length(attributes.get("width", "")), _length(attributes.get("height", ""))
    if width and height:
        return width, height
    numbers = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    try:
        _, _, across, down = map(float, numbers)
    except ValueError:
        return None
    if not (0 < across < 1e9 and 0 < down < 1e9):
        return None
    if width:
        return width, width * down / across
    return (height * across / down, height) if height else (across, down)


def _length(told: str) -> float | None:
    match = _LENGTH.fullmatch(told)
    try:
        found = float(match[1]) * _UNITS[match[2].lower()] if match else 0.0
    except ValueError:
        return None
    return found if 0 < found < 1e9 else None
