"""Screens that differ as screens do: by layout, colours, and what is written on them."""

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

SUBJECTS = [
    "login",
    "checkout",
    "profile",
    "settings",
    "dashboard",
    "invoice",
    "calendar",
    "inbox",
    "search",
    "gallery",
    "onboarding",
    "pricing",
    "report",
    "map",
    "player",
    "editor",
    "chat",
    "survey",
    "wishlist",
    "booking",
]
PARTS = [
    "sidebar",
    "table",
    "chart",
    "carousel",
    "modal",
    "banner",
    "toolbar",
    "tabs",
    "accordion",
    "stepper",
    "breadcrumb",
    "avatar",
    "slider",
    "toggle",
    "dropdown",
    "footer",
    "card",
    "timeline",
    "badge",
    "tooltip",
]
MOODS = [
    "dark",
    "light",
    "pastel",
    "neon",
    "corporate",
    "playful",
    "minimal",
    "dense",
    "rounded",
    "flat",
]
TRADES = [
    "bakery",
    "hospital",
    "airline",
    "museum",
    "bank",
    "school",
    "gym",
    "hotel",
    "garage",
    "florist",
    "brewery",
    "library",
    "pharmacy",
    "theatre",
    "orchard",
    "marina",
    "printer",
    "studio",
    "market",
    "clinic",
]


@dataclass(frozen=True)
class Screen:
    """A picture as PNG, and what a model might say of it."""

    name: str
    png: bytes
    said: str
    words: tuple[str, ...]


def screen(number: int) -> Screen:
    """Return the screen of that number, always the same one."""
    source = random.Random(number)
    words = tuple(source.choice(of) for of in (SUBJECTS, PARTS, MOODS, TRADES))
    subject, part, mood, trade = words
    said = (
        f"A {mood} {subject} screen for a {trade} with a {part}."
        f" The {part} stands beside the {subject} form number {number}."
    )
    return Screen(f"screen {number}", _png(_drawn(source)), said, words)


def _drawn(source: random.Random) -> Image.Image:
    def colour() -> tuple[int, int, int]:
        return (source.randrange(256), source.randrange(256), source.randrange(256))

    image = Image.new("RGB", (320, 240), colour())
    draw = ImageDraw.Draw(image)
    for _ in range(source.randrange(6, 14)):
        x, y = source.randrange(280), source.randrange(200)
        draw.rectangle((x, y, x + source.randrange(20, 120), y + source.randrange(8, 90)), colour())
    return image


def altered(png: bytes, number: int) -> bytes:
    """Return the screen as somebody else would have it: smaller, as JPEG, with a dialog on it."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.resize((256 + number % 40, 200))
    ImageDraw.Draw(image).rectangle((100, 60, 150, 90), (250, 250, 250))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
