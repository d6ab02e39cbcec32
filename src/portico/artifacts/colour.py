"""Whatever the pixels were: 8 bits of sRGB, upright, and their fingerprint."""

import hashlib
import io
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image, ImageCms

from portico.artifacts.pictures import PictureRefused

_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientations; 1 is upright."""

_ORIENTATION = 0x0112
_SIXTEEN = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
_STRIP = 100_000  # pixels at a time: other threads wait a fraction of a millisecond for each
_LINES = 2_000_000  # pixels whose changes are added up at a time


def orientation(image: Image.Image) -> int:
    """Return how the picture says it has to be turned, 1 to 8; nonsense is 1."""
    told = image.getexif().get(_ORIENTATION, 1)
    return told if told in _TURNS else 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Return the picture turned as its orientation *turn* asks."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return the colour profile that has to be converted from; None for sRGB or a broken one."""
    data = image.info.get("icc_profile")
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        return None if "sRGB" in ImageCms.getProfileDescription(profile) else profile
    except (OSError, ImageCms.PyCMSError):
        return None


def srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    """Return *image* as RGB, or as RGBA where something really shows through."""
    if image.mode in _SIXTEEN:
        image = _eight(image)
    plain = _converted(image, profile) if profile else None
    if plain is None:
        plain = _unprofiled(image)
    if plain.mode == "RGBA" and _covers(plain):
        return plain.convert("RGB")
    return plain


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """
    Give *image* in copies of a few whole rows, each with the number of its first row.

    A picture's bytes in one piece are a second picture in memory, and Pillow makes them without
    letting any other thread go on.
    """
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _covers(image: Image.Image) -> bool:
    """Whether nothing shows through an RGBA picture."""
    return all(
        strip.getchannel("A").histogram()[255] == strip.width * strip.height
        for _, strip in strips(image)
    )


def _eight(image: Image.Image) -> Image.Image:
    """Keep the upper eight of sixteen bits: Pillow's own conversion cuts off instead."""
    eight = Image.new("L", image.size)
    for top, strip in strips(image):
        values = np.clip(np.asarray(strip), 0, 65535) >> 8
        eight.paste(Image.fromarray(values.astype(np.uint8)), (0, top))
    return eight


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image | None:
    """Return *image* converted from *profile*, or None where the profile is not for its mode."""
    mode = "RGBA" if image.mode in {"RGBA", "RGBX", "P", "PA"} else image.mode
    if mode not in {"L", "RGB", "RGBA", "CMYK", "LAB"}:
        return None
    try:
        source = image if image.mode == mode else image.convert(mode)
        shown = "RGBA" if mode == "RGBA" else "RGB"
        way = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, shown)
        if mode == shown and not source.readonly:  # a second picture is what memory has no room for
            ImageCms.applyTransform(source, way, inPlace=True)
            return source
        return ImageCms.applyTransform(source, way)
    except ImageCms.PyCMSError:
        return None


def _unprofiled(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "RGBA"} and "transparency" not in image.info:
        return image
    if image.mode == "LAB":
        way = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return ImageCms.applyTransform(image, way) or image
    if image.mode == "F":
        raise PictureRefused("This picture's pixels are fractions, which no screen shows.")
    clear = image.has_transparency_data
    return image.convert("RGBA" if clear else "RGB")


def fingerprint(image: Image.Image) -> str:
    """
    Return the SHA-256 of what can be seen: mode, size, and the bytes row by row.

    What is fully transparent has no colour here: encoders keep it or not, as they like.
    """
    digest = hashlib.sha256(f"{image.mode} {image.width} {image.height}\n".encode())
    for _, strip in strips(image):
        if image.mode == "RGBA":
            values = np.array(strip)
            values[values[..., 3] == 0] = 0
            digest.update(values.tobytes())
        else:
            digest.update(strip.tobytes())
    return digest.hexdigest()


def activity(image: Image.Image) -> list[float]:
    """Return for each line along the longer side how much the brightness changes within it."""
    tall = image.height >= image.width
    lines = max(1, _LINES // min(image.size))
    found: list[float] = []
    for begin in range(0, max(image.size), lines):
        end = min(begin + lines, max(image.size))
        box = (0, begin, image.width, end) if tall else (begin, 0, end, image.height)
        grey = np.asarray(image.crop(box).convert("L"), dtype=np.int16)
        along = 1 if tall else 0
        found.extend(np.abs(np.diff(grey, axis=along)).sum(axis=along, dtype=np.int64).tolist())
    return found
