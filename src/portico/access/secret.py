"""The secret that keys are hashed with: one file, made once, never replaced."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from portico.errors import StoreUnavailable

_FORM = re.compile(r"[0-9a-f]{64}\n?")


def read(path: Path) -> bytes | None:
    """
    Return the secret, None if there is none yet.

    Raises:
        StoreUnavailable: it cannot be read, or the file holds something else.
    """
    try:
        text = path.read_bytes().decode("latin-1")
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc.strerror}") from exc
    if not _FORM.fullmatch(text):
        raise StoreUnavailable(f"{path} is no secret of this gateway: put the right one back")
    return bytes.fromhex(text)


def make(path: Path) -> bytes:
    """
    Return the secret, made if there is none yet; of several makers the first one wins.

    Raises:
        StoreUnavailable: it cannot be read or written.
    """
    secret = read(path)
    if secret is None:
        try:
            _write(path)
        except OSError as exc:
            raise StoreUnavailable(f"{path} cannot be written: {exc.strerror}") from exc
        secret = read(path)
    assert secret is not None, "secrets are never removed"
    return secret


def _write(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = mkstemp(dir=path.parent, prefix=".secret-")  # 0600 from the first moment
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):  # a link, unlike a rename, never replaces another's
            os.link(draft, path)
    finally:
        os.unlink(draft)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """A key that survives a power cut is worth nothing if the secret's name does not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
