"""What an operator does with keys: issue, change, rotate, revoke; and what the gate reads."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from portico.access.base import (
    KEY,
    MADE,
    AccessStore,
    Deed,
    Issued,
    Kept,
    Key,
    Register,
    Roster,
    digest,
    seal,
)
from portico.access.secret import make, read
from portico.access.snapshot import Known, Snapshot, Spent
from portico.errors import MalformedRequest, NotFound, StoreUnavailable

LONGEST = 64
"""Characters of a name."""

OVERLAP = 86_400.0
"""Seconds for which a rotated key's old text stays good, unless said otherwise."""

FRESH = 5.0
"""Seconds for which what was read is worth remembering as what the store says."""

log = logging.getLogger(__name__)

COMMAND = "the command line"
"""Who did what is done by `portico keys`, in the audit."""


class Keyring:
    """
    The keys of one installation: a store, and the file with the secret of their digests.

    *by* is who acts, for the audit. Every method raises StoreUnavailable if store or secret cannot
    be used.
    """

    def __init__(self, store: AccessStore, secret: Path) -> None:
        self.store = store
        self._secret = secret
        self._snapshot = Snapshot(secret.with_name("access.snapshot"))
        self._read: tuple[Register, Roster] | None = None
        self._heard = -inf

    async def issue(
        self, name: str, lifetime: float | None = None, by: str = COMMAND, **more: Any
    ) -> Issued:
        """
        Make a key that lives for *lifetime* seconds, or until it is revoked.

        *more* are further fields of Key. The first key of all is an operator's unless they say
        otherwise: somebody has to be able to make the second one.

        Raises:
            MalformedRequest: this cannot be a key's name.
        """
        register = await self.store.register()
        more.setdefault("admin", not register.keys)
        return await self._add(register, _text(), by, name=name, lifetime=lifetime, **more)

    async def adopt(self, name: str, text: str, by: str = COMMAND, **more: Any) -> Issued | None:
        """
        Know the key *text*, which was made elsewhere of as many random bytes; None: it is known.

        *more* are further fields of Key; nobody becomes an operator unless they say so. A key that
        was revoked stays known, and so revoked.

        Raises:
            MalformedRequest: this cannot be a key, or its name.
        """
        if not KEY.fullmatch(text.encode()):
            raise MalformedRequest("A key that is taken in has the form of those made here.")
        register = await self.store.register()
        secret = await self._opened(register.keys, make_one=True)
        if _roster(register, secret).find(text.encode()) is not None:
            return None
        return await self._add(register, text, by, name=name, **more)

    async def _add(
        self, register: Register, text: str, by: str, lifetime: float | None = None, **more: Any
    ) -> Issued:
        name, now = named(more.pop("name")), time.time()
        secret = await self._opened(register.keys, make_one=True)
        expires = None if lifetime is None else now + lifetime
        ident = f"key_{secrets.token_hex(8)}"
        key = Key(ident, name, now, expires, None, text[-4:], **more)
        kept = Kept(key, digest(secret, text.encode()), seal(secret))
        await self.store.keep(kept, self._deed(by, MADE, key, None))
        return Issued(key, text)

    async def list(self) -> Sequence[Key]:
        """Return every key ever made, oldest first."""
        return [kept.key for kept in (await self.store.register()).keys]

    async def find(self, which: str) -> Kept:
        """
        Return the key that *which* names, as in `pick`.

        Raises:
            NotFound, MalformedRequest: it names no key, or several.
        """
        kept = (await self.store.register()).keys
        ident = pick([one.key for one in kept], which).id
        return next(one for one in kept if one.key.id == ident)

    async def revoke(self, which: str, by: str = COMMAND) -> Key:
        """Revoke the key that *which* names, as in `find`, and return it as it was before."""
        kept = await self.find(which)
        if kept.key.revoked is None:
            await self._keep(kept, by, "key.revoked", revoked=time.time())
        return kept.key

    async def change(self, which: str, by: str = COMMAND, **fields: Any) -> Key:
        """
        Give the key that *which* names, as in `find`, other *fields*; return it as it is now.

        Raises:
            MalformedRequest: it is revoked, or this cannot be its name.
        """
        kept = await self._usable(which)
        if "name" in fields:
            fields["name"] = named(fields["name"])
        return await self._keep(kept, by, "key.changed", **fields)

    async def rotate(self, which: str, overlap: float = OVERLAP, by: str = COMMAND) -> Issued:
        """
        Give the key that *which* names a new text; the old one is good for *overlap* more seconds.

        Its id stays, and with it its limits, what it has used and what is kept for it.

        Raises:
            MalformedRequest: it is revoked.
        """
        kept = await self._usable(which)
        secret = await self._opened([kept], make_one=True)
        text, until = _text(), time.time() + overlap
        key = replace(kept.key, last4=text[-4:], overlap=until)
        turned = Kept(key, digest(secret, text.encode()), seal(secret), kept.digest)
        await self.store.keep(turned, self._deed(by, "key.rotated", key, kept.key))
        return Issued(key, text)

    async def roster(self) -> Roster:
        """Return who is known now; StoreUnavailable also if the secret is not that of the keys."""
        version = await self.store.version()
        if self._read is None or self._read[0].version != version:
            register = await self.store.register()
            self._read = register, _roster(register, await self._opened(register.keys))
        self._heard = time.monotonic()
        return self._read[1]

    async def sealing(self) -> bytes:
        """Return the secret of the keys, made if there is none yet."""
        return await self._opened((await self.store.register()).keys, make_one=True)

    async def remember(self, spent: Spent) -> None:
        """Remember who is known, in a file, if the store was heard of just now."""
        if self._read is None or time.monotonic() - self._heard > FRESH:
            return
        register, roster = self._read
        if register.keys:
            try:
                await self._snapshot.keep(register, spent, roster.secret)
            except OSError as exc:
                log.warning("keys cannot be remembered for an outage: %s", exc.strerror)

    async def recall(self) -> tuple[Roster, float] | None:
        """Return who was known when the store was last heard of, and how many seconds ago."""
        known = await self._recalled()
        if known is None:
            return None
        try:
            secret = await self._opened(known.keys)
        except StoreUnavailable:
            return None
        return _roster(known.register, secret), max(0.0, time.time() - known.read)

    async def spent(self) -> tuple[Spent, float]:
        """Return what is remembered of what was spent, and when that was (epoch seconds)."""
        known = await self._recalled()
        return (known.spent, known.read) if known else ({}, 0.0)

    async def _recalled(self) -> Known | None:
        try:
            secret = await asyncio.to_thread(read, self._secret)
        except StoreUnavailable:
            return None
        return await self._snapshot.recall(secret) if secret else None

    async def _usable(self, which: str) -> Kept:
        kept = await self.find(which)
        if kept.key.revoked is not None:
            raise MalformedRequest("This key is revoked: make a new one.")
        return kept

    async def _keep(self, kept: Kept, by: str, what: str, **fields: Any) -> Key:
        key = replace(kept.key, **fields)
        await self.store.keep(replace(kept, key=key), self._deed(by, what, key, kept.key))
        return key

    def _deed(self, by: str, what: str, key: Key, before: Key | None) -> Deed:
        was = None if before is None else plainly(before)
        now, about = time.time(), f"{key.id} ({key.name})"
        return Deed(at=now, by=by, what=what, about=about, before=was, after=plainly(key))

    async def _opened(self, kept: Iterable[Kept], *, make_one: bool = False) -> bytes:
        """Return the secret of *kept*: under another one, good keys would look unknown."""
        secret = await asyncio.to_thread(read, self._secret)
        here = None if secret is None else seal(secret)
        strange = sum(one.key.revoked is None and one.sealed_by != here for one in kept)
        if strange:
            what = "is missing" if secret is None else "is another one"
            told = f"the secret of {strange} keys, {self._secret}, {what}: put it back, or revoke"
            raise StoreUnavailable(f"{told} these keys and make new ones")
        if make_one and secret is None:
            secret = await asyncio.to_thread(make, self._secret)
        return secret or b""


def plainly(key: Key) -> dict[str, Any]:
    """Return what an audit says of *key*: everything but where its text could be guessed from."""
    told: dict[str, Any] = to_builtins(key)
    return {name: value for name, value in told.items() if name != "last4"}


def _roster(register: Register, secret: bytes) -> Roster:
    keys = {one.digest: one.key for one in register.keys}
    outgoing = {one.before: one.key for one in register.keys if one.before is not None}
    return Roster(
        keys={**outgoing, **keys},
        secret=secret,
        people={person.id: person for person in register.people},
        teams={team.id: team for team in register.teams},
        outgoing=frozenset(outgoing),
        ever=register.ever,
    )


def _text() -> str:
    return f"pk-{secrets.token_urlsafe(32)}"


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


def named(text: str) -> str:
    """
    Return *text* as a key's name.

    Raises:
        MalformedRequest: it cannot be one.
    """
    name = text.strip()
    if not 1 <= len(name) <= LONGEST or not name.isprintable():
        told = f"A key's name has 1 to {LONGEST} printable characters."
        raise MalformedRequest(told, param="name")
    if name.startswith(("pk-", "sk-", "key_")):  # names are shown in lists
        raise MalformedRequest("A key's name must not look like a key or an id.", param="name")
    return name
