"""Keeps in a file what outlives a restart: a day that is spent stays spent."""

import asyncio
import fcntl
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portico.upstreams.quotas import KeptQuota
from portico.upstreams.records import KeptRest
from portico.upstreams.standing import Standing

log = logging.getLogger(__name__)

SETTLED = 1.0  # seconds between two looks at what has changed
COUNTED = 30.0  # seconds between two writings of mere counts

type Marks = Callable[[], Mapping[str, str]]


class Entry(Struct, frozen=True):
    """
    A rest, or what a project has spent, and since when it is so (epoch seconds).

    `marks` are those of the upstreams that it was learned with: with another key it is void.
    """

    at: float
    marks: dict[str, str]
    what: KeptRest | KeptQuota


class Page(Struct, frozen=True):
    """The whole file."""

    entries: dict[str, Entry] = {}


@asynccontextmanager
async def standing_kept(standing: Standing, path: Path, marks: Marks) -> AsyncIterator[None]:
    """
    Take up what *path* holds; write there what is learned from now on, and all of it at the end.

    *marks* tells, for each upstream, something that changes with its key and does not show it.
    Nobody waits for the file, and whatever is wrong with it is logged and costs no request.
    """
    file = StandingFile(path, standing, marks)
    file.take_up(await asyncio.to_thread(file.read), time.time())
    keeping = asyncio.create_task(file.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping}, timeout=5)
        await file.save(time.time(), every_count=True)


class StandingFile:
    """One process's hand on the file that all processes of an installation share."""

    def __init__(self, path: Path, standing: Standing, marks: Marks) -> None:
        self._path = path
        self._standing = standing
        self._marks = marks
        self._mine: dict[str, Entry] = {}
        self._written = 0.0  # epoch seconds

    def read(self) -> dict[str, Entry]:
        """Return the file's entries; a damaged file is put aside, for a person to look at."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Page).entries
        except FileNotFoundError:
            return {}
        except OSError as exc:
            log.warning("%s cannot be read: %s", self._path.name, exc.strerror)
            return {}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("%s is damaged and is put aside", self._path.name)
            with suppress(OSError):
                self._path.replace(self._path.with_suffix(".unreadable"))
            return {}

    def take_up(self, entries: Mapping[str, Entry], now: float) -> None:
        """Give the standing what is still true of *entries*."""
        marks = self._marks()
        for about, entry in entries.items():
            if not _lives(entry, now) or not entry.marks.items() <= marks.items():
                continue
            self._mine[about] = entry
            if isinstance(entry.what, KeptQuota):
                self._standing.quotas.restore(entry.what, now)
            else:
                self._standing.restore(about, entry.what, now)

    async def keep(self) -> None:
        """Write what changes, a moment after it has changed, until cancelled."""
        while True:
            await asyncio.sleep(SETTLED)
            await self.save(time.time())

    async def save(self, now: float, *, every_count: bool = False) -> None:
        """Write if anything has changed; mere counts only now and then, or with *every_count*."""
        before, after = self._mine, self._entries(now)
        patient = not every_count and now < self._written + COUNTED
        if after == before or (patient and _uncounted(after) == _uncounted(before)):
            return
        dropped = {about: now for about in before if about not in after}
        try:
            await asyncio.to_thread(self._write, after, dropped, now)
        except OSError as exc:
            log.warning("%s cannot be written: %s", self._path.name, exc.strerror)
            return
        self._mine, self._written = after, now

    def _entries(self, now: float) -> dict[str, Entry]:
        """Return what is known now; what has not changed keeps its time."""
        standing, marks = self._standing, self._marks()
        found: dict[str, Entry] = {}
        for about, rest in standing.keep(now).items():
            own = {rest.upstream: marks.get(rest.upstream, "")}
            found[about] = Entry(now, own, rest)
        for about, quota in standing.quotas.keep(now).items():
            own = {name: mark for name, mark in marks.items() if name in quota.names}
            found[f"spent {about}"] = Entry(now, own, quota)
        return {about: _unless_changed(self._mine.get(about), new) for about, new in found.items()}

    def _write(self, mine: Mapping[str, Entry], dropped: Mapping[str, float], now: float) -> None:
        """Merge with what other processes wrote, and replace the file as a whole."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "wb", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            page = Page(merged(self.read(), mine, dropped, now))
            draft = self._path.with_suffix(f".{os.getpid()}.draft")
            with open(draft, "wb", opener=_private) as file:
                file.write(msgspec.json.format(msgspec.json.encode(page), indent=1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)


def merged(
    theirs: Mapping[str, Entry],
    mine: Mapping[str, Entry],
    dropped: Mapping[str, float],
    now: float,
) -> dict[str, Entry]:
    """
    Return what the file is to hold: of every entry the later one, and counts at their highest.

    What we have *dropped* goes, unless another process has said it anew since; so does whatever
    is over at *now*.
    """
    kept = {
        about: entry
        for about, entry in theirs.items()
        if entry.at > dropped.get(about, -math.inf) and _lives(entry, now)
    }
    for about, entry in mine.items():
        other = kept.get(about)
        kept[about] = entry if other is None else _later(entry, other)
    return kept


def _later(one: Entry, other: Entry) -> Entry:
    last = one if one.at >= other.at else other
    if not isinstance(one.what, KeptQuota) or not isinstance(other.what, KeptQuota):
        return last
    if one.marks != other.marks:
        return last
    return replace(last, what=replace(last.what, day=_highest(one.what.day, other.what.day)))


type Day = dict[int, tuple[int, int]]


def _highest(one: Day, other: Day) -> Day:
    """Every process counts for itself: the highest count is the least that the provider saw."""
    nothing = (0, 0)
    found: Day = {}
    for slot in sorted({*one, *other}):
        (requests, tokens), (more, larger) = one.get(slot, nothing), other.get(slot, nothing)
        found[slot] = max(requests, more), max(tokens, larger)
    return found


def _lives(entry: Entry, now: float) -> bool:
    if isinstance(entry.what, KeptQuota):
        return any(lesson.believed(now) for lesson in entry.what.lessons)
    return entry.what.until is None or now < entry.what.until


def _unless_changed(old: Entry | None, new: Entry) -> Entry:
    if old is not None and (old.marks, old.what) == (new.marks, new.what):
        return old
    return new


def _uncounted(entries: Mapping[str, Entry]) -> dict[str, KeptRest | KeptQuota]:
    return {
        about: replace(entry.what, day={}) if isinstance(entry.what, KeptQuota) else entry.what
        for about, entry in entries.items()
    }


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
