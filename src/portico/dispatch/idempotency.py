"""The same question under the same key is worked on once, and answered as often as it is asked."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from portico.dispatch.errands import Errand, Errands
from portico.errors import KeyReused

COST = 1024
"""Bytes that anything kept is reckoned at besides its content, so that bytes bound numbers too."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A caller's promise that what bears this *key* is one question; *digest* tells it again."""

    caller: str | None
    key: bytes
    digest: bytes

    @property
    def name(self) -> tuple[str | None, bytes]:
        """What must be unique: other callers' keys are other keys."""
        return self.caller, self.key


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def lasting(self) -> bool:
        """True if asking again could not mend it: an answer, or a fault of the question."""
        return self.status < 500 and self.status != 429

    @property
    def size(self) -> int:
        """Bytes that keeping it costs, about."""
        return COST + len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: bytes
    finished: Finished
    until: float


class Shelf:
    """
    Answers that may be asked for again, for *window* seconds, in *most* bytes.

    Where there is no room, those go first that have not been asked for longest.
    """

    def __init__(
        self, window: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.window = window
        self.size = 0
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[tuple[str | None, bytes], _Kept] = OrderedDict()

    def find(self, claim: Claim) -> Finished | None:
        """
        Return the answer that *claim* had, if it is still kept.

        Raises:
            KeyReused: its key was used for another question.
        """
        kept = self._kept.get(claim.name)
        if kept is None:
            return None
        if kept.until <= self._clock():
            self._drop(claim.name)
            return None
        _compare(claim, kept.digest)
        self._kept.move_to_end(claim.name)
        return kept.finished

    def keep(self, claim: Claim, finished: Finished) -> None:
        """Keep *finished*, unless a retry could mend it or it is larger than all the room."""
        if not finished.lasting or finished.size > self._most:
            return
        self._drop(claim.name)
        self._kept[claim.name] = _Kept(claim.digest, finished, self._clock() + self.window)
        self.size += finished.size
        while self.size > self._most:
            self._drop(next(iter(self._kept)))

    def forget(self, claim: Claim) -> None:
        """Keep nothing of *claim*."""
        self._drop(claim.name)

    def drop_of(self, theirs: Callable[[str], bool]) -> None:
        """Keep nothing of the callers whom *theirs* knows."""
        for name in [one for one in self._kept if one[0] is not None and theirs(one[0])]:
            self._drop(name)

    def _drop(self, name: tuple[str | None, bytes]) -> None:
        if (kept := self._kept.pop(name, None)) is not None:
            self.size -= kept.finished.size


type Work = Callable[[], Coroutine[Any, Any, Finished]]

type Came = tuple[Finished | KeyReused, bool]
"""What came of a claim, and whether another process had it done."""


class Elsewhere(Protocol):
    """Other processes, which may be doing the same work, or have done it."""

    async def once(self, claim: Claim, work: Work) -> Came:
        """Do the *work* of *claim*, unless it is done elsewhere; then return what comes of that."""
        ...


class Once:
    """
    Does the work of a claim once: whoever asks meanwhile waits for it, later ones get it kept.

    A key is the promise to come back, so work goes on when its client leaves; only if nobody
    waits for a whole window is it given up. The gateway's places bound how much of it there is.
    Where there are other processes, *elsewhere* knows of them.
    """

    def __init__(self, shelf: Shelf, errands: Errands, elsewhere: Elsewhere | None = None) -> None:
        self._shelf = shelf
        self._errands = errands
        self._elsewhere = elsewhere
        self._under_way: dict[tuple[str | None, bytes], tuple[bytes, Errand[Came]]] = {}

    async def answer(self, claim: Claim, work: Work) -> tuple[Finished, bool]:
        """
        Return the answer to *claim*, and whether it is a replay; *work* is what makes it.

        Raises:
            KeyReused: its key is in use for another question.
        """
        if (kept := self._shelf.find(claim)) is not None:
            return kept, True
        digest, errand = self._under_way.get(claim.name, (b"", None))
        if errand is None or errand.over:
            return _finished(await self._begin(claim, work).result())
        _compare(claim, digest)
        finished, _ = _finished(await errand.result())
        return finished, True

    def _begin(self, claim: Claim, work: Work) -> Errand[Came]:
        errand = self._errands.begin(self._kept(claim, work), self._shelf.window)
        entry = self._under_way[claim.name] = claim.digest, errand

        def ended(_: asyncio.Task[Came]) -> None:
            if self._under_way.get(claim.name) is entry:  # given up, it may have been begun anew
                del self._under_way[claim.name]

        errand.task.add_done_callback(ended)
        return errand

    async def _kept(self, claim: Claim, work: Work) -> Came:
        if self._elsewhere is None:
            finished, replay = await work(), False
        else:
            came, replay = await self._elsewhere.once(claim, work)
            if isinstance(came, KeyReused):
                return came, replay
            finished = came
        self._shelf.keep(claim, finished)
        return finished, replay


def reused() -> KeyReused:
    """Return what is wrong with a claim whose key was used for another question."""
    return KeyReused("This Idempotency-Key was used for another request.", param="Idempotency-Key")


def _compare(claim: Claim, digest: bytes) -> None:
    if claim.digest != digest:
        raise reused()


def _finished(came: Came) -> tuple[Finished, bool]:
    finished, replay = came
    if isinstance(finished, KeyReused):
        raise finished
    return finished, replay
