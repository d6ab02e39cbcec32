"""What any dialect's request asks for, in one shape that `answers` understands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

type JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it arrived; 0 x 0 where the header could not be read or it was only a link."""

    mime: str
    width: int = 0
    height: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn; `speaker` is system, user, assistant or tool (a tool's result)."""

    speaker: str
    text: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A function the caller offers, with the JSON Schema of its arguments."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """
    One request, read.

    `choice` is auto, none or required, and `named` narrows which functions may be called.
    `shape` is the JSON Schema the answer must satisfy ({} for any object). `limit` is in tokens.
    `thinks` says that reasoning happens, `shows` that the caller gets to see it.
    """

    model: str
    turns: tuple[Turn, ...]
    offers: tuple[Offer, ...] = ()
    choice: str = "auto"
    named: frozenset[str] = frozenset()
    shape: Mapping[str, Any] | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()
    count: int = 1
    thinks: bool = False
    shows: bool = False

    @property
    def asked(self) -> str:
        """The text of the last user turn."""
        return next((turn.text for turn in reversed(self.turns) if turn.speaker == "user"), "")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture of the conversation, in order."""
        return tuple(picture for turn in self.turns for picture in turn.pictures)

    @property
    def text_tokens(self) -> int:
        """What the words and the tools cost to read."""
        tools = sum(tokens(offer.name) + tokens(str(offer.parameters)) for offer in self.offers)
        return max(1, sum(tokens(turn.text) for turn in self.turns) + tools)

    @property
    def picture_tokens(self) -> int:
        """What the pictures cost to look at."""
        return sum(picture.tokens for picture in self.pictures)

    @property
    def input(self) -> int:
        """Tokens of the whole prompt."""
        return self.text_tokens + self.picture_tokens


def tokens(text: str) -> int:
    """Estimate the tokens of *text*: a quarter of its characters, rounded up."""
    return quarter(len(text))


def quarter(characters: int) -> int:
    """Return the tokens that so many characters are taken for."""
    return -(-characters // 4)
