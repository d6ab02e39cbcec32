"""What the simulated models say. Pure: the same question always gets the same answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec

from portico.simulator.questions import Picture, Question, Turn, tokens
from portico.simulator.schema import instance

QUOTED = 60
"""Characters of the question, or of a tool's result, that an answer repeats."""

LISTED = 6
"""Tools that an answer names: a chat UI offers forty."""

WORDS = ("simulated", "words", "follow", "each", "other", "until", "there", "are", "enough")

SAY = re.compile(r"SAY: (.*)")
LONG = re.compile(r"\bLONG (\d{1,6})\b")
DELAY = re.compile(r"\bDELAY (\d+)\b")
CACHED = re.compile(r"\bCACHED (\d+)\b")
PIECE = re.compile(r"\S+\s*|\s+")
ADDED = re.compile(r"<attached_files>.*?</attached_files>|^### Task:.*</context>", re.DOTALL)
"""What Open WebUI writes around a person's words; they name no tool."""
NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
CONTINUE = "continue from exactly"


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A function the model wants called."""

    name: str
    arguments: dict[str, Any]

    @property
    def json(self) -> str:
        """The arguments as JSON text."""
        return msgspec.json.encode(self.arguments).decode()

    @property
    def tokens(self) -> int:
        """What writing this call costs."""
        return tokens(self.name) + tokens(self.json)


@dataclass(frozen=True)
class Answer:
    """
    One answer, `count` times over, and what it costs.

    `finish` is stop, length or tool_calls. `delay` is in seconds, between two deltas. `shown` says
    that the caller gets to read the reasoning. The counts are exact: they are the same however
    the answer is delivered.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolUse, ...] = ()
    finish: str = "stop"
    delay: float = 0.0
    count: int = 1
    input: int = 1
    pictures: int = 0
    cached: int = 0
    shown: bool = False

    @cached_property
    def thoughts(self) -> int:
        """Tokens of reasoning, of all choices."""
        return tokens(self.reasoning) * self.count

    @cached_property
    def visible(self) -> int:
        """Tokens of text and calls, of all choices."""
        return (tokens(self.text) + sum(call.tokens for call in self.calls)) * self.count

    @property
    def output(self) -> int:
        """Tokens that are billed as output: reasoning included."""
        return self.thoughts + self.visible


def answer(question: Question) -> Answer:
    """Return what the simulated model answers to *question*."""
    asked = question.asked
    base = Answer(
        reasoning=_reasoning(question) if question.thinks else "",
        delay=_number(DELAY, asked) / 1000,
        count=question.count,
        input=question.input,
        pictures=question.picture_tokens,
        shown=question.shows,
        cached=min(_number(CACHED, asked), question.input),
    )
    if calls := tuple(_calls(question)):
        return replace(base, calls=calls, finish="tool_calls")
    text, finish = _bounded(_composed(question), question)
    return replace(base, text=text, finish=finish)


def pieces(text: str) -> list[str]:
    """Cut *text* into word-sized deltas, which joined give it back."""
    return PIECE.findall(text)


def _calls(question: Question) -> Iterator[ToolUse]:
    """Call what is forced; else what the user's words name; nothing after a tool's result."""
    last = question.turns[-1] if question.turns else Turn("user")
    if question.choice == "none" or last.speaker != "user":
        return
    offers = [one for one in question.offers if not question.named or one.name in question.named]
    said = SAY.search(last.text) is not None
    words = ADDED.sub("", last.text)
    meant = [one for one in offers if not said and _mentions(words, one.name)]
    if question.choice == "required":
        meant = meant or offers
    if "parallel" not in last.text.lower():
        meant = meant[:1]
    for one in meant:
        arguments = instance(one.parameters) if one.parameters else {}
        yield ToolUse(one.name, arguments if isinstance(arguments, dict) else {})


def _mentions(text: str, name: str) -> bool:
    parts = {part.lower() for part in NAME_PART.findall(name) if len(part) >= 4}
    return not parts.isdisjoint(re.findall(r"[^\W\d_]+", text.lower()))


def _composed(question: Question) -> str:
    """The whole answer, minus what the assistant is said to have written already."""
    begun, rest = _begun(question)
    whole = _whole(rest)
    return whole.removeprefix(begun) if begun else whole


def _begun(question: Question) -> tuple[str, Question]:
    """Split off the answer that is to be continued: a prefill, or a rescue's instruction."""
    turns = question.turns
    if len(turns) > 1 and CONTINUE in turns[-1].text.lower() and turns[-2].speaker == "assistant":
        turns = turns[:-1]
    if not turns or turns[-1].speaker != "assistant":
        return "", question
    return turns[-1].text, replace(question, turns=turns[:-1])


def _whole(question: Question) -> str:
    asked = question.asked
    after_tool = bool(question.turns) and question.turns[-1].speaker == "tool"
    if (said := SAY.search(asked)) and not after_tool:
        return said[1]
    if (count := _number(LONG, asked)) and not after_tool:
        return " ".join(WORDS[index % len(WORDS)] for index in range(count))
    if question.shape is not None:
        return msgspec.json.encode(_shaped(question)).decode()
    return f"[simulated {question.model}] {' '.join(_seen(question))}"


def _shaped(question: Question) -> Any:
    if question.shape:
        return instance(question.shape)
    return {"answer": f"[simulated {question.model}] {' '.join(_seen(question))}"}


def _seen(question: Question) -> Iterator[str]:
    asked = question.asked
    count = len(question.turns)
    yield f"I see {count} turn{'' if count == 1 else 's'}."
    yield f'The last user message has {len(asked)} characters: "{_quoted(ADDED.sub("", asked))}".'
    for index, picture in enumerate(question.pictures, 1):
        yield f"Picture {index}: {_looks(picture)}."
    if question.offers:
        names = [offer.name for offer in question.offers]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        yield f"Tools offered: {', '.join(names[:LISTED])}{more}."
    for turn in question.turns:
        if turn.speaker == "tool":
            yield f'A tool answered: "{turn.text[:QUOTED]}".'


def _looks(picture: Picture) -> str:
    dimensions = f"{picture.width} x {picture.height} pixels" if picture.width else "size unknown"
    return f"{picture.mime}, {dimensions}"


def _reasoning(question: Question) -> str:
    return f'Thinking it over: "{_quoted(question.asked)}".'


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTED else flat[: QUOTED - 1] + "…"


def _bounded(text: str, question: Question) -> tuple[str, str]:
    """Cut at the first stop sequence and at the limit; say how it ended."""
    found = [at for stop in question.stops if stop and (at := text.find(stop)) >= 0]
    if found:
        text = text[: min(found)]
    if question.limit is not None and tokens(text) > question.limit:
        return text[: question.limit * 4], "length"
    return text, "stop"


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0
