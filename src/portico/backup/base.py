"""What a backup is made of, and how it is known to be whole."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from msgspec import Struct

FORMAT = 1
"""The version of the file's own shape."""

type Put = Callable[[bytes], Awaitable[None]]
"""Takes one record."""


class Told(Struct, frozen=True):
    """What the manifest says of one part: `schema` is that of its tables, 0 where there is none."""

    records: int
    bytes: int
    digest: str
    schema: int = 0


class Manifest(Struct, frozen=True):
    """What a file holds. `made` is ISO 8601, UTC; `portico` the version that made it."""

    format: int
    portico: str
    made: str
    parts: dict[str, Told]


class Tally:
    """
    Counts records and adds up their hashes, in whatever order they come.

    Two stores that hold the same have the same digest, be it SQLite and Postgres.
    """

    def __init__(self) -> None:
        self._records = 0
        self._bytes = 0
        self._sum = 0

    def add(self, record: bytes) -> None:
        """Count one record."""
        self._records += 1
        self._bytes += len(record)
        self._sum += int.from_bytes(hashlib.sha256(record).digest())

    def told(self, schema: int = 0) -> Told:
        """Return what was counted."""
        digest = f"{self._sum % 2**256:064x}"
        return Told(self._records, self._bytes, digest, schema)


class Part(Protocol):
    """
    What one store holds, as records: bytes that mean the same for every kind of that store.

    Every method raises StoreUnavailable where the store does not answer.
    """

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        ...

    @property
    def schema(self) -> int:
        """The number of the last step of its tables, 0 where there are none."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether `load` leaves what is there beside what comes, and does not replace it."""
        ...

    def lasts(self, record: bytes) -> bool:
        """Return whether *record* would still be given by `dump` once it is loaded."""
        ...

    async def dump(self, put: Put) -> None:
        """Give every record to *put*."""
        ...

    async def empty(self) -> bool:
        """Return whether nothing is there yet."""
        ...

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """
        Take *records* of a store at *schema*; what is there already goes, or stays beside them.

        Raises:
            ConfigError: they are of a newer version, or the place is at another schema.
        """
        ...
