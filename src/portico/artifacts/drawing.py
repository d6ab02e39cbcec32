"""
A program of its own that draws SVG, PDF and TIFF: `python -m portico.artifacts.drawing KIND`.

The first two are programs in a language, and what they cost is known only by running them; PDFium
is not safe in threads, and libtiff talks on our standard error. Here they can be given so many
seconds and so much memory, and nothing else to lose: no keys in the environment, no files to write.
Bytes in; out comes the length of a `Drawn` in JSON (4 bytes, big-endian), it, and the PNGs one
after the other.
"""

import io
import math
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from PIL import Image

from portico.artifacts.pictures import Limits, PictureRefused

_LEAST, _MOST = 1024, 4096  # long edge of a drawn SVG: it has no pixels of its own
_PAGE = 2048  # long edge of a page: 10 point text stays legible
_DENSITY = 2.0  # pixels per point of a page, where that stays within the edge
_SAID = 20_000  # characters of a page's text
_TOTAL = 100_000_000  # bytes of all the PNGs


class Page(msgspec.Struct, frozen=True):
    """One PNG of `length` bytes, what is written on it, and what there is to say about it."""

    length: int
    text: str
    note: str


class Drawn(msgspec.Struct, frozen=True):
    """What was drawn, or why it was not."""

    pages: tuple[Page, ...] = ()
    refused: str = ""


type Pages = list[tuple[bytes, str, str]]
"""PNG, text, note."""


def draw_svg(data: bytes, limits: Limits) -> Pages:
    """
    Return an SVG as one PNG, small ones enlarged: their units are not pixels.

    Raises:
        PictureRefused: entities, too much of anything, or not SVG.
    """
    import resvg_py  # only where it is needed: the other kind pays nothing for it

    from portico.artifacts.svg import cleaned

    drawing = cleaned(data, limits)
    across, down = drawing.size or (_LEAST, _LEAST)
    longest = max(across, down)
    zoom = min(max(longest, _LEAST), _MOST) / longest
    if across * zoom < 1 or down * zoom < 1:
        raise PictureRefused("This SVG is too long for its width.")
    try:
        png = resvg_py.svg_to_bytes(svg_string=drawing.markup, width=round(across * zoom), dpi=96)
    except ValueError:
        raise PictureRefused("This SVG cannot be drawn.") from None
    note = f"An SVG of {across:g} x {down:g} units, drawn."
    if drawing.dropped:
        note += " Its scripts and what it links to elsewhere were left out."
    return [(png, drawing.text, note)]


def draw_pdf(data: bytes, limits: Limits) -> Pages:
    """
    Return the first pages of a PDF as PNGs, with their text.

    Raises:
        PictureRefused: protected by a password, without pages, or not a PDF.
    """
    import pypdfium2  # type: ignore[import-untyped]  # it ships no types

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        told = "is protected by a password" if locked else "cannot be read: it is damaged"
        raise PictureRefused(f"This PDF {told}.") from None
    count = len(document)
    if not count:
        raise PictureRefused("This PDF has no pages.")
    document.init_forms()
    pages: Pages = []
    for index in range(min(count, limits.pages)):
        try:
            image, text = _page(document[index])
        except pypdfium2.PdfiumError:
            raise PictureRefused(f"Page {index + 1} of this PDF cannot be drawn.") from None
        pages.append((_png(image), text, f"Page {index + 1} of {count} of a PDF."))
    if count > len(pages):
        png, text, note = pages[-1]
        pages[-1] = (png, text, f"{note} The pages after it were left out.")
    return pages


def _page(page: Any) -> tuple[Image.Image, str]:
    longest = max(page.get_size())
    if not 0 < longest < math.inf:
        raise PictureRefused("A page of this PDF has no size.")
    image: Image.Image = page.render(scale=min(_DENSITY, _PAGE / longest)).to_pil()
    text: str = page.get_textpage().get_text_bounded()
    return image.convert("RGB"), " ".join(text[:_SAID].split())


def draw_tiff(data: bytes, limits: Limits) -> Pages:
    """
    Return a TIFF's first page as PNG.

    Raises:
        PictureRefused: as `decode` says.
    """
    from portico.artifacts.decode import decode

    sheet = decode(data, "image/tiff", limits)
    return [(_png(sheet.image), "", sheet.note)]


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def confine(limits: Limits) -> None:
    """Give this process its last seconds and bytes, and no file to write."""
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


DRAWS: Mapping[str, Callable[[bytes, Limits], Pages]] = {
    "image/svg+xml": draw_svg,
    "application/pdf": draw_pdf,
    "image/tiff": draw_tiff,
}
"""What is drawn apart."""


def answer(data: bytes, kind: str, limits: Limits) -> bytes:
    """Return what goes back: header and PNGs, or the reason why there are none."""
    try:
        pages = DRAWS[kind](data, limits)
        if sum(len(png) for png, _, _ in pages) > _TOTAL:
            raise PictureRefused("This picture has too much in it to be drawn.")
    except PictureRefused as refused:
        pages = []
        drawn = Drawn(refused=str(refused))
    else:
        drawn = Drawn(tuple(Page(len(png), text, note) for png, text, note in pages))
    header = msgspec.json.encode(drawn)
    return len(header).to_bytes(4) + header + b"".join(png for png, _, _ in pages)


def main() -> None:
    """Draw what comes in on standard input."""
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    confine(limits)
    data = sys.stdin.buffer.read()
    sys.stdout.buffer.write(answer(data, sys.argv[1], limits))


if __name__ == "__main__":
    main()
