"""Keys, people, teams and what was spent, as last known: signed, in a file, for an outage."""

import asyncio
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.access.base import Kept, Person, Register, Team, digest

type Spent = Mapping[str, tuple[int, int]]
"""Nano-dollars of a day and its month, by account."""

_PURPOSE = b"what signs the snapshot of keys"


class Known(Struct, frozen=True, kw_only=True):
    """What is remembered; `read` is when the store was last heard of (epoch seconds)."""

    read: float
    version: int
    keys: tuple[Kept, ...] = ()
    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    spent: dict[str, tuple[int, int]] = {}
    ever: bool = False

    @property
    def register(self) -> Register:
        """Return it as a store would tell it."""
        return Register(self.keys, self.people, self.teams, self.version, self.ever)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Known).decode


def packed(known: Known, secret: bytes) -> bytes:
    """Return the bytes of a snapshot; digests only, and a signature before them. Pure."""
    body = _encode(known)
    return _signature(body, secret) + b"\n" + body


def unpacked(data: bytes, secret: bytes) -> Known | None:
    """Return what a snapshot holds, None if *secret* did not sign just this. Pure."""
    signature, _, body = data.partition(b"\n")
    if not hmac.compare_digest(signature, _signature(body, secret)):
        return None
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # of another version of this program


def _signature(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(digest(secret, _PURPOSE), body, "sha256").hex().encode()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The file at *path*; nothing depends on it while all is well."""

    path: Path

    async def keep(self, register: Register, spent: Spent, secret: bytes) -> None:
        """Remember what was just read; raises OSError."""
        known = Known(
            read=time.time(),
            version=register.version,
            keys=tuple(register.keys),
            people=tuple(register.people),
            teams=tuple(register.teams),
            spent=dict(spent),
            ever=register.ever,
        )
        await asyncio.to_thread(self._write, packed(known, secret))

    async def recall(self, secret: bytes) -> Known | None:
        """Return what was remembered, None if nothing was, or not by us."""
        try:
            data = await asyncio.to_thread(self.path.read_bytes)
        except OSError:
            return None
        return unpacked(data, secret)

    def _write(self, data: bytes) -> None:
        # No fsync: after a power cut a torn file is no snapshot, and the store is asked as ever.
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with open(draft, "wb", opener=_private) as file:
            file.write(data)
        draft.replace(self.path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
