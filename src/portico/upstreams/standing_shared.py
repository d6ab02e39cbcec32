"""What one process learns about upstreams is known to all: who rests, and what is spent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from portico.shared.sharing import Sharing
from portico.upstreams.quotas import KeptQuota, Quotas
from portico.upstreams.records import KeptRest, Turn, kept, turn_of
from portico.upstreams.standing import Standing

COUNTED = 0.1
"""Seconds for which counts are gathered before others hear of them."""

RESTS, LESSONS, SPENT = "rest ", "limit ", "spent "
"""How the keys of news begin; what they are about follows."""

type Marks = Callable[[], Mapping[str, str]]


class Rest(Struct, frozen=True):
    """A rest as others are told of it; void where *mark* is not that of one's own key."""

    rest: KeptRest
    turn: Turn
    mark: str


class Spent(Struct, frozen=True, array_like=True):
    """What a process has counted since it was last told."""

    project: str
    model: str
    requests: int
    tokens: int


_encoder = msgspec.json.Encoder()
_rests = msgspec.json.Decoder(Rest)
_quotas = msgspec.json.Decoder(KeptQuota)
_spent = msgspec.json.Decoder(Spent)


@asynccontextmanager
async def standing_shared(
    standing: Standing, sharing: Sharing, marks: Marks, *, paths: bool
) -> AsyncIterator[None]:
    """
    Tell others what *standing* learns, and *standing* what others do, until the context ends.

    *marks* as in `standing_kept`. With *paths* the egress paths are the others', too, so that a
    place of ours from which nobody is served is none of theirs, either.
    """
    telling = _Telling(standing, sharing, marks, paths=paths)
    sharing.hear(RESTS, telling.rest_heard)
    sharing.hear(LESSONS, telling.limit_heard)
    sharing.hear(SPENT, telling.spent_heard)
    standing.tell = telling.rest
    standing.quotas.touched = set()
    task = asyncio.create_task(telling.count(), name="shared counts")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        standing.tell, standing.quotas.touched = None, None


class _Telling:
    def __init__(self, standing: Standing, sharing: Sharing, marks: Marks, *, paths: bool) -> None:
        self._standing = standing
        self._sharing = sharing
        self._marks = marks
        self._paths = paths
        self._known: set[str] = set()  # rests that others know of
        self._limits: dict[str, KeptQuota] = {}  # as others know them, without counts

    # -- rests

    def rest(self, about: str) -> None:
        """Tell how it is with *about*, if that is news."""
        record = self._standing.record(about)
        if record is None or not record.resting:
            if about in self._known:
                self._known.discard(about)
                self._sharing.say(RESTS + about, None)
            return
        if about.startswith("path ") and not self._paths:
            return
        self._known.add(about)
        mark = self._marks().get(record.upstream, "")
        told = Rest(kept(record), turn_of(record), mark)
        self._sharing.say(RESTS + about, _encoder.encode(told).decode())

    def rest_heard(self, key: str, value: str | None) -> None:
        """Take what another process has learned."""
        about = key.removeprefix(RESTS)
        if value is None:
            self._known.discard(about)
            self._standing.lifted(about)
            return
        told = _rests.decode(value)
        if self._marks().get(told.rest.upstream, "") == told.mark:
            self._known.add(about)
            self._standing.told(about, told.rest, told.turn, time.time())

    # -- counts and limits

    async def count(self) -> None:
        """Tell others what was counted, now and then, until cancelled."""
        while True:
            await asyncio.sleep(COUNTED)
            quotas = self._standing.quotas
            if quotas.touched:
                self._tell(quotas, quotas.touched)
                quotas.touched = set()

    def _tell(self, quotas: Quotas, touched: set[tuple[str, str]]) -> None:
        kept_now = quotas.keep(time.time())
        for project, model in touched:
            about = f"{project} {model}"
            fresh = Spent(project, model, *quotas.fresh(project, model))
            if fresh.requests or fresh.tokens:
                value = _encoder.encode(fresh).decode()
                self._sharing.say(SPENT + about, value, kept=False)
            limits = _limits(kept_now.get(about))
            if limits != self._limits.get(about):
                self._know(about, limits)
                said = None if limits is None else _encoder.encode(limits).decode()
                self._sharing.say(LESSONS + about, said)

    def _know(self, about: str, limits: KeptQuota | None) -> None:
        if limits is None:
            self._limits.pop(about, None)
        else:
            self._limits[about] = limits

    def limit_heard(self, key: str, value: str | None) -> None:
        """Take the limits that another process was told, or has forgotten."""
        about = key.removeprefix(LESSONS)
        told = None if value is None else _quotas.decode(value)
        if told is not None:
            self._standing.quotas.taught_by(told, time.time())
        elif (before := self._limits.get(about)) is not None:
            self._standing.quotas.forgotten(before)
        self._know(about, told)

    def spent_heard(self, key: str, value: str | None) -> None:
        """Count what another process has counted."""
        if value is not None:
            told = _spent.decode(value)
            spent = told.requests, told.tokens
            self._standing.quotas.counted_by(told.project, told.model, spent, time.time())


def _limits(quota: KeptQuota | None) -> KeptQuota | None:
    return None if quota is None else msgspec.structs.replace(quota, day={})
