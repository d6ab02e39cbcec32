"""What a designer does in Open WebUI, and sees."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page, expect

PATIENCE = 60_000.0
"""Milliseconds: a browser, Open WebUI and Portico share two busy cores here."""

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat page of somebody who is logged in; `album` is where pictures of it are kept."""

    page: Page
    url: str
    album: Path

    async def new(self, model: str) -> None:
        """Begin a chat with *model*."""
        await self.page.goto(f"{self.url}/?models={model}")
        await self.page.wait_for_selector("#chat-input")
        await expect(self.page.get_by_label(f"Selected model: {model}")).to_be_visible()

    async def say(self, text: str) -> None:
        """Write *text* and send it."""
        await self.page.click("#chat-input")
        await self.page.keyboard.insert_text(text)
        await self.page.keyboard.press("Enter")

    async def attach(self, file: Path) -> None:
        """Drop a picture, and wait until it is there."""
        chooser = self.page.locator("input[type=file]:not([capture])").first
        await chooser.set_input_files(file)
        await self.page.wait_for_timeout(1500)

    @property
    def answer(self) -> Locator:
        """The last answer."""
        return self.page.locator(".chat-assistant").last

    async def done(self) -> None:
        """Wait until the answer is complete: then it can be asked for again."""
        await expect(self.page.get_by_label("Regenerate").last).to_be_visible()

    async def again(self) -> None:
        """Ask for another answer."""
        await self.page.get_by_label("Regenerate").last.click()
        choice = self.page.get_by_role("menuitem", name="Try Again")
        await choice.or_(self.page.get_by_text("Try Again")).first.click()

    async def rate(self, label: str) -> None:
        """Press a thumb under the last answer, and wait until it is kept."""
        async with self.page.expect_response(lambda one: "/evaluations/feedback" in one.url):
            await self.page.get_by_label(label).last.click()

    async def stop(self) -> None:
        """Press Stop, a square in a disc: it has no name to ask for."""
        disc = 'path[d^="M2.25 12c0-5.385"]'
        await self.page.locator(f"#message-input-container button:has({disc})").first.click()

    async def show(self, name: str) -> None:
        """Keep a picture of the page."""
        await self.page.screenshot(path=self.album / f"{name}.png")


async def until[T](ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until it *holds*; a test's own timeout ends it otherwise."""
    found = await ask()
    while not holds(found):
        await asyncio.sleep(0.3)
        found = await ask()
    return found
