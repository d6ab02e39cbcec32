"""Where backups lie: a file, a folder of them, or a bucket; the newest of several is meant."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from portico.artifacts.base import KEY, Stored
from portico.errors import ConfigError, Problem

BEGINS, ENDS = "portico-", ".tar"


class Bucket(Protocol):
    """A store of blobs that takes and gives whole files. Methods raise StoreUnavailable."""

    async def upload(self, key: str, file: Path) -> None:
        """Keep what *file* holds, whole or not at all."""
        ...

    async def download(self, key: str, file: Path) -> None:
        """Write what is kept into *file*; raises BlobMissing."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        """Give everything that is kept."""
        ...


type Open = Callable[[str], AbstractAsyncContextManager[Bucket]]
"""Opens the bucket of an `s3://` URL, at the prefix that it names."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    `file` or, in the bucket at the URL `bucket`, `key`; a folder where the name is left out.

    A URL holds secrets: `told` is what may be printed.
    """

    told: str
    file: Path | None = None
    bucket: str = ""
    key: str = ""

    @property
    def named(self) -> bool:
        """True if one backup is meant, and no folder of them."""
        return bool(self.key) if self.file is None else not self.file.is_dir()


def place_of(text: str) -> Place:
    """
    Read what an operator wrote: a path, or `s3://bucket[/prefix][/name.tar][?endpoint=…]`.

    Raises:
        ConfigError: a bucket has no such names.
    """
    if not text.startswith("s3://"):
        return Place(text, file=Path(text))
    where, _, query = text.partition("?")
    folder, _, last = where.rpartition("/")
    key = last if last.endswith(ENDS) else ""
    if key and not KEY.match(key):
        told = f"{key[:100]!r} is no name for a backup in a bucket"
        raise ConfigError((Problem(told, remedy="use small letters, digits, dots and dashes"),))
    bucket = f"{folder}?{query}" if key else text
    return Place(where, bucket=bucket, key=key)


def name_of(now: datetime) -> str:
    """Return the name of a backup that is made at *now*: names are in the order of time."""
    return f"{BEGINS}{now:%Y%m%dt%H%M%Sz}{ENDS}"


@asynccontextmanager
async def to_be_written(place: Place, name: str, opening: Open) -> AsyncIterator[tuple[Path, str]]:
    """
    Give the file to write a backup to, and what to call it; afterwards it lies at *place*.

    Raises:
        StoreUnavailable: the bucket does not answer.
    """
    if place.file is not None:
        file = place.file if place.named else place.file / name
        yield file, str(file)
        return
    with TemporaryDirectory(prefix="portico-backup-") as folder:
        file, key = Path(folder, name), place.key or name
        yield file, f"{place.told.removesuffix(place.key).rstrip('/')}/{key}"
        async with opening(place.bucket) as bucket:
            await bucket.upload(key, file)


@asynccontextmanager
async def to_be_read(place: Place, opening: Open) -> AsyncIterator[Path]:
    """
    Give the file that a backup is in; of a folder or a prefix the newest.

    Raises:
        ConfigError: there is none.
        StoreUnavailable: the bucket does not answer.
    """
    if place.file is not None:
        yield place.file if place.named else _newest(place.file)
        return
    with TemporaryDirectory(prefix="portico-backup-") as folder:
        file = Path(folder, "backup.tar")
        async with opening(place.bucket) as bucket:
            key = place.key or await _latest(bucket, place)
            await bucket.download(key, file)
        yield file


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob(f"{BEGINS}*{ENDS}"))
    if not found:
        raise _none(str(folder))
    return found[-1]


async def _latest(bucket: Bucket, place: Place) -> str:
    keys = [stored.key async for stored in bucket.keys("")]
    ours = sorted(key for key in keys if key.startswith(BEGINS) and key.endswith(ENDS))
    if not ours:
        raise _none(place.told)
    return ours[-1]


def _none(where: str) -> ConfigError:
    return ConfigError((Problem(f"there is no backup in {where}", remedy="name one"),))
