"""One browser and one gateway for everybody who looks: started once, in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.serving import House, house

MISSING = "no chromium here: `apt-get install chromium` (`.ci/run` does)"
PATIENCE = 20_000
"""Milliseconds that a page may take on a busy machine."""

CANARY = """
window.__hits = [];
window.__hit = (what) => { window.__hits.push(String(what)); };
for (const name of ['alert', 'confirm', 'prompt']) {
  window[name] = () => { window.__hit(name); return true; };
}
"""


@dataclass
class Lived:
    """A gateway that runs in another thread; `do` runs something on its loop."""

    lab: House
    loop: asyncio.AbstractEventLoop

    def do[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@contextmanager
def living(folder: Path, **changes: Any) -> Iterator[Lived]:
    """Keep a house open in a thread of its own: what drives a browser blocks."""
    opened: list[Lived] = []
    ready, done = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def live() -> None:
        try:
            async with house(folder, **changes) as lab:
                opened.append(Lived(lab, asyncio.get_running_loop()))
                ready.set()
                await asyncio.to_thread(done.wait)
        except BaseException as exc:
            failed.append(exc)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    ready.wait(60)
    if failed:
        raise failed[0]
    try:
        yield opened[0]
    finally:
        done.set()
        thread.join(30)


@contextmanager
def page_of(
    browser: Browser, url: str, theme: str = "light", size: tuple[int, int] = (1280, 800)
) -> Iterator[Page]:
    """Open a page in a fresh profile; whatever runs there that should not is in `__hits`."""
    width, height = size
    context = browser.new_context(
        base_url=url,
        color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        locale="en-GB",
        timezone_id="UTC",
    )
    context.add_init_script(CANARY)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        yield page
    finally:
        context.close()
