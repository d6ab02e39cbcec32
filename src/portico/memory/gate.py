"""
Whether two questions ask for the same, in the same order: the gate before an answer of another's.

No cosine tells a question from its opposite. So everything that carries content must be the same on
both sides, one after the other: numbers, colours, versions, names of files, negations, every word
that is not mere politeness. What passes differs in manners only.
"""

import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from portico.chat.request import ChatRequest
from portico.memory.base import Space

MANNERS = frozenset(
    {"a", "an", "the", "please", "kindly", "just", "hey", "hi", "hello", "thanks", "thank", "you"}
    | {"can", "could", "would", "will", "me", "pls", "bitte", "danke", "пожалуйста", "спасибо"}
)
"""Words whose loss changes no question. `not`, `no`, `without`, `to`, `from` are not among them."""
SHORT = tuple(
    (re.compile(short, re.IGNORECASE), long)
    for short, long in (
        (r"\bwon't\b", "will not"),
        (r"\bcan't\b", "can not"),
        (r"n't\b", " not"),
        (r"'re\b", " are"),
        (r"'s\b", " is"),
        (r"'ll\b", " will"),
        (r"'m\b", " am"),
    )
)
_CONTENT = re.compile(
    r"#[0-9a-f]{3,8}\b"  # a colour
    r"|[\w@~-]*[./\\][\w./\\@~-]*\w"  # a file, a path, a version, a domain
    r"|[-+]?\d+(?:[.,:]\d+)*[\w%°]*"  # a number, and its unit
    r"|[^\W_]+(?:[-_][^\W_]+)*"  # a word
    r"|[^\w\s.,;:!?'\"()]",  # a sign that is no punctuation
    re.IGNORECASE,
)


def content(text: str) -> tuple[str, ...]:
    """Return what *text* says, in order, without its manners."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    for short, long in SHORT:
        plain = short.sub(long, plain)
    found = (_folded(one) for one in _CONTENT.findall(plain))
    return tuple(one for one in found if one not in MANNERS)


def _folded(word: str) -> str:
    """Case is content in names of files and in units: 5m is not 5M."""
    exact = not word.startswith("#") and any(sign.isdigit() or sign in "./\\" for sign in word)
    return word if exact else word.casefold()


def passes(one: str, other: str) -> bool:
    """Return whether the answer to *one* may be given to *other*, as far as words can tell."""
    said = content(one)
    return bool(said) and said == content(other)


def alone(request: ChatRequest) -> str | None:
    """
    Return the one thing a request says, or None where its answer depends on more than that.

    Only text, one turn of a user's after at most a system's, no tools, one answer, no task.
    """
    plain = request.tools is None and request.task is None and (request.n or 1) == 1
    *before, last = request.messages
    only = all(message.role in ("system", "developer") for message in before)
    if not plain or not only or last.role != "user" or not isinstance(last.content, str):
        return None
    return last.content


class Pair(Struct, frozen=True):
    """Two questions, and whether one answer serves both, as a person has said."""

    one: str
    other: str
    same: bool


LEAST_PAIRS = 200
"""Pairs that are not the same without which nothing is proved."""
MOST_FALSE = 0.01
"""The bound on false hits, at 95 % of confidence."""


GATE = hashlib.sha256(
    repr((sorted(MANNERS), [(one.pattern, long) for one, long in SHORT], _CONTENT.pattern)).encode()
).hexdigest()[:12]
"""Changes when the gate does: what was measured with another one says nothing of this."""


class Report(Struct, frozen=True, kw_only=True):
    """
    What the *gate* made of labelled pairs, with vectors of *space* and a least *cosine*.

    `bound` is the upper end of the rate of false hits at 95 % of confidence (Clopper and Pearson).
    """

    space: str
    dimensions: int = 0
    gate: str = GATE
    cosine: float
    different: int
    false_hits: int
    same: int
    served: int
    bound: float

    @property
    def good(self) -> bool:
        """True if it proves enough."""
        return self.different >= LEAST_PAIRS and self.bound <= MOST_FALSE


def against(report: Report | None, space: Space) -> str:
    """Return why answers may not be given to questions in other words by *report*; "" if they may.

    *space* is where questions are compared now.
    """
    if report is None:
        return "there is no report of how often a wrong answer would be given"
    if report.gate != GATE:
        return "the report was made with another version of the gate"
    if (report.space, report.dimensions) != (space.made_by, space.dimensions):
        return "the report was made with another embedding model"
    if not report.good:
        told = f"{report.false_hits} false hits in {report.different} pairs that are not the same"
        return f"the report proves too little: {told}, up to {report.bound:.1%} in truth"
    return ""


def judged(pairs: Sequence[Pair], cosines: Sequence[float], space: Space, least: float) -> Report:
    """Return the report on *pairs*, whose vectors have *cosines*."""
    served = [
        cosine >= least and passes(pair.one, pair.other)
        for pair, cosine in zip(pairs, cosines, strict=True)
    ]
    both = list(zip(pairs, served, strict=True))
    different = [hit for pair, hit in both if not pair.same]
    same = [hit for pair, hit in both if pair.same]
    return Report(
        space=space.made_by,
        dimensions=space.dimensions,
        cosine=least,
        different=len(different),
        false_hits=sum(different),
        same=len(same),
        served=sum(same),
        bound=upper(sum(different), len(different)),
    )


def upper(hits: int, of: int, confidence: float = 0.95) -> float:
    """Return the rate that *hits* of *of* do not exceed with that confidence."""
    if hits >= of:
        return 1.0
    low, high = hits / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(hits, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, of: int, rate: float) -> float:
    """Return how likely at most *hits* of *of* are, at that rate."""
    return sum(math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(hits + 1))
