"""Thumbs fetched from Open WebUI: its list of feedback is read again and again."""

import asyncio
import logging
import re
import time
from collections import Counter
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from portico.egress.clients import Client, EgressError, HTTPRequest
from portico.errors import StoreUnavailable
from portico.traces.base import Thumb
from portico.traces.thumbs import Fate, Rating, Thumbs

log = logging.getLogger(__name__)

LIST = "/api/v1/evaluations/feedbacks/list?order_by=updated_at&direction=desc&page="
"""Newest first, 30 a page, and without the chats: those are in its export only."""

MOST_PAGES = 200
OVERLAP = 600.0
"""Seconds that are read again each time: a thumb may be faster than its request's trace."""

LARGEST = 4_000_000
"""Bytes of a page."""

THUMBS = {1: Thumb.UP, -1: Thumb.DOWN, "1": Thumb.UP, "-1": Thumb.DOWN}

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,63}")


class Trouble(Exception):
    """Feedback could not be read; says why, and what to do."""


class _Data(Struct):
    rating: int | str | None = None
    reason: str | None = None


class _Meta(Struct):
    chat_id: str | None = None
    message_id: str | None = None


class _Item(Struct):
    updated_at: float
    data: _Data | None = None
    meta: _Meta | None = None


class _Page(Struct):
    items: list[Raw]


@dataclass(frozen=True, slots=True)
class Front:
    """An Open WebUI: its address without a trailing slash, an admin's key; times are seconds."""

    url: str
    key: str
    every: float = 60.0
    within: float = 20.0


@dataclass(frozen=True, slots=True)
class Polled:
    """How the last look went: `at` is in epoch seconds, None before the first one."""

    at: float | None = None
    joined: int = 0
    unknown: int = 0  # of requests that are not kept
    waiting: int = 0  # for the store
    unread: int = 0  # of a form that is not known
    trouble: str = ""


class Polling:
    """Reads the feedback of *front* through *client*, and hands what is new to *thumbs*."""

    def __init__(self, client: Client, front: Front, thumbs: Thumbs) -> None:
        self.front = front
        self.last = Polled()
        self._client = client
        self._thumbs = thumbs
        self._since = 0.0

    async def run(self) -> None:
        """Look now and again and again, until cancelled."""
        while True:
            try:
                await self.once()
            except Exception:  # supervisor: without it no thumb would come any more
                log.exception("reading the thumbs of Open WebUI failed and is tried again")
            await asyncio.sleep(self.front.every)

    async def once(self) -> Polled:
        """Look once, and return how that went; what did not go well is looked at again."""
        counts, trouble = Counter[str](), ""
        try:
            newest = await self._read(counts)
        except (Trouble, StoreUnavailable) as exc:
            trouble = str(exc)
        else:
            self._since = max(self._since, newest - OVERLAP)
        self._tell(
            Polled(
                time.time(),
                joined=counts[Fate.JOINED],
                unknown=counts[Fate.UNKNOWN],
                waiting=counts[Fate.WAITING],
                unread=counts["unread"],
                trouble=trouble,
            )
        )
        return self.last

    def _tell(self, polled: Polled) -> None:
        before, self.last = self.last.trouble, polled
        if polled.trouble and polled.trouble != before:
            log.warning("no thumbs come from Open WebUI: %s", polled.trouble)
        elif before and not polled.trouble:
            log.info("thumbs come from Open WebUI again")

    async def _read(self, counts: Counter[str]) -> float:
        """Join everything that is newer than what is known; return when the newest was given."""
        newest = 0.0
        for number in range(1, MOST_PAGES + 1):
            items = await self._page(number)
            for raw in items:
                item = _item(raw)
                if item is None:
                    counts["unread"] += 1
                    continue
                if item.updated_at < self._since:
                    return newest
                newest = max(newest, item.updated_at)
                if (rating := rating_of(item)) is not None:
                    fate, _ = await self._thumbs.take(rating)
                    counts[fate if fate is not Fate.OLDER else "joined"] += 1
            if not items:
                break
        return newest

    async def _page(self, number: int) -> list[Raw]:
        key = {"authorization": f"Bearer {self.front.key}", "accept-encoding": "identity"}
        asked = HTTPRequest(f"{self.front.url}{LIST}{number}", key, method="GET")
        try:
            async with asyncio.timeout(self.front.within), self._client.send(asked) as answer:
                status, body = answer.status, await answer.read(LARGEST)
        except TimeoutError:
            raise Trouble(f"it did not answer within {self.front.within:g} s") from None
        except EgressError as exc:
            raise Trouble(f"it cannot be reached: {exc}") from exc
        if status in (401, 403):
            raise Trouble(
                f"it refuses the key (status {status}): `feedback.api_key` has to be an admin's"
                " API key, and API keys have to be allowed in its settings"
            )
        if status != 200:
            raise Trouble(f"it answers with status {status}")
        try:
            return msgspec.json.decode(body, type=_Page).items
        except msgspec.MsgspecError:
            raise Trouble(
                "what answers has no list of feedback as Open WebUI 0.12.4 does: is `feedback.url`"
                " its address?"
            ) from None


def _item(raw: Raw) -> _Item | None:
    try:
        return msgspec.json.decode(raw, type=_Item)
    except msgspec.MsgspecError:
        return None


def rating_of(item: _Item) -> Rating | None:
    """Return the rating that *item* is; None where it rates no message of a chat."""
    data, meta = item.data or _Data(), item.meta or _Meta()
    if data.rating not in THUMBS or not meta.chat_id or not meta.message_id:
        return None
    why = data.reason if data.reason and _WORD.fullmatch(data.reason) else None
    return Rating(
        thumb=THUMBS[data.rating],
        at=item.updated_at,
        chat=meta.chat_id,
        message=meta.message_id,
        why=why,
    )
