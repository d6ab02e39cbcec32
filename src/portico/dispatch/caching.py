"""Answers that were given before to exactly the same question, given again; and said so."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

import msgspec
from msgspec import Raw

from portico.access.base import Caller
from portico.artifacts.profiles import GENERIC
from portico.chat.pictures import pictures
from portico.dispatch.errands import Errands
from portico.dispatch.eyes import Eyes
from portico.dispatch.idempotency import Claim, Finished, Once, Shelf, Work
from portico.dispatch.journey import Journey
from portico.errors import MalformedRequest

VERSION = "portico.cache/1"
"""Changes with whatever changes what an answer looks like."""
_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})\"?")
_json = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Control:
    """
    What a caller wants of the cache, in the words of `Cache-Control` (RFC 9111 §5.2.1).

    `read`: an answer of before will do, if it is at most `age` seconds old (None: any). `write`:
    this answer may be kept.
    """

    read: bool = True
    write: bool = True
    age: float | None = None

    @property
    def bypass(self) -> bool:
        """True if the cache is neither asked nor told."""
        return not (self.read or self.write)


def control(header: str, *, wanted: bool) -> Control:
    """
    Return what the header `Cache-Control` says; nothing is cached unless it is *wanted*.

    `no-cache` asks anew and keeps the answer, `no-store` leaves the cache alone.
    """
    said = {part.strip().lower() for part in header.split(",")}
    if not wanted or "no-store" in said:
        return Control(read=False, write=False)
    if "no-cache" in said:
        return Control(read=False)
    ages = [int(match[1]) for part in said if (match := _AGE.fullmatch(part))]
    return Control(age=min(ages, default=None))


def wanted(header: str | None, *, otherwise: bool) -> bool:
    """
    Return whether `x-portico-cache` asks for the cache: `on`, `off`, or as it is *otherwise*.

    Raises:
        MalformedRequest: it says something else.
    """
    if header is None:
        return otherwise
    if header.strip().lower() not in ("on", "off"):
        raise MalformedRequest("`x-portico-cache` is on or off.", param="x-portico-cache")
    return header.strip().lower() == "on"


@dataclass(frozen=True, slots=True)
class Question:
    """
    Everything that an answer depends on. Two questions with one `key` are the same.

    `kind` is the endpoint, with its version and whether it streams; `catalog` is the version of
    the roles and targets; `model` whom the caller asked for. `pixels` are hashes of what the
    pictures show, in their order, `fields` everything else, in any order.
    """

    kind: str
    caller: Caller
    catalog: str
    model: str
    fields: object
    pixels: tuple[tuple[str, ...], ...] = ()

    @property
    def key(self) -> bytes:
        """A hash of it all: of the words that are told, and of their places."""
        who = self.caller
        whose = (who.owner, who.key, who.team, _sorted(who.roles), _sorted(who.targets))
        told = (VERSION, self.kind, whose, self.catalog, self.model, self.fields, self.pixels)
        return hashlib.sha256(_json(told)).digest()


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


async def chat_question(journey: Journey, catalog: str, eyes: Eyes | None) -> Question | None:
    """
    Return the question that a chat is; None where a picture of it cannot be told again.

    Raises:
        CallerError: a picture cannot be taken.
    """
    request = journey.request
    shown: list[tuple[str, ...]] = []
    stand_ins: dict[str, str] = {}
    for number, link in enumerate(pictures(request.messages).values()):
        if eyes is None:
            return None
        look = await eyes.look(journey, link, GENERIC)
        shown.append(look.pixels)
        stand_ins.setdefault(link.url, f"picture {number}: {' '.join(look.pixels)}")
    fields = {name: _plain(value, stand_ins) for name, value in request.fields.items()}
    told = {"fields": fields, "task": request.task}
    return Question("chat/whole", journey.caller, catalog, request.model, told, tuple(shown))


def _plain(value: Raw, stand_ins: dict[str, str]) -> object:
    return _replaced(msgspec.json.decode(value), stand_ins) if bytes(value) else None


def _replaced(value: object, stand_ins: dict[str, str]) -> object:
    """Return *value* with what a picture shows in place of the way in which it came."""
    if isinstance(value, str):
        return stand_ins.get(value, value)
    if isinstance(value, list):
        return [_replaced(one, stand_ins) for one in value]
    if isinstance(value, dict):
        return {name: _replaced(one, stand_ins) for name, one in value.items()}
    return value


class Answers(Shelf):
    """A shelf for whole, good answers only; it knows how old each is, and for which request."""

    def __init__(self, window: float, most: int, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(window, most, clock)
        self._now = clock
        self._since: dict[bytes, float] = {}

    def keep(self, claim: Claim, finished: Finished) -> None:
        """Keep *finished* if it is whole: a 200 that nobody marked as less than that."""
        if finished.status == 200 and KEEP in finished.headers:
            super().keep(claim, finished)
            self._since[claim.key] = self._now()
            if len(self._since) > 2 * len(self._kept) + 64:
                known = {key for _, key in self._kept}
                self._since = {key: at for key, at in self._since.items() if key in known}

    def age(self, claim: Claim) -> float:
        """Return for how many seconds the answer has been kept."""
        return self._now() - self._since.get(claim.key, self._now())

    def purge(self, request: str | None = None) -> int:
        """Forget every answer, or that which was given to one request; return how many."""
        names = [
            name
            for name, kept in self._kept.items()
            if request is None or (ORIGIN, request.encode()) in kept.finished.headers
        ]
        for name in names:
            self._drop(name)
        return len(names)


ORIGIN = b"x-portico-cached-from"
"""The request that an answer was first given to."""
KEEP = (b"x-portico-cache", b"miss")
"""What bears it is whole, and was made for the cache."""
SIMILAR = (b"x-portico-cache", b"similar")
"""What bears it was first given to the same question in other words."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, whether it was there before, and for how many seconds."""

    finished: Finished
    hit: bool
    age: float = 0.0


class Watches(Protocol):
    """Whoever looks on at what the cache had no answer for."""

    def observe(self, journey: Journey, catalog: str, key: bytes) -> None:
        """Take note of what was answered, and under which key. Sync, never waits."""
        ...

    async def find(self, journey: Journey, catalog: str) -> bytes | None:
        """Return the key of an answer that will do, if any may be given to other words."""
        ...

    def clear(self) -> None:
        """Forget every question."""
        ...


class Cache:
    """Answers by question: each worked on once at a time, and kept if it is whole."""

    def __init__(self, answers: Answers, errands: Errands, *, analyses: bool = True) -> None:
        self.answers = answers
        self.analyses = analyses
        self.likely: Watches | None = None
        self._once = Once(answers, errands)

    async def similar(self, journey: Journey, catalog: str, wish: Control) -> Finished | None:
        """Return the answer to the same question in other words, where that may be given."""
        key = await self.likely.find(journey, catalog) if self.likely and wish.read else None
        if key is None:
            return None
        claim = Claim(journey.caller.owner, key, key)
        there, age = self.answers.find(claim), self.answers.age(claim)
        if there is None or (wish.age is not None and age > wish.age):
            return None
        kept = tuple(one for one in there.headers if one != KEEP)
        return replace(there, headers=(*kept, SIMILAR, (b"age", str(int(age)).encode())))

    def clear(self) -> None:
        """Forget what is only watched; answers are `answers`' own."""
        if self.likely is not None:
            self.likely.clear()

    async def answer(self, question: Question, wish: Control, work: Work) -> Given:
        """
        Return the answer to *question*; *work* makes it where there is none that will do.

        Whoever asks the same meanwhile waits for it. What is not whole is given, and not kept.
        """
        claim = Claim(question.caller.owner, question.key, question.key)
        there = self.answers.find(claim)
        if there is not None:
            age = self.answers.age(claim)
            if wish.read and (wish.age is None or age <= wish.age):
                return Given(there, True, age)
            self.answers.forget(claim)
        finished, waited = await self._once.answer(claim, work)
        return Given(finished, waited)


def told(given: Given) -> Sequence[tuple[bytes, bytes]]:
    """Return the headers that say how an answer came to be."""
    if SIMILAR in given.finished.headers:
        return (SIMILAR, *(one for one in given.finished.headers if one[0] == b"age"))
    if not given.hit:
        return ()
    return ((b"x-portico-cache", b"hit"), (b"age", str(int(given.age)).encode()))
