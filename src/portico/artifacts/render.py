"""One view of one sheet, drawn, in bytes: what the model saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image
from PIL import __version__ as pillow

from portico.artifacts import colour
from portico.artifacts.encode import backdrop, encoded, opaque
from portico.artifacts.pictures import STRIPPED, PictureRefused, Prepared, Sheet
from portico.artifacts.plan import View, fit, plan, tiled
from portico.artifacts.profiles import Profile
from portico.artifacts.scale import pieces

_SHRUNK = 0.8  # of the scale, again and again, until the bytes fit
_SMALLEST = 16  # pixels: shrinking below that is not what the bytes need


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sheet comes from: the SHA-256 of the picture's bytes, and which sheet of it."""

    raw: str
    number: int


def rendered(sheet: Sheet, profile: Profile, origin: Origin) -> list[Prepared]:
    """
    Return every view of *sheet* that *profile* asks for, in the order to send.

    Raises:
        PictureRefused: no format or size of it stays within the profile's bytes.
    """
    size = sheet.image.size
    lines: Sequence[float] = colour.activity(sheet.image) if tiled(size, profile) else ()
    views = plan(size, profile, lines)
    return [
        _prepared(sheet, view, profile, _Told(origin, index, len(views) - 1))
        for index, view in enumerate(views)
    ]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a view is told about itself: which of how many tiles it is."""

    origin: Origin
    index: int
    tiles: int


def _prepared(sheet: Sheet, view: View, profile: Profile, told: _Told) -> Prepared:
    content, mime, view, how = _content(sheet, view, profile)
    return Prepared(
        content=content,
        mime=mime,
        width=view.canvas[0],
        height=view.canvas[1],
        box=view.box,
        scale=view.scale,
        original=sheet.image.size,
        part=view.part,
        sheet=told.origin.number,
        recipe=_recipe(view, how),
        note=_note(sheet, view, told),
        text=sheet.text if told.index == 0 else "",
        raw=told.origin.raw,
        pixels=sheet.pixels,
    )


def _content(sheet: Sheet, view: View, profile: Profile) -> tuple[bytes, str, View, str]:
    """Return bytes, type, the view that fitted, and how it was made."""
    whole = view.untouched and view.box[2:] == sheet.image.size and view.box[:2] == (0, 0)
    if whole and sheet.mime in profile.formats and len(sheet.clean) <= profile.bytes:
        return sheet.clean, sheet.mime, view, STRIPPED
    ground = backdrop(sheet.image)
    while True:
        made = encoded(_drawn(sheet.image, view, ground), profile)
        if made is not None:
            return *made, view, f"{made[1]} on {ground}"
        if max(view.size) <= _SMALLEST:
            raise PictureRefused("This picture does not fit into the bytes that a model takes.")
        view = replace(fit(view.box, profile, min(view.scale) * _SHRUNK), part=view.part)


def _drawn(image: Image.Image, view: View, ground: str) -> Image.Image:
    """Scale the box without bending it; pad with what is in its corner, to be no new edge."""
    if image.mode == "RGB" and view.canvas == image.size:
        return image
    canvas = Image.new("RGB", view.canvas)
    for row, piece in pieces(image, view.box, view.size):
        canvas.paste(opaque(piece, ground), (0, row))
    width, height = view.size
    corner = canvas.getpixel((width - 1, height - 1))
    assert corner is not None  # its mode has pixels
    canvas.paste(corner, (width, 0, *view.canvas))
    canvas.paste(corner, (0, height, width, view.canvas[1]))
    return canvas


def _recipe(view: View, how: str) -> str:
    """Return what makes these bytes of those pixels again, with the version that did."""
    box = ",".join(map(str, view.box))
    size, canvas = ("x".join(map(str, pair)) for pair in (view.size, view.canvas))
    return f"portico/2 box={box} size={size} canvas={canvas} lanczos {how} pillow={pillow}"


def _note(sheet: Sheet, view: View, told: _Told) -> str:
    width, height = sheet.image.size
    left, top, right, bottom = view.box
    said = [sheet.note] if sheet.note and told.index == 0 else []
    if view.part == "overview":
        said.append(
            f"Overview of a picture of {width} x {height}; {told.tiles} tiles of it follow."
        )
    elif view.part == "tile":
        said.append(
            f"Tile {told.index} of {told.tiles}: x {left} to {right}, y {top} to {bottom}"
            f" of a picture of {width} x {height}."
        )
    elif min(view.scale) < 1:
        said.append(f"Scaled to {min(view.scale):.0%} of {width} x {height}.")
    return " ".join(said)
