"""What pictures show, in words: as a model that saw them once said to the same caller."""

import asyncio
import hashlib
from collections import OrderedDict

import msgspec
from msgspec import Struct

from portico.artifacts.base import BlobMissing, Blobs
from portico.dispatch.errands import Errands
from portico.errors import StoreUnavailable

DESCRIBED = "described"
"""Where they lie among the blobs."""
MOST = 4_000
"""Characters of an answer that are kept."""
KNOWN = 4_096
"""Descriptions that are remembered without asking the store."""
WITHIN = 0.25
"""Seconds that the store is given on a caller's way."""
WRITING = 30.0
"""Seconds that it is given in the background."""

_encode = msgspec.json.Encoder().encode


class Description(Struct, frozen=True):
    """What `target` answered when it was shown the picture, at `seen` (epoch seconds)."""

    target: str
    said: str
    seen: float


class Descriptions:
    """
    Descriptions by caller and pixels: nobody is told what another's model said.

    They are kept beside the artifacts, where there is a store of those; the store may be away.
    """

    def __init__(self, errands: Errands, blobs: Blobs | None = None) -> None:
        self._errands = errands
        self._blobs = blobs
        self._known: OrderedDict[str, Description] = OrderedDict()

    async def find(self, caller: str | None, pixels: str) -> Description | None:
        """Return what is known of a sheet by the SHA-256 of its *pixels*; never raises."""
        key = _key(caller, pixels)
        known = self._known.get(key)
        if known is not None or self._blobs is None:
            return known
        try:
            async with asyncio.timeout(WITHIN):
                found = await self._blobs.get(key)
            return msgspec.json.decode(found, type=Description)
        except (BlobMissing, StoreUnavailable, TimeoutError, msgspec.DecodeError):
            return None

    def note(self, caller: str | None, pixels: str, description: Description) -> None:
        """Remember *description*; what was said before of the same picture is forgotten."""
        key = _key(caller, pixels)
        description = msgspec.structs.replace(description, said=description.said[:MOST])
        self._known[key] = description
        self._known.move_to_end(key)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        if self._blobs is not None:
            self._errands.send(self._write(self._blobs, key, description), WRITING)

    def clear(self) -> None:
        """Remember nothing but what the store has."""
        self._known.clear()

    async def _write(self, blobs: Blobs, key: str, description: Description) -> None:
        try:
            async with asyncio.timeout(WRITING):
                await blobs.put(key, _encode(description))
        except (StoreUnavailable, TimeoutError):
            return  # it is remembered; the next one is tried again


def place_of(caller: str | None) -> str:
    """Return below which key a caller's descriptions lie; without keys all are one caller."""
    whose = hashlib.sha256((caller or "").encode()).hexdigest()[:32]
    return f"{DESCRIBED}/{whose}"


def _key(caller: str | None, pixels: str) -> str:
    """Callers' names are no paths."""
    return f"{place_of(caller)}/{pixels}.json"
