"""Pictures from links, opened and prepared: heavy work in few threads, never on the loop."""

import asyncio
import binascii
import io
import os
import threading
from collections.abc import Awaitable, Buffer, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pybase64

from portico.artifacts.intake import APART, artifact_in, fault, kind_of
from portico.artifacts.kept import Kept
from portico.artifacts.marks import Marks
from portico.artifacts.pictures import Likeness, Limits, Picture, PictureRefused, Prepared
from portico.artifacts.profiles import Profile
from portico.artifacts.room import make_room
from portico.errors import Overloaded

if TYPE_CHECKING:
    from PIL import Image

ROOM = 16_000_000
"""Bytes of what was prepared that are kept; what chats are shown is remembered as they send it."""
QUICK = 256 * 1024
"""Characters of base64 that are decoded in no time."""
MARKED = 8_000_000
"""Bytes that are marked in no time: a third of a millisecond."""
LARGE = 12_000_000
"""Pixels from which opening and preparing one picture takes hundreds of megabytes."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "AVIF")
"""What Pillow can tell the size of without decoding; the other kinds always count as large."""
NICE = 10
"""How far the threads stand back."""
SHOTS = 3
"""Frames of an animation that are on its contact sheet."""

_DEFAULT = Limits()

type Fetch = Callable[[str], Awaitable[bytes]]
"""Brings what is at an http(s) address."""
type Recall = Callable[[str, str | None], Awaitable[bytes]]
"""Gives the bytes of an artifact (its id) to a caller who may have them."""
type Describe = Callable[[Image.Image], Likeness]
"""Says what an upright picture looks like."""
type Making = asyncio.Task[tuple[Prepared, ...] | PictureRefused]


class Intake:
    """
    Pictures from links, opened and prepared: heavy work in few threads, never on the loop.

    *hands* threads do it, and one more whatever takes hundreds of megabytes, one at a time. What
    was prepared is kept within ROOM bytes; the same picture asked for twice at once is made
    once. Work that has begun goes on when nobody waits for it any more: `Limits` end it.
    """

    def __init__(
        self,
        fetch: Fetch | None,
        recall: Recall | None,
        *,
        hands: int = 2,
        limits: Limits = _DEFAULT,
        describe: Describe | None = None,
    ) -> None:
        self._fetch = fetch
        self._recall = recall
        self._limits = limits
        self._describe = describe
        self._kept = Kept(ROOM)
        self._making: dict[tuple[bytes, Profile], Making] = {}
        self._marks: Marks | None = None
        self._closed = False
        self._hands = ThreadPoolExecutor(hands, "pictures", _behind_the_loop)
        self._alone = ThreadPoolExecutor(1, "large-pictures", _behind_the_loop)

    async def bytes_of(self, link: str, caller: str | None) -> bytes:
        """
        Return the bytes that *link* leads to: a data: URI, an http(s) address, or an artifact.

        Raises whatever the fetcher and the store of artifacts do.

        Raises:
            PictureRefused: not such a link, not base64, no picture, too large, or not done here.
        """
        if (ident := artifact_in(link)) is not None:
            if self._recall is None:
                raise PictureRefused("This gateway keeps no pictures.")
            return await self._recall(ident, caller)
        if wrong := fault(link):
            raise PictureRefused(f"{wrong[0].upper()}{wrong[1:]}.")
        if link.startswith("data:"):
            return await self.decoded(link[link.index(",") + 1 :].encode("ascii", "replace"))
        if self._fetch is None:
            raise PictureRefused("This gateway fetches no pictures.")
        return await self._fetch(link)

    async def decoded(self, held: Buffer) -> bytes:
        """
        Return the bytes that *held* is the base64 of, strictly: no blanks, and whole.

        Raises:
            PictureRefused: it is not that, or of more bytes than a picture may have.
        """
        call = partial(decoded, held, self._limits.bytes)
        return call() if memoryview(held).nbytes <= QUICK else await self.work(call)

    async def mark(self, held: Buffer) -> bytes:
        """
        Return what *held* is known by: the same bytes have the same mark, here and nowhere else.

        Raises:
            Overloaded: it was closed before a thread could begin.
        """
        if self._marks is None:
            made = await self.work(Marks)
            self._marks = self._marks or made
        marks = self._marks
        quick = memoryview(held).nbytes <= MARKED
        return marks(held) if quick else await self.work(partial(marks, held))

    async def opened(self, data: bytes) -> Picture:
        """
        Return what *data* shows, as `open_picture` does.

        Raises:
            PictureRefused: as `open_picture` says.
        """
        large = await self.work(partial(is_large, data))
        return await self.work(partial(_opened, data, self._limits), alone=large)

    async def prepared(self, data: bytes, profile: Profile) -> tuple[Prepared, ...]:
        """
        Return the picture as the target of *profile* takes it, as `prepare` does.

        Raises:
            PictureRefused: as `open_picture` and `prepare` say.
        """
        name = await self.mark(data), profile
        if made := self._kept.find(*name):
            return made
        making = self._making.get(name)
        if making is None:
            making = self._making[name] = asyncio.create_task(self._made(data, *name))
            making.add_done_callback(lambda _: self._making.pop(name, None))
        del data  # tens of megabytes of a large picture, needed no more once it is open
        await asyncio.wait({making})  # unlike awaiting it, this does not cancel it with us
        if making.cancelled():
            raise stopping()
        found = making.result()
        if isinstance(found, PictureRefused):
            raise PictureRefused(str(found))  # each its own: whoever asked sets `param`
        return found

    async def work[T](self, call: Callable[[], T], *, alone: bool = False) -> T:
        """
        Return what *call* does, done by one of the threads; raises what it raises.

        *alone* is for what takes hundreds of megabytes: one such call at a time.

        Raises:
            Overloaded: it was closed before a thread could begin.
        """
        if self._closed:
            raise stopping()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._alone if alone else self._hands, call)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise stopping() from None  # nobody cancelled us: closing gave the work up
            raise

    def close(self) -> None:
        """Begin nothing more; what a thread has begun goes on to its end."""
        self._closed = True
        for making in self._making.values():
            making.cancel()
        for threads in (self._hands, self._alone):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _made(
        self, data: bytes, known: bytes, profile: Profile
    ) -> tuple[Prepared, ...] | PictureRefused:
        """A refusal is a value here: several may wait for it, and each raises its own."""
        try:
            large = await self.work(partial(is_large, data))
            make = partial(self._prepared, [data], profile)
            del data
            made = await self.work(make, alone=large)
        except PictureRefused as refused:
            return refused
        self._kept.keep(known, profile, made)
        return made

    def _prepared(self, given: list[bytes], profile: Profile) -> tuple[Prepared, ...]:
        """
        Describe it while it is open: to open it again costs more than all of that.

        Its bytes are taken out of *given*, so that nobody holds them while it is prepared.
        """
        from portico.artifacts.images import prepare

        picture = _opened(given.pop(), self._limits)
        width, height = picture.sheets[0].image.size
        make_room(width * height)
        made = prepare(picture, profile)
        if self._describe is not None:
            made[0] = replace(made[0], likeness=self._describe(picture.sheets[0].image))
        return tuple(made)


def _opened(data: bytes, limits: Limits) -> Picture:
    from portico.artifacts.images import open_picture  # brings NumPy: with the first picture

    return open_picture(data, limits)


def _behind_the_loop() -> None:
    """Let the event loop's thread go first where there are too few processors for both."""
    with suppress(OSError, AttributeError):  # only Linux has threads of different niceness
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def decoded(held: Buffer, most: int) -> bytes:
    """
    Return the bytes that *held* is the base64 of, strictly: no blanks, whole, at most *most*.

    Raises:
        PictureRefused: it is not so.
    """
    if memoryview(held).nbytes * 3 // 4 > most + 2:  # before anything of it is decoded
        raise PictureRefused(f"This picture is over {most / 1_000_000:g} MB.")
    try:
        return pybase64.b64decode(held, validate=True)
    except (binascii.Error, ValueError):
        raise PictureRefused("The picture is not base64.") from None


def is_large(data: bytes) -> bool:
    """Return whether *data* is a picture of over 12 megapixels by its header, or may become one."""
    kind = kind_of(data)
    if kind is None:
        return False
    if kind == "image/heic" or kind in APART:
        return True  # a telephone's 12 megapixels or more; pages, and what has no size yet
    from PIL import Image  # all of it comes with the first picture

    from portico.artifacts.decode import door

    with door(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        shots = SHOTS if getattr(image, "is_animated", False) else 1
        return image.width * image.height * shots > LARGE


def stopping() -> Overloaded:
    """Return the error for what comes while everything is being closed."""
    return Overloaded("This gateway is stopping.", retry_after=1)
