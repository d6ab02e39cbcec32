"""Artifacts, kept once: whoever put one here may see it, and whomever it was granted to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from portico.artifacts.bare import bare
from portico.artifacts.base import BlobMissing, Span, blob_key
from portico.artifacts.index import ID, Artifact, Held, Use, new_id
from portico.artifacts.keeping import STEADY, Keeper, Pace, Watch
from portico.artifacts.pictures import Picture
from portico.artifacts.seen import Seen
from portico.artifacts.shelf import Shelf
from portico.artifacts.strip import stripped
from portico.artifacts.sweep import Rules, Swept, sweep
from portico.errors import NotFound
from portico.telemetry.redaction import redact

type Opened = Callable[[bytes], Awaitable[Picture]]
"""Opens a picture (`images.open_picture`) off the event loop."""

LONGEST_NAME = 200
"""Characters of a file's name that are kept."""


class Archive:
    """
    Every picture once, however often it comes; to each who brings it an id of their own.

    An id opens nothing without its owner or a grant; to everybody else it is unknown.
    """

    def __init__(self, shelf: Shelf, opened: Opened, keeper: Keeper) -> None:
        self._shelf = shelf
        self._index = shelf.index
        self._opened = opened
        self._keeper = keeper

    @property
    def store_away(self) -> bool:
        """True if the store did not answer when it was last asked for a chat's picture."""
        return self._keeper.store_away

    @property
    def why(self) -> str:
        """What keeps it away, in words; "" while nothing does."""
        return self._keeper.why

    async def add(self, data: bytes, owner: str | None, name: str = "") -> Artifact:
        """
        Keep *data* for *owner* (None: for everybody) and return it under a new id.

        Where the owner has the same pixels already and neither file says anything else, what is
        there is given for both. Of other owners' files nothing is ever given or told.

        Raises:
            PictureRefused: it is no picture that we take.
            StoreUnavailable: nothing was kept.
        """
        picture = await self._opened(data)
        alone = picture.sheets[0].pixels if len(picture.sheets) == 1 else None
        plain = alone is not None and await asyncio.to_thread(bare, data, picture.kind)
        twin = await self._twin(owner, alone) if plain else None
        key = twin.key if twin else blob_key(picture.raw)
        if twin is None:
            await self._shelf.put(key, data, anyway=True)
        width, height = picture.sheets[0].image.size
        artifact = Artifact(
            id=new_id(),
            owner=owner,
            raw=picture.raw,
            key=key,
            kind=twin.kind if twin else picture.kind,
            size=twin.size if twin else len(data),
            width=width,
            height=height,
            pixels=alone,
            name=_tidy(name),
            created=self._shelf.clock(),
            bare=plain,
        )
        await self._index.add(artifact)
        if twin is None:  # whoever was forgotten meanwhile took no bytes with them that we need
            await self._shelf.put(key, data)
        return artifact

    async def find(self, ident: str, caller: str | None) -> Artifact:
        """
        Return the artifact that *caller* knows as *ident*.

        Raises:
            NotFound: unknown, deleted, or somebody else's: nobody can tell which.
            StoreUnavailable: the index is away.
        """
        return (await self._held(ident, caller)).artifact

    async def readers(self, ident: str) -> frozenset[str | None]:
        """
        Return who may see an artifact, None among them where everybody may; asks nobody's leave.

        Raises:
            NotFound: there is none with this id.
            StoreUnavailable: the index is away.
        """
        held = await self._index.find(ident) if ID.fullmatch(ident) else None
        if held is None:
            raise _unknown()
        return frozenset({held.artifact.owner, *held.grants})

    async def grant(self, ident: str, caller: str | None, to: str) -> None:
        """
        Let *to* see an artifact of *caller*'s.

        Raises:
            NotFound: *caller* does not own it.
            StoreUnavailable: the index is away.
        """
        held = await self._held(ident, caller)
        if not _owns(held.artifact, caller):
            raise _unknown()
        await self._index.grant(ident, to)

    async def read(self, artifact: Artifact, span: Span | None = None) -> bytes:
        """
        Return the bytes of *artifact*, or the part of them that *span* covers.

        Raises:
            BlobMissing: somebody took them out of the store.
            StoreUnavailable: the store is away.
        """
        return await self._get(artifact.key, span)

    async def delete(self, ident: str, caller: str | None) -> None:
        """
        Forget an artifact of *caller*'s, its grants and uses; give back the grant to another's.

        The bytes go with the next sweep, unless something else refers to them.

        Raises:
            NotFound: as `find`.
            StoreUnavailable: the index is away, and everything is as it was.
        """
        held = await self._held(ident, caller)
        if _owns(held.artifact, caller):
            await self._index.remove(ident)
            self._keeper.forget(ident)
        elif caller is not None:
            await self._index.revoke(ident, caller)

    def keep(self, seen: Seen) -> None:
        """Keep what a chat carried. Sync, never waits, never raises; call it on the event loop."""
        self._keeper.keep(seen)

    async def flush(self) -> None:
        """Bring to the store what `keep` took so far, unless the store is away."""
        await self._keeper.flush()

    async def latest(self, before: str | None, limit: int) -> list[Artifact]:
        """
        Return everybody's artifacts, newest first, as `Index.latest`; for operators.

        Raises:
            StoreUnavailable: the index is away.
        """
        return await self._index.latest(before, limit)

    async def known(self, ident: str) -> Artifact:
        """
        Return the artifact with that id, whoever owns it; for operators.

        Raises:
            NotFound: there is none.
            StoreUnavailable: the index is away.
        """
        held = await self._index.find(ident) if ID.fullmatch(ident) else None
        if held is None:
            raise _unknown()
        return held.artifact

    async def carried(self, owner: str | None, raw: str) -> Artifact | None:
        """
        Return what *owner* has of the bytes whose SHA-256 is *raw*, or None.

        Raises:
            StoreUnavailable: the index is away.
        """
        return await self._index.carried(owner, raw)

    async def swept(self, rules: Rules, *, dry_run: bool) -> Swept:
        """
        Delete what nothing refers to, as `sweep` does, or only count it.

        Raises:
            StoreUnavailable: a store is away; what was deleted so far stays deleted.
        """
        return await sweep(self._shelf, rules, dry_run=dry_run)

    async def uses(self, request: str) -> list[Use]:
        """
        Return what targets were shown in the chat with that id; for operators, nobody is asked.

        Raises:
            StoreUnavailable: the index is away.
        """
        return await self._index.uses(request)

    async def hold(self, request: str, seen: float) -> None:
        """
        Keep what was shown in the chat with that id as if that had been at the time *seen*.

        Raises:
            StoreUnavailable: the index is away.
        """
        await self._keeper.flush()  # what comes after it would be counted as seen when it was
        await self._index.seen(request, seen)

    async def view(self, use: Use) -> bytes:
        """
        Return what the target saw.

        Raises:
            NotFound: it went as it came and its artifact is gone, or the bytes are.
            StoreUnavailable: the store is away.
        """
        if use.derived:
            return await self._get(use.derived, None)
        held = await self._index.find(use.artifact)
        if held is None:
            raise _unknown()
        data = await self._get(held.artifact.key, None)
        return await asyncio.to_thread(stripped, data, use.mime) if use.recipe else data

    async def _held(self, ident: str, caller: str | None) -> Held:
        held = await self._index.find(ident) if ID.fullmatch(ident) else None
        if held is None or not (_owns(held.artifact, caller) or caller in held.grants):
            raise _unknown()
        return held

    async def _twin(self, owner: str | None, pixels: str | None) -> Artifact | None:
        found = await self._index.alike(owner, pixels) if pixels else None
        return found if found and await self._shelf.has(found.key) else None

    async def _get(self, key: str, span: Span | None) -> bytes:
        try:
            return await self._shelf.blobs.get(key, span)
        except BlobMissing:
            await self._index.lost(key)  # whoever brings them again puts them back
            self._keeper.forget(key)
            raise


@asynccontextmanager
async def open_archive(
    shelf: Shelf, opened: Opened, watch: Watch | None = None, pace: Pace = STEADY
) -> AsyncIterator[Archive]:
    """Open the archive over *shelf*; on the way out what chats carried is brought there."""
    async with Keeper(shelf, watch, pace) as keeper:
        yield Archive(shelf, opened, keeper)


def _owns(artifact: Artifact, caller: str | None) -> bool:
    return artifact.owner is None or artifact.owner == caller


def _unknown() -> NotFound:
    return NotFound("There is no such artifact.")


def _tidy(name: str) -> str:
    """Return the last part of a path, printable, and without what looks like a key."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in last if letter.isprintable())
    return redact(plain).strip()[:LONGEST_NAME]
