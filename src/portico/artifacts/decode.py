"""The decoders' door: bounds first, then pixels; nothing of theirs gets out but a sheet."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pillow_heif
from PIL import Image, ImageCms

from portico.artifacts import colour, png
from portico.artifacts.frames import contact_sheet, frames
from portico.artifacts.pictures import Limits, PictureRefused, Sheet, Size
from portico.artifacts.profiles import HEAVIEST, LARGEST
from portico.artifacts.room import make_room
from portico.artifacts.strip import stripped

_PILLOW: Mapping[str, str] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/avif": "AVIF",
}
"""One decoder for each kind: what the bytes claim further inside is not followed."""

_WEIGHT: Mapping[str, int] = {"image/webp": 2, "image/avif": 2}
"""How many times as much a kind's decoder holds at once as the others'."""

_FIRST = "The first page of several; the others were left out."

# Decoders give up in all these ways; RuntimeWarning is Pillow's word for a bomb.
_TROUBLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    RuntimeWarning,
    MemoryError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    Image.DecompressionBombError,
)


@contextmanager
def door() -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence; its own words may quote the picture."""
    try:
        yield
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused("This picture has more pixels than we decode.") from None
    except _TROUBLE:
        raise PictureRefused("This picture cannot be read: it is damaged or cut off.") from None


def decode(data: bytes, kind: str, limits: Limits) -> Sheet:
    """
    Return the one sheet that *data* holds; of an animation, its contact sheet.

    Raises:
        PictureRefused: over the limits, or unreadable; nothing was decoded that is over them.
    """
    with door():
        if kind == "image/heic":
            return _heif(data, limits)
        # Not bound to a name here: a large picture goes as soon as its next form is there.
        return _sheet(_opened(data, kind, limits), data, kind, limits)


def _opened(data: bytes, kind: str, limits: Limits) -> Image.Image:
    """Return what is not decoded yet and within the limits."""
    if frames(data, kind, limits.frames) > limits.frames:
        raise PictureRefused(f"This animation has more than {limits.frames} frames.")
    image = Image.open(io.BytesIO(data), formats=(_PILLOW[kind],))
    bounded(image.size, replace(limits, pixels=limits.pixels // _WEIGHT.get(kind, 1)))
    make_room(image.width * image.height)
    return image


def bounded(size: Size, limits: Limits) -> None:
    """
    Refuse a picture by its size alone.

    Raises:
        PictureRefused: without pixels, or with too many.
    """
    width, height = size
    if min(size) < 1:
        raise PictureRefused("This picture has no pixels.")
    if width * height > limits.pixels or max(size) > limits.edge:
        raise PictureRefused(
            f"This picture is {width} x {height}; we take {limits.pixels // 1_000_000} megapixels"
            f" and sides of {limits.edge}."
        )


def _more(image: Image.Image) -> bool:
    """Whether a TIFF has a second page; how many is not worth reading them all."""
    try:
        image.seek(1)
    except EOFError:
        return False
    image.seek(0)
    return True


def _animates(image: Image.Image) -> bool:
    """Whether several images are moments of one; a phone's JPEG holds others of other kinds."""
    return image.format in {"GIF", "PNG", "WEBP", "AVIF"}


def _sheet(image: Image.Image, data: bytes, kind: str, limits: Limits) -> Sheet:
    count = getattr(image, "n_frames", 1) if _animates(image) else 1
    if count > 1:
        return contact_sheet(image, count, limits)
    note = _FIRST if kind == "image/tiff" and _more(image) else ""
    quick = png.pixels(image, data) if kind == "image/png" else None
    if quick is None:
        image.load()
    else:
        image = quick.image
    turn = colour.orientation(image)  # after loading: a PNG may say it behind its pixels
    profile = colour.profile_of(image)
    same = turn == 1 and profile is None and image.mode != "CMYK"
    image = colour.srgb(image, profile)
    image = colour.upright(_bare(image), turn)
    told = (quick.told if quick and same else "") or colour.fingerprint(image)
    same = same and image.mode == "RGB" and image.width * image.height <= LARGEST
    clean = stripped(data, kind, HEAVIEST) if same else b""
    return Sheet(image, told, clean, kind if clean else "", note=note)


def _bare(image: Image.Image) -> Image.Image:
    """Forget metadata, which Pillow would write into what is saved from this, and the file."""
    image.info = {}
    vars(image).pop("_fp", None)  # a PNG's bytes, as long as its pixels are there
    return image


def _heif(data: bytes, limits: Limits) -> Sheet:
    """HEIC turns itself by its own boxes; what EXIF says of it was said before that."""
    opened = pillow_heif.open_heif(io.BytesIO(data))
    bounded(opened.size, limits)
    make_room(opened.size[0] * opened.size[1])
    image = opened.to_pillow()
    del opened
    image = _bare(colour.srgb(image, colour.profile_of(image)))
    return Sheet(image, colour.fingerprint(image))
