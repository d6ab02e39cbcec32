"""What a backup of an installation consists of: its stores, in the order of reading."""

from collections.abc import Sequence
from pathlib import Path

from portico import __version__
from portico.backup.base import Manifest, Part
from portico.backup.making import back_up, restore
from portico.backup.others import Files, Folder, Traces
from portico.backup.tables import PostgresTables, SQLiteTables
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
    return await back_up(parts_of(settings, home), file, __version__)


async def bring_back(settings: Settings, home: Path, file: Path, *, force: bool) -> Manifest:
    """Restore *file* into the stores of *settings*; raises ConfigError and StoreUnavailable."""
    return await restore(parts_of(settings, home), file, force=force)
