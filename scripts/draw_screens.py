"""
Draw the screens under tests/screens/data: pictures by a browser, truth from the page itself.

    python -m scripts.draw_screens [NAME ...]

Needs Chromium and the fonts named in tests/screens/README.md. Nothing is fetched.
"""

import io
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.screens import pages, tall
from tests.screens.parts import Design
from tests.screens.truth import DATA, TALL_NAME, Change, Kind, Screen, Thing

from portico.vision.elements import Box
from portico.vision.pixels import Mask

TRUTH = (pages.STYLE.parent / "truth.js").read_text()
CHANGES = (pages.STYLE.parent / "change.js").read_text()
KINDS: tuple[Kind, ...] = ("moved", "recoloured", "added", "removed", "reworded")
PLANTED = frozenset({"button", "text", "heading", "input", "image", "checkbox", "switch"})


@contextmanager
def browser() -> Iterator[Page]:
    """Open one page of a browser that has no network; at the end close all."""
    found = shutil.which("chromium")
    if found is None:
        sys.exit("Drawing needs Chromium: install Debian's package chromium.")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        context = opened.new_context(offline=True, device_scale_factor=1, reduced_motion="reduce")
        yield context.new_page()
        opened.close()


def shot(page: Page) -> Image.Image:
    """Return all of *page* as it looks."""
    return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def things(page: Page) -> tuple[Thing, ...]:
    """Return the truth about *page*."""
    told = page.evaluate(TRUTH)
    return msgspec.convert(told, tuple[Thing, ...])


def drawn(page: Page, design: Design, kind: Kind) -> None:
    """Draw one screen, plant a change of *kind*, draw it again, and write down both."""
    page.set_viewport_size({"width": design.width, "height": design.high})
    page.set_content(pages.page(design))
    before, truth = shot(page), things(page)
    place = planted(page, design, truth, kind)
    after = shot(page)
    screen = Screen(
        name=design.name,
        width=before.width,
        height=before.height,
        theme=design.theme,
        language=design.language,
        elements=truth,
        change=Change(kind, differing(before, after, place)),
    )
    saved(screen, before)
    after.save(screen.changed_path, optimize=True)


def planted(page: Page, design: Design, truth: tuple[Thing, ...], kind: Kind) -> Box:
    """Change one thing on *page*; return what holds where it was and where it is."""
    fit = [at for at, thing in enumerate(truth) if fits(thing, kind)]
    at = random.Random(f"{design.name} {kind}").choice(fit)
    words = next((thing.text for thing in truth if replaces(thing, truth[at])), "Other")
    told: list[list[int]] = page.evaluate(CHANGES, [at, kind, words])
    was, now = Box(*told[0]), Box(*told[-1])
    return now if kind == "added" else was.around(now)


def fits(thing: Thing, kind: Kind) -> bool:
    """True if *thing* can be changed that way, and the change be seen."""
    if kind == "reworded":
        return thing.type in {"text", "heading", "button"} and len(thing.text) >= 3
    return thing.type in PLANTED


def replaces(one: Thing, other: Thing) -> bool:
    """True if the words of *one* can stand where those of *other* do, and share none with them."""
    fit = one.type == other.type and 3 <= len(one.text) <= len(other.text)
    return fit and not set(one.text.split()) & set(other.text.split())


def differing(before: Image.Image, after: Image.Image, place: Box) -> Box:
    """Return the hull of what differs within *place*; raise ValueError if more does, or nothing."""
    one, other = (np.asarray(image).astype(np.int16) for image in (before, after))
    if one.shape != other.shape:
        raise ValueError("a change must not make the page longer")
    apart: Mask = np.any(one != other, axis=2)
    within = apart[place.y1 : place.y2, place.x1 : place.x2]
    rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
    if not len(rows) or int(within.sum()) < int(apart.sum()):
        raise ValueError("a change must be where it was planted, and nowhere else")
    return Box(
        place.x1 + int(columns[0]),
        place.y1 + int(rows[0]),
        place.x1 + int(columns[-1]) + 1,
        place.y1 + int(rows[-1]) + 1,
    )


def drawn_tall(page: Page) -> None:
    """Draw the tall page."""
    page.set_viewport_size({"width": tall.WIDE, "height": 1000})
    page.set_content(tall.page())
    image = shot(page)
    screen = Screen(
        name=TALL_NAME,
        width=image.width,
        height=image.height,
        theme="light",
        language="en",
        elements=things(page),
    )
    saved(screen, image)


def saved(screen: Screen, image: Image.Image) -> None:
    """Write picture and truth, the same bytes for the same screen."""
    image.save(screen.path, optimize=True)
    told: dict[str, Any] = msgspec.to_builtins(screen)
    elements = told.pop("elements")
    head = msgspec.json.encode(told).decode()[:-1]
    lines = ",\n".join(msgspec.json.encode(element).decode() for element in elements)
    (DATA / f"{screen.name}.json").write_text(f'{head},"elements":[\n{lines}\n]}}\n')
    print(f"{screen.name}: {screen.width} x {screen.height}, {len(screen.elements)} elements")


def main(names: list[str]) -> None:
    """Draw all screens, or those of *names*."""
    with browser() as page:
        for at, design in enumerate(pages.DESIGNS):
            if not names or design.name in names:
                drawn(page, design, KINDS[at % len(KINDS)])
        if not names or TALL_NAME in names:
            drawn_tall(page)


if __name__ == "__main__":
    main(sys.argv[1:])
