"""Files that hold secrets: for their owner only, from their first byte on."""

import os
import tempfile
from pathlib import Path

from portico.errors import ConfigError, Problem


def write(path: Path, text: str) -> None:
    """Write *text* to *path*, mode 0600, whole or not at all; raises OSError about *path*."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # is 0600
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def password(path: Path) -> str:
    """
    Return the password in the file at *path*, without the end of its line.

    Raises:
        ConfigError: it cannot be read, is empty or is no text.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(1024).removesuffix("\n")
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", str(path))
    except UnicodeDecodeError:
        problem = Problem("is not UTF-8 text", str(path))
    else:
        if text:
            return text
        problem = Problem("is empty, and should hold a password", str(path))
    raise ConfigError((problem,))
