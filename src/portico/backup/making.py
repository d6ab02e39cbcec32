"""Making a backup, checking one, and bringing one back."""

import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO

import msgspec

from portico.backup.base import FORMAT, Manifest, Part, Tally, Told
from portico.errors import ConfigError, Problem

MANIFEST = "manifest.json"
_LENGTH = 8
"""Bytes before each record that say how long it is."""


async def back_up(parts: Sequence[Part], file: Path, version: str) -> Manifest:
    """
    Write what *parts* hold to *file*, for this user only; it gets its name when it is whole.

    Parts are read in their order: what refers to another store comes before it.

    Raises:
        StoreUnavailable: a store does not answer.
        OSError: the file cannot be written.
    """
    draft = file.with_name(f"{file.name}.draft")
    draft.touch(mode=0o600)
    told: dict[str, Told] = {}
    try:
        with tarfile.open(draft, "w") as tar:
            for part in parts:
                with tempfile.TemporaryFile(dir=file.parent) as records:
                    told[part.name] = await _dumped(part, records)
                    _add(tar, f"parts/{part.name}", records)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = Manifest(FORMAT, version, made, told)
            with tempfile.TemporaryFile() as text:
                text.write(msgspec.json.format(msgspec.json.encode(manifest)))
                _add(tar, MANIFEST, text)
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def check(file: Path) -> Manifest:
    """
    Return the manifest of *file* if the file holds all of what it says, unchanged.

    Raises:
        ConfigError: it does not, or is no backup.
    """
    with _opened(file) as tar:
        manifest = _manifest(tar)
        for name, told in manifest.parts.items():
            tally = Tally()
            for record in _records(tar, name):
                tally.add(record)
            if tally.told(told.schema) != told:
                raise _wrong(f"the backup is damaged: {name} is not what its manifest says")
    return manifest


async def restore(parts: Sequence[Part], file: Path, *, force: bool = False) -> Manifest:
    """
    Bring what *file* holds into the stores of *parts*, and see that it is there.

    Raises:
        ConfigError: the file is damaged or of a newer version; a store holds something already,
            and not *force*; what is there afterwards is not what the file holds.
        StoreUnavailable: a store does not answer.
    """
    manifest = check(file)
    known = {part.name: part for part in parts}
    if strange := manifest.parts.keys() - known.keys():
        raise _wrong(f"the backup holds {', '.join(sorted(strange))}, which this version does not")
    full = [part.name for part in parts if not force and not await part.empty()]
    if full:
        told = f"there is something already: {', '.join(full)}"
        raise _wrong(told, "restore into empty stores, or add --force to replace it")
    with _opened(file) as tar:
        for name, expected in manifest.parts.items():
            await known[name].load(_records(tar, name), expected.schema)
        for name, expected in manifest.parts.items():
            if known[name].schema == expected.schema:
                await _compare(known[name], _records(tar, name))
    return manifest


async def _compare(part: Part, records: Iterable[bytes]) -> None:
    """What has expired since is missed by nobody; what was there before may be there beside."""
    expected, found, meant = Tally(), Tally(), set[bytes]()
    for record in filter(part.lasts, records):
        expected.add(record)
        if part.keeps:
            meant.add(sha256(record).digest())

    async def count(record: bytes) -> None:
        if not part.keeps or sha256(record).digest() in meant:
            found.add(record)

    await part.dump(count)
    if found.told() != expected.told():
        raise _wrong(f"{part.name} is not what the backup holds, after it was restored")


async def _dumped(part: Part, file: IO[bytes]) -> Told:
    tally = Tally()

    async def keep(record: bytes) -> None:
        tally.add(record)
        file.write(len(record).to_bytes(_LENGTH))
        file.write(record)

    await part.dump(keep)
    return tally.told(part.schema)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.tell(), 0o600
    file.seek(0)
    tar.addfile(entry, file)


def _records(tar: tarfile.TarFile, name: str) -> Iterator[bytes]:
    try:
        file = tar.extractfile(f"parts/{name}")
    except (KeyError, tarfile.TarError, OSError):
        file = None
    if file is None:
        raise _wrong(f"the backup is damaged: {name} is missing")
    while head := file.read(_LENGTH):
        length = int.from_bytes(head)
        record = file.read(length) if length < 2**40 else b""
        if len(record) != length or len(head) != _LENGTH:
            raise _wrong(f"the backup is damaged: {name} breaks off")
        yield record


def _opened(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, "r:")
    except OSError as exc:
        why = f"{file} cannot be read: {exc.strerror or 'its disk fails'}"
        raise _wrong(why, "name a backup that is there, and that this user may read") from exc
    except tarfile.TarError as exc:
        raise _wrong(f"{file} is no backup") from exc


def _manifest(tar: tarfile.TarFile) -> Manifest:
    try:
        file = tar.extractfile(MANIFEST)
        manifest = msgspec.json.decode(file.read() if file else b"", type=Manifest)
    except (KeyError, tarfile.TarError, OSError, msgspec.MsgspecError) as exc:
        raise _wrong("the backup has no manifest: it is not whole") from exc
    if manifest.format > FORMAT:
        raise _wrong("the backup is of a newer version", "use that version")
    return manifest


def _wrong(message: str, remedy: str = "take another backup") -> ConfigError:
    return ConfigError((Problem(message, remedy=remedy),))


def told(manifest: Manifest) -> Iterable[str]:
    """Return what *manifest* says, a line for each part."""
    yield f"made {manifest.made} by portico {manifest.portico}"
    for name, part in manifest.parts.items():
        yield f"  {name}: {part.records} records, {part.bytes} bytes"
