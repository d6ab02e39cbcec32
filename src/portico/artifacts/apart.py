"""SVG, PDF and TIFF, drawn in a process that may fail alone."""

import io
import subprocess
import sys
from dataclasses import replace

import msgspec
from PIL import Image

from portico.artifacts import colour
from portico.artifacts.decode import bounded, door
from portico.artifacts.drawing import Drawn
from portico.artifacts.pictures import Limits, PictureRefused, Sheet

_GRACE = 5  # seconds beyond the processor's, for a machine that is busy


def draw(data: bytes, kind: str, limits: Limits) -> tuple[Sheet, ...]:
    """
    Return the sheets of an SVG, a PDF or a TIFF.

    Raises:
        PictureRefused: as the drawing says, or because it took too long or too much.
    """
    command = [sys.executable, "-I", "-m", "portico.artifacts.drawing", kind]
    try:
        done = subprocess.run(
            [*command, msgspec.json.encode(limits).decode()],
            input=data,
            capture_output=True,
            timeout=limits.seconds + _GRACE,
            env={"LANG": "C.UTF-8"},  # nothing of ours: no keys, no proxies
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PictureRefused("This picture takes too long to draw.") from None
    if done.returncode != 0:
        raise PictureRefused("This picture takes too much to draw, or is damaged.")
    return _sheets(done.stdout, limits)


def _sheets(told: bytes, limits: Limits) -> tuple[Sheet, ...]:
    place = 4 + int.from_bytes(told[:4])
    drawn = msgspec.json.decode(told[4:place], type=Drawn)
    if drawn.refused:
        raise PictureRefused(drawn.refused)
    sheets: list[Sheet] = []
    for page in drawn.pages:
        sheet = _sheet(told[place : place + page.length], limits)
        sheets.append(replace(sheet, text=page.text, note=page.note))
        place += page.length
    return tuple(sheets)


def _sheet(png: bytes, limits: Limits) -> Sheet:
    with door(), Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        bounded(image.size, limits)
        image.load()
        plain = colour.srgb(image, None)
        clean = png if plain.mode == "RGB" else b""
        return Sheet(plain, colour.fingerprint(plain), clean, "image/png" if clean else "")
