"""A reader of a tall page: it finds out what it was sent, and reads what is large enough."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from portico.vision.elements import Box, Seen
from tests.screens.truth import Thing
from tests.screens.writing import shown_in, written

LEGIBLE = 7.0
"""Pixels of font size, as sent, below which no model reads."""
INK = 60
"""Steps of brightness between writing and its ground, as sent, below which there is none."""
PADDED = 32
"""Columns and rows at most that may have been added to a picture to make up multiples."""

type _Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a picture turned out to be: the page from row *first* on, at *scale*."""

    first: float
    scale: float
    certainty: float


class Reader:
    """
    One who knows a page by heart and is shown pictures of it, without a word about them.

    It tells by the brightness of the rows where on the page and at which scale it is looking.
    """

    def __init__(self, page: Image.Image, things: tuple[Thing, ...]) -> None:
        self._page = Box(0, 0, *page.size)
        self._rows = _brightness(page)
        self._things = things

    def answer(self, image: Image.Image, convention: str) -> str:
        """Return what can be read on *image*, written in *convention*."""
        sight = self.find(image)
        rows = round(image.height / sight.scale)
        first = round(sight.first)
        region = Box(0, first, self._page.x2, min(first + rows, self._page.y2))
        seen = Seen.padded(image.size, region, (sight.scale, sight.scale))
        grey = image.convert("L")
        read = [
            thing
            for thing in shown_in(self._things, seen)
            if (thing.size or 0.0) * sight.scale >= LEGIBLE and _inked(grey, thing.box, sight)
        ]
        return written(read, convention, seen)

    def find(self, image: Image.Image) -> Sight:
        """Return where the rows of *image* match those of the page best, at which scale."""
        part = _brightness(image)[: max(image.height - PADDED, 1)]
        widths = range(image.width - PADDED + 1, image.width + 1)
        sights = (_best(self._rows, part, wide / self._page.x2) for wide in widths)
        return max(sights, key=lambda sight: sight.certainty)


def _brightness(image: Image.Image) -> _Rows:
    return np.asarray(image.convert("L")).mean(axis=1, dtype=np.float64)


def _best(rows: _Rows, part: _Rows, scale: float) -> Sight:
    """Return the place on the page, at *scale*, where *part* correlates best."""
    strip = Image.fromarray(rows[None].astype(np.float32))
    length = round(len(rows) * scale)
    page = np.asarray(strip.resize((length, 1), Image.Resampling.BOX), dtype=np.float64)[0]
    places = len(page) - len(part) + 1
    if places < 1:
        return Sight(0.0, scale, -1.0)
    size = len(page) + len(part)
    wanted = part - part.mean()
    spectrum = np.fft.rfft(page - page.mean(), size) * np.conj(np.fft.rfft(wanted, size))
    shared = np.fft.irfft(spectrum, size)[:places]
    spread = np.sqrt(np.maximum(_windows(page**2, part) - _windows(page, part) ** 2, 1e-9))
    certainty = shared / (len(part) * spread * max(float(part.std()), 1e-9))
    at = int(certainty.argmax())
    return Sight(at / scale, scale, float(certainty[at]))


def _windows(values: _Rows, part: _Rows) -> _Rows:
    """Return the mean of every run of *values* that is as long as *part*."""
    sums = np.cumsum(np.pad(values, (1, 0)))
    return (sums[len(part) :] - sums[: -len(part)]) / len(part)


def _inked(grey: Image.Image, box: Box, sight: Sight) -> bool:
    """True if there is really something where *box* should be: no page goes on in the padding."""
    left, right = (round(side * sight.scale) for side in (box.x1, box.x2))
    top, bottom = (round((side - sight.first) * sight.scale) for side in (box.y1, box.y2))
    part = np.asarray(grey.crop((left, top, right, bottom)), dtype=np.int16)
    return bool(part.size) and int(part.max() - part.min()) >= INK
