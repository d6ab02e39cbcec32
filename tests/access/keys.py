"""Keys for tests."""

import secrets
from pathlib import Path
from typing import Any

from portico.access.base import Kept, Key, Roster, digest, seal
from portico.access.keyring import Keyring
from portico.access.sqlite import SQLiteAccess

SECRET = bytes(range(32))


def key(name: str = "anna", **more: Any) -> Key:
    """Return a live key; *more* overrides its fields."""
    ident = more.pop("id", f"key_{secrets.token_hex(8)}")
    fields: dict[str, Any] = {"created": 1e9, "expires": None, "revoked": None, "last4": "wxyz"}
    return Key(ident, name, **(fields | more))


def kept(name: str = "anna", **more: Any) -> Kept:
    """Return a key as stores keep it, under SECRET, for a text nobody knows."""
    return Kept(key(name, **more), digest(SECRET, secrets.token_bytes(32)), seal(SECRET))


def text() -> str:
    """Return what looks like a key."""
    return f"pk-{secrets.token_urlsafe(32)}"


def bearer(key_text: str) -> bytes:
    """Return the header that carries a key."""
    return f"Bearer {key_text}".encode()


def roster(*known: tuple[str, Key]) -> Roster:
    """Return the roster of these texts and keys."""
    return Roster({digest(SECRET, text.encode()): key for text, key in known}, SECRET)


def keyring(home: Path) -> Keyring:
    """Return a keyring with its files in *home*."""
    return Keyring(SQLiteAccess(home / "access.db"), home / "secret")
