"""What a browser makes of the console: when it has drawn a page, and whether it keeps up."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
"""Debian's chromium, with nothing that calls home; the tests start the same."""

MILESTONES = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const files = performance.getEntriesByType("resource");
  const styles = files.filter((one) => one.name.endsWith(".css")).map((one) => one.responseEnd);
  return {
    paint: paint?.startTime ?? 0,
    page: page.responseEnd,
    styles: Math.max(0, ...styles),
    bytes: [page, ...files].reduce((sum, one) => sum + (one.transferSize || 0), 0),
  };
}"""
"""What the browser has noted of a page; asked from outside, for our pages forbid `eval`."""

FRAMES = """() => {
  const seen = window.seenFrames = [];
  const next = (at) => { seen.push(at); requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""

MISSED = """() => {
  const gaps = window.seenFrames.slice(1).map((at, index) => at - window.seenFrames[index]);
  const late = gaps.filter((gap) => gap > 25).length;
  return { frames: gaps.length, late, most: Math.max(...gaps) };
}"""


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def painted(page: Page) -> dict[str, float]:
    """Return the milestones of *page*, in milliseconds and bytes, once it has drawn something."""
    for _ in range(500):
        found: dict[str, float] = page.evaluate(MILESTONES)
        if found["paint"]:
            return found
        time.sleep(0.02)
    raise RuntimeError("The page draws nothing.")


def paints(url: str, rounds: int) -> None:
    """Print when a browser that was never here has drawn the first of a page, and what it took."""
    if not CHROMIUM.exists():
        print("first paint: not measured, there is no chromium")
        return
    pages = {"one word": "/healthz", "Requests": "/console/requests", "Now": "/console"}
    told: dict[str, list[dict[str, float]]] = {name: [] for name in pages}
    with browsing() as browser:
        for _ in range(rounds):
            for name, path in pages.items():
                with browser.new_context() as context:
                    page = context.new_page()
                    page.goto(url + path, wait_until="load")
                    told[name].append(painted(page))
    print(f"\n{'first paint':<20}{'median ms':>10}{'least':>8}{'page':>8}{'styles':>8}{'KB':>8}")
    for name, seen in told.items():
        middle = {key: statistics.median(one[key] for one in seen) for key in seen[0]}
        print(
            f"{name:<20}{middle['paint']:>10.0f}{min(one['paint'] for one in seen):>8.0f}"
            f"{middle['page']:>8.0f}{middle['styles']:>8.0f}{middle['bytes'] / 1000:>8.1f}"
        )


@contextmanager
def watching(address: str, what: str) -> Iterator[None]:
    """Keep a page open in a browser meanwhile; print which of its frames came late."""
    if not CHROMIUM.exists():
        yield
        return
    with browsing() as browser:
        page = browser.new_page()
        page.goto(address)
        page.evaluate(FRAMES)
        yield
        told = page.evaluate(MISSED)
    share = told["late"] / told["frames"] * 100
    print(
        f"{what}: {told['frames']} frames, {share:.1f} % of them late, the latest after "
        f"{told['most']:.0f} ms"
    )
