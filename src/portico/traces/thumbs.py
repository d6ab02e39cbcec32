"""What people thought of answers: joined to the traces of their requests, or waiting for that."""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.errors import StoreUnavailable
from portico.traces.base import Card, Thumb, TraceQuery
from portico.traces.desk import Desk

logger = logging.getLogger(__name__)

MOST = 10_000
"""Ratings that may wait."""

PAUSE = 5.0
"""Seconds between two looks at what waits."""

WITHIN = 5.0
"""Seconds that the join of one rating may take."""


class Rating(Struct, frozen=True, kw_only=True):
    """
    What somebody thought of an answer at `at` (epoch seconds); `thumb` None takes it back.

    The answer is that of `request`, or the one that a front end shows as `message` of `chat`.
    `caller` is the key whose requests alone are meant, None for anybody's. `why` is a front end's
    word for the reason; what a person wrote stays in the front end.
    """

    thumb: Thumb | None
    at: float
    request: str | None = None
    chat: str | None = None
    message: str | None = None
    why: str | None = None
    caller: str | None = None


class Fate(StrEnum):
    """What became of a rating."""

    JOINED = "joined"
    OLDER = "older"  # a later one is there: nothing changes
    UNKNOWN = "unknown"  # no trace of such a request is kept
    WAITING = "waiting"  # the store is away


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    A folder of ratings whose store is away, one file for each answer; the latest of each counts.

    All processes of an installation share it: a rating that is joined twice is joined once.
    """

    directory: Path

    def put(self, rating: Rating) -> bool:
        """Keep *rating*; False where there is no room. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.directory / f"{_mark(rating)}.json"
        known = self.read(file)
        if known is None and len(self.files()) >= MOST:
            return False
        if known is None or known.at <= rating.at:
            draft = file.with_suffix(f".{os.getpid()}.draft")
            with open(draft, "wb", opener=_private) as opened:
                opened.write(msgspec.json.encode(rating))
            draft.replace(file)
        return True

    def files(self) -> Sequence[Path]:
        """Return what waits."""
        return sorted(self.directory.glob("*.json"))

    def read(self, file: Path) -> Rating | None:
        """Return the rating in *file*; None if another process was faster, or it is damaged."""
        try:
            return msgspec.json.decode(file.read_bytes(), type=Rating)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            logger.error("a rating that waited cannot be read and is deleted")
            file.unlink(missing_ok=True)
            return None

    def remove(self, file: Path, rating: Rating) -> None:
        """Forget *rating*, unless a later one took its place meanwhile."""
        if self.read(file) == rating:
            file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Thumbs:
    """Takes ratings; each answer has one at a time, the latest that was given."""

    desk: Desk
    waiting: Waiting

    async def take(self, rating: Rating) -> tuple[Fate, Card | None]:
        """
        Join *rating*, or keep it until the store is back.

        Raises:
            StoreUnavailable: the store is away, and there is no room to wait in.
        """
        try:
            return await self.join(rating)
        except StoreUnavailable:
            await self._wait(rating)
            return Fate.WAITING, None

    async def join(self, rating: Rating) -> tuple[Fate, Card | None]:
        """Join *rating* now; raises StoreUnavailable where the store is away."""
        try:
            async with asyncio.timeout(WITHIN):
                return await self._joined(rating)
        except TimeoutError as exc:
            raise StoreUnavailable("The traces do not answer.", retry_after=PAUSE) from exc

    async def _joined(self, rating: Rating) -> tuple[Fate, Card | None]:
        card = await self._meant(rating)
        if card is None:
            return Fate.UNKNOWN, None
        at = min(rating.at, time.time())  # a clock that is ahead is not believed for ever
        if card.thumbed is not None and card.thumbed > at:
            return Fate.OLDER, card
        if (card.thumb, card.thumbed, card.thumb_why) == (rating.thumb, at, rating.why):
            return Fate.JOINED, card
        told = await self.desk.thumb(card, rating.thumb, at, rating.why)
        return (Fate.OLDER, card) if told is None else (Fate.JOINED, told)

    async def _meant(self, rating: Rating) -> Card | None:
        """Of several requests behind one message (tools) the last made the answer."""
        if rating.request is not None:
            found = await self.desk.find(rating.request)
            card = found.card if found else None
            theirs = card is not None and rating.caller in (None, card.caller)
            return card if theirs else None
        query = TraceQuery(chat=rating.chat, message=rating.message, caller=rating.caller)
        cards = await self.desk.cards(query)
        if not cards and await self.desk.fetched():
            cards = await self.desk.cards(query)
        return next((card for card in cards if not card.task), None)

    async def _wait(self, rating: Rating) -> None:
        try:
            kept = await asyncio.to_thread(self.waiting.put, rating)
        except OSError as exc:
            logger.error("a rating cannot wait on this disk: %s", exc.strerror)
            kept = False
        if not kept:
            raise StoreUnavailable(
                "The traces are away, and nothing more can wait.", retry_after=PAUSE
            )

    async def keep_joining(self, pause: float = PAUSE) -> None:
        """Join what waits, again and again, until cancelled."""
        while True:
            try:
                await self.join_waiting()
            except (StoreUnavailable, OSError):
                pass  # they go on waiting
            except Exception:  # supervisor: without it none of them would be joined any more
                logger.exception("joining the ratings that wait failed and is tried again")
            await asyncio.sleep(pause)

    async def join_waiting(self) -> int:
        """Join what waits, and return how many were; raises StoreUnavailable, OSError."""
        joined = 0
        for file in await asyncio.to_thread(self.waiting.files):
            rating = await asyncio.to_thread(self.waiting.read, file)
            if rating is None:
                continue
            fate, _ = await self.join(rating)
            if fate is Fate.UNKNOWN:
                logger.warning("a rating that waited is of a request that is not kept")
            joined += fate is Fate.JOINED
            await asyncio.to_thread(self.waiting.remove, file, rating)
        return joined


def _mark(rating: Rating) -> str:
    about = (rating.caller, rating.request, rating.chat, rating.message)
    return blake2b(msgspec.json.encode(about), digest_size=16).hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
