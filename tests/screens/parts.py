"""What pages are put together from: their words, elements, bars, fields and rows."""

import random
from dataclasses import dataclass
from html import escape

from tests.screens.words import LANGUAGES, Words


@dataclass(frozen=True, slots=True)
class Design:
    """What one screen is to be. `high` is the least height; what is longer makes it grow."""

    kind: str
    width: int
    high: int
    theme: str
    language: str
    rows: int = 6

    @property
    def name(self) -> str:
        """Its files' name."""
        return f"{self.kind}-{self.width}-{self.theme}-{self.language}"


class Text:
    """Words and numbers, the same for the same design."""

    def __init__(self, design: Design) -> None:
        self.chance = random.Random(design.name)
        self.words: Words = LANGUAGES[design.language]
        self.rows = design.rows

    def some(self, of: tuple[str, ...], count: int) -> list[str]:
        """Return *count* of them, in a changing order, none twice before all were said."""
        said: list[str] = []
        while len(said) < count:
            said += self.chance.sample(of, min(len(of), count - len(said)))
        return said

    def one(self, of: tuple[str, ...]) -> str:
        """Return one of them."""
        return self.chance.choice(of)

    def money(self) -> str:
        """Return an amount."""
        return f"{self.chance.randrange(3, 980)},{self.chance.randrange(100):02} €"

    def time(self) -> str:
        """Return a time of day."""
        return f"{self.chance.randrange(7, 20)}:{self.chance.randrange(60):02}"


def thing(kind: str, written: str = "", label: str = "", css: str = "") -> str:
    """Return an element: *kind* with *written* on it, called *label*."""
    told = f' data-label="{escape(label)}"' if label else ""
    return f'<div data-e="{kind}" class="{kind} {css}"{told}>{escape(written)}</div>'


def holding(kind: str, label: str, *inner: str, css: str = "") -> str:
    """Return an element that holds others."""
    return (
        f'<div data-e="{kind}" data-label="{escape(label)}" class="{kind} {css}">'
        + "".join(inner)
        + "</div>"
    )


def box(css: str, *inner: str) -> str:
    """Return what only arranges."""
    return f'<div class="{css}">{"".join(inner)}</div>'


def bar(text: Text) -> str:
    """Return the bar at the top of most pages."""
    links = [thing("link", place) for place in text.words.places[:4]]
    return box(
        "bar",
        thing("image", label=text.words.app + " logo", css="mark"),
        thing("heading", text.words.app, css="brand"),
        box("links", *links),
        thing("button", text.one(text.words.actions), css="push"),
    )


def pair(text: Text) -> str:
    """Return two buttons, the first the one that is meant."""
    one, other = text.some(text.words.actions, 2)
    return box("row", thing("button", one), thing("button", other, css="quiet"))


def field(name: str, value: str = "") -> str:
    """Return an input with its name above."""
    return box("field", thing("text", name, css="small"), thing("input", value, label=name))


def ticked(text: str, on: bool) -> str:
    """Return a checkbox with its name beside it."""
    mark = thing("checkbox", label=text, css="on" if on else "")
    return box("row", mark, thing("text", text))
