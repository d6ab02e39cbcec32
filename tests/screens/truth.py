"""What is known about a drawn screen."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from msgspec import Struct

from portico.vision.elements import Box

TALL_NAME = "tall"
DATA = Path(__file__).with_name("data")


class Thing(Struct, frozen=True, kw_only=True):
    """
    One element as the page has it. `box` is in pixels of the picture, rounded outward.

    `size` is that of the font, in pixels; `ink` and `ground` are the computed colours, `#rrggbb`,
    `ground` None where it is not flat. All three are None where nothing is written.
    """

    type: str
    label: str
    text: str
    box: Box
    interactive: bool
    size: float | None = None
    ink: str | None = None
    ground: str | None = None


type Kind = Literal["moved", "recoloured", "added", "removed", "reworded"]


class Change(Struct, frozen=True):
    """One planted change; `box` is the hull of every pixel that differs."""

    kind: Kind
    box: Box


class Screen(Struct, frozen=True, kw_only=True, dict=True):
    """One screen: its picture, its truth, and a second picture of it with one change."""

    name: str
    width: int
    height: int
    theme: str
    language: str
    elements: tuple[Thing, ...]
    change: Change | None = None

    @property
    def path(self) -> Path:
        """The picture, a PNG."""
        return DATA / f"{self.name}.png"

    @property
    def changed_path(self) -> Path:
        """The picture with the change."""
        return DATA / f"{self.name}.changed.png"

    @cached_property
    def content(self) -> bytes:
        """The bytes of the picture."""
        return self.path.read_bytes()
