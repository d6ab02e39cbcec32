"""What is asked of an embedding target, and what comes back. Pure values."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from portico.chat.reply import Usage

type Vector = Sequence[float]
type Tokens = list[int]
type Inputs = list[str] | list[Tokens]

MOST_INPUTS = 2048
"""Texts of one request; OpenAI takes as many."""


class EmbedRequest(Struct, frozen=True):
    """
    Texts, or the token ids of texts, that are to become vectors, in their order.

    `dimensions` is how many numbers a vector is to have; None: as many as the model makes.
    """

    model: str
    input: Inputs
    dimensions: Annotated[int, Meta(ge=1, le=65_536)] | None = None

    @property
    def texts(self) -> list[str] | None:
        """The texts, or None where only their tokens are known."""
        texts = [one for one in self.input if isinstance(one, str)]
        return texts if len(texts) == len(self.input) else None

    @property
    def tokens(self) -> int:
        """A lower bound of the tokens of the longest text: five characters or more are one."""
        return max(len(one) // 5 if isinstance(one, str) else len(one) for one in self.input)


class Embedded(Struct, frozen=True):
    """One vector for each input, in the same order; `usage` is None where nobody counted."""

    vectors: list[list[float]]
    usage: Usage | None = None


def added(parts: Sequence[Embedded]) -> Embedded:
    """Return the answers to the *parts* of one request as the answer to all of it."""
    counts = [part.usage.input for part in parts if part.usage is not None]
    usage = Usage(input=sum(counts)) if len(counts) == len(parts) else None
    return Embedded([vector for part in parts for vector in part.vectors], usage)
