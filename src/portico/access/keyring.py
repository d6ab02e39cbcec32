"""What an operator does with keys: issue, list, revoke; and what the gate reads of them."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from portico.access.base import Issued, Kept, Key, KeyStore, Roster, digest, seal
from portico.access.secret import make, read
from portico.errors import MalformedRequest, NotFound, StoreUnavailable

LONGEST = 64
"""Characters of a name."""


class Keyring:
    """
    The keys of one installation: a store, and the file with the secret of their digests.

    Every method raises StoreUnavailable if store or secret cannot be used.
    """

    def __init__(self, store: KeyStore, secret: Path) -> None:
        self._store = store
        self._secret = secret

    async def issue(self, name: str, lifetime: float | None = None) -> Issued:
        """
        Make a key that lives for *lifetime* seconds, or until it is revoked.

        Raises:
            MalformedRequest: this cannot be a key's name.
        """
        name = _name(name)
        await self._opened(await self._store.all())
        secret = await asyncio.to_thread(make, self._secret)
        text, now = f"pk-{secrets.token_urlsafe(32)}", time.time()
        expires = None if lifetime is None else now + lifetime
        key = Key(f"key_{secrets.token_hex(8)}", name, now, expires, None, text[-4:])
        await self._store.add(Kept(key, digest(secret, text.encode()), seal(secret)))
        return Issued(key, text)

    async def list(self) -> Sequence[Key]:
        """Return every key ever made, oldest first."""
        return [kept.key for kept in await self._store.all()]

    async def revoke(self, which: str) -> Key:
        """
        Revoke the key that *which* names, as in `pick`, and return it as it was before.

        Raises:
            NotFound, MalformedRequest: it names no key, or several.
        """
        key = pick(await self.list(), which)
        await self._store.revoke(key.id, time.time())
        return key

    async def roster(self) -> Roster:
        """Return who is known now; StoreUnavailable also if the secret is not that of the keys."""
        kept = await self._store.all()
        return Roster({one.digest: one.key for one in kept}, await self._opened(kept))

    async def _opened(self, kept: Iterable[Kept]) -> bytes:
        """Return the secret of *kept*: under another one, good keys would look unknown."""
        secret = await asyncio.to_thread(read, self._secret)
        here = None if secret is None else seal(secret)
        strange = sum(one.key.revoked is None and one.sealed_by != here for one in kept)
        if strange:
            what = "is missing" if secret is None else "is another one"
            told = f"the secret of {strange} keys, {self._secret}, {what}: put it back, or revoke"
            raise StoreUnavailable(f"{told} these keys and make new ones")
        return secret or b""


def pick(keys: Sequence[Key], which: str) -> Key:
    """
    Return the one key with this id; else the one unrevoked key with this name, or with an id or
    a name that begins so.

    Raises:
        NotFound: there is none.
        MalformedRequest: there are several, or *which* looks like a key's text.
    """
    if which.startswith("pk-"):
        raise MalformedRequest("Give the id or the name of a key, never the key itself.")
    usable = [key for key in keys if key.revoked is None]
    for found in (
        [key for key in keys if key.id == which],
        [key for key in usable if key.name == which],
        [key for key in usable if which and (key.id.startswith(which) or _begins(key, which))],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(f"{key.id} ({key.name})" for key in found[:10])
            raise MalformedRequest(f"Several keys could be meant, give the id: {several}.")
    raise NotFound(f"There is no key {which[:100]!r}; `portico keys list` shows them.")


def _begins(key: Key, which: str) -> bool:
    return key.name.startswith(which)


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= LONGEST or not name.isprintable():
        raise MalformedRequest(f"A key's name has 1 to {LONGEST} printable characters.")
    if name.startswith(("pk-", "sk-", "key_")):  # names are shown in lists
        raise MalformedRequest("A key's name must not look like a key or an id.")
    return name
