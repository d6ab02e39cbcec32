"""Pixels to bytes that a profile takes: PNG for interfaces, JPEG only when bytes force it."""

import io
import os
import sys
from typing import IO

import numpy as np
from PIL import Image

from portico.artifacts.profiles import JPEG, PNG, Profile

_LEVEL = 3  # of zlib: within a few per cent of the best on interfaces, at a quarter of the time
_QUALITIES = (95, 90)
_PROBES, _PROBE = 32, 4  # places to look how well PNG does, and rows at each
_DOUBT = 1.1  # the estimate has been wrong by a tenth at most


def encoded(image: Image.Image, profile: Profile) -> tuple[bytes, str] | None:
    """Return *image* and its type within the profile's bytes, or None: then it has to shrink."""
    if PNG in profile.formats and _hopeful(image, profile.bytes):
        content = _saved(image, "PNG", compress_level=_LEVEL)
        if len(content) <= profile.bytes:
            return content, PNG
    if JPEG in profile.formats:
        for quality in _QUALITIES:
            content = _saved(image, "JPEG", quality=quality, subsampling=0)
            if len(content) <= profile.bytes:
                return content, JPEG
    return None


def _hopeful(image: Image.Image, most: int) -> bool:
    """Whether PNG might do: a photograph's costs a second and then is thrown away."""
    rows = _PROBES * _PROBE
    if image.width * image.height * 3 <= most or image.height < 2 * rows:
        return True
    sample = Image.new(image.mode, (image.width, rows))
    for place in range(_PROBES):
        top = (2 * place + 1) * image.height // (2 * _PROBES)
        sample.paste(image.crop((0, top, image.width, top + _PROBE)), (0, place * _PROBE))
    size = len(_saved(sample, "PNG", compress_level=_LEVEL))
    return size * image.height / rows <= _DOUBT * most


def _saved(image: Image.Image, form: str, **options: int) -> bytes:
    with _scratch() as out:
        image.save(out, form, **options)
        out.seek(0)
        return out.read()


def _scratch() -> IO[bytes]:
    """Return a file in memory; Pillow writes a real one without holding up other threads."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("picture"), "w+b")
    return io.BytesIO()


def opaque(image: Image.Image, backdrop: str) -> Image.Image:
    """Return *image* on *backdrop*: models see black, white or noise where they get nothing."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, backdrop)
    ground.paste(image, (0, 0), image)
    return ground


def backdrop(image: Image.Image) -> str:
    """Return the ground on which what is visible of *image* can be seen: white, or dark grey."""
    if image.mode != "RGBA":
        return "white"
    small = np.asarray(image.resize((64, 64), Image.Resampling.BOX), dtype=np.float64)
    weight = small[..., 3]
    bright = small[..., :3].mean(axis=2)
    seen = float((bright * weight).sum() / max(weight.sum(), 1.0))
    return "#333333" if seen > 200 else "white"
