"""What a backup of an installation consists of: its stores, in the order of reading."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

from portico import __version__
from portico.backup.base import Manifest, Part
from portico.backup.making import back_up, restore
from portico.backup.others import Files, Folder, Traces
from portico.backup.places import Bucket, name_of, place_of, to_be_read, to_be_written
from portico.backup.tables import PostgresTables, SQLiteTables
from portico.errors import ConfigError, Problem
from portico.ledger.journal import adopt
from portico.settings import Settings
from portico.stores.migrations import steps
from portico.stores.sqlite import path_of
from portico.wiring.pictures import blobs_of
from portico.wiring.tracing import traces_of

_WORDS = {"access": "the keys", "ledger": "the ledger", "artifacts": "the index of artifacts"}


def parts_of(settings: Settings, home: Path) -> Sequence[Part]:
    """Return the parts: an index before the blobs that it refers to, the secret with the keys."""
    url = settings.stores.ledger.get_secret_value()
    return (
        Folder("secret", home, ("secret",)),
        _tables("access", url, home / "access.db"),
        Folder("spool", home, ("spool/*.jsonl",)),
        _tables("ledger", url, path_of(url) if url.startswith("sqlite:") else home),
        Traces(lambda: traces_of(settings)),
        _tables("artifacts", "", home / "artifacts.db"),
        Files(lambda: blobs_of(settings)),
    )


def _tables(room: str, url: str, path: Path) -> Part:
    if url.startswith("postgres"):
        return PostgresTables(room, url, steps(room, "postgres", _WORDS[room]))
    return SQLiteTables(room, path, steps(room, "sqlite", _WORDS[room]))


async def make_backup(settings: Settings, home: Path, file: Path) -> Manifest:
    """Write *file*; raises StoreUnavailable and OSError."""
    if (spool := home / "spool").is_dir():
        adopt(spool)  # rows that a killed gateway has left
    return await back_up(parts_of(settings, home), file, __version__)


async def store_backup(settings: Settings, home: Path, where: str) -> tuple[str, Manifest]:
    """Write a backup to a path, a folder or a bucket; return what it is called there."""
    name = name_of(datetime.now(UTC))
    async with to_be_written(place_of(where), name, _bucket) as (file, called):
        manifest = await make_backup(settings, home, file)
    return called, manifest


def fetched(where: str) -> AbstractAsyncContextManager[Path]:
    """Give the file of the backup at a path, or of the newest one in a folder or a bucket."""
    return to_be_read(place_of(where), _bucket)


def _bucket(url: str) -> AbstractAsyncContextManager[Bucket]:
    from portico.artifacts.s3 import bucket_of, open_s3  # takes memory: only where it is meant

    try:
        return open_s3(bucket_of(url))
    except ValueError as exc:
        remedy = "write s3://bucket/name.tar?endpoint=http://host:port"
        raise ConfigError((Problem(str(exc), remedy=remedy),)) from None


async def bring_back(settings: Settings, home: Path, file: Path, *, force: bool) -> Manifest:
    """Restore *file* into the stores of *settings*; raises ConfigError and StoreUnavailable."""
    return await restore(parts_of(settings, home), file, force=force)
