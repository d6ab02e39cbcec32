"""
Pictures as models may see them: opened once, prepared for each profile.

Both functions work hard and without waiting: call them in a worker thread.
"""

import hashlib
from dataclasses import replace

from portico.artifacts import apart
from portico.artifacts.decode import decode
from portico.artifacts.intake import APART, kind_of
from portico.artifacts.pictures import Limits, Picture, PictureRefused, Prepared
from portico.artifacts.plan import level
from portico.artifacts.profiles import Profile
from portico.artifacts.render import Origin, rendered

_DEFAULT = Limits()


def open_picture(data: bytes, limits: Limits = _DEFAULT) -> Picture:
    """
    Return what *data* shows: upright, sRGB, without metadata; type by content.

    Raises:
        PictureRefused: no picture we know, over the limits, damaged or locked.
    """
    if len(data) > limits.bytes:
        raise PictureRefused(f"This picture is over {limits.bytes // 1_000_000} MB.")
    kind = kind_of(data)
    if kind is None:
        raise PictureRefused("This is not a picture of a kind we know.")
    sheets = apart.draw(data, kind, limits) if kind in APART else (decode(data, kind, limits),)
    return Picture(hashlib.sha256(data).hexdigest(), kind, sheets)


def prepare(picture: Picture, profile: Profile) -> list[Prepared]:
    """
    Return *picture* as the target of *profile* takes it, in the order to send.

    Never upscaled; what is too long to read is an overview and tiles; pages beyond the profile's
    count are left out, and the last one says so. Where all together are over the profile's total,
    the heaviest are made anew with fewer bytes.

    Raises:
        PictureRefused: no format or size of it stays within the profile's bytes.
    """
    shown = picture.sheets[: profile.count]
    each = replace(profile, count=profile.count // len(shown))
    origins = [Origin(picture.raw, number) for number in range(len(shown))]
    made = [rendered(sheet, each, origin) for sheet, origin in zip(shown, origins, strict=True)]
    most = level([len(view.content) for views in made for view in views], profile.total)
    tight = replace(each, bytes=min(each.bytes, most))
    for number in range(len(made)):
        if max(len(view.content) for view in made[number]) > most:
            made[number] = []  # tens of megabytes of a large picture, gone before others come
            made[number] = rendered(shown[number], tight, origins[number])
    prepared = [view for views in made for view in views]
    missing = len(picture.sheets) - len(shown)
    if missing:
        last = prepared[-1]
        prepared[-1] = replace(last, note=f"{last.note} {missing} more were left out.".strip())
    return prepared
