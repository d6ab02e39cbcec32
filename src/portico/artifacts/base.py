"""Where bytes are kept: what a store of them promises, and the keys that they lie under."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from portico.errors import NotFound

KEY = re.compile(r"(?=.{1,500}\Z)[a-z0-9_][a-z0-9_.-]*(?:/[a-z0-9_][a-z0-9_.-]*)*\Z")
"""What a key looks like: no part of it is empty, hidden, or leads upwards."""

BLOBS = "blobs"
DERIVED = "derived"

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
"""The types that models are sent, and the ends of their derivatives' keys."""

_HASH = re.compile(r"[0-9a-f]{64}")

type Span = tuple[int, int]
"""The bytes from the first number up to, and without, the second."""


class BlobMissing(NotFound):
    """There is nothing under this key."""

    def __init__(self) -> None:
        super().__init__("These bytes are not kept here.")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store tells of one blob; `modified` is when it was put last, in epoch seconds."""

    key: str
    size: int
    modified: float


class Blobs(Protocol):
    """
    Keeps bytes under keys; no key is the folder of another.

    Every method raises ValueError for what is no key, StoreUnavailable where the store does not
    answer in time, and none waits without end.
    """

    async def put(self, key: str, data: bytes, *, lasting: bool = True) -> None:
        """
        Keep *data*; whole or not at all, and twice is once: only `modified` is renewed.

        What is not *lasting* may go with the machine's power, though never with our process.
        """
        ...

    async def get(self, key: str, span: Span | None = None) -> bytes:
        """
        Return what is kept, or the part of it that *span* covers; maybe none.

        Raises:
            BlobMissing: there is nothing under *key*.
        """
        ...

    async def size(self, key: str) -> int:
        """
        Return the bytes under *key*.

        Raises:
            BlobMissing: there is nothing under *key*.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget *key*; that there was nothing is no error."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        """Give everything whose key is below *prefix*, which is whole parts of a key."""
        ...


def checked(key: str) -> str:
    """
    Return *key*.

    Raises:
        ValueError: it is none.
    """
    if not KEY.match(key):
        raise ValueError("not a key")
    return key


def clipped(span: Span) -> Span:
    """Return *span* without what is before the beginning, and nothing where it is the wrong way."""
    first, end = max(0, span[0]), max(0, span[1])
    return (first, max(first, end))


def blob_key(raw: str) -> str:
    """
    Return the key of the bytes whose SHA-256 is *raw*, in hexadecimal.

    Raises:
        ValueError: that is no SHA-256.
    """
    if not _HASH.fullmatch(raw):
        raise ValueError("not a SHA-256")
    return f"{BLOBS}/sha256/{raw[:2]}/{raw[2:4]}/{raw}"


def derived_key(pixels: str, recipe: str, mime: str) -> str:
    """
    Return the key of what *recipe* makes of the sheet whose pixels' SHA-256 is *pixels*.

    Raises:
        ValueError: that is no SHA-256.
    """
    if not _HASH.fullmatch(pixels):
        raise ValueError("not a SHA-256")
    made = hashlib.sha256(recipe.encode()).hexdigest()[:32]
    return f"{DERIVED}/{pixels}/{made}.{EXTENSIONS.get(mime, 'bin')}"


def content_hash(key: str) -> str:
    """Return the SHA-256 that a blob's key ends in."""
    return key.rpartition("/")[2]
