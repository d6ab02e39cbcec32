"""One question, one answer, whichever process it reaches: claims that all processes know of."""

import asyncio
import hashlib
import hmac
import os
from contextlib import suppress

import msgspec
from msgspec import Struct

from portico.dispatch.idempotency import Came, Claim, Finished, Work, reused
from portico.errors import StoreUnavailable
from portico.shared.base import Ask
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing

AGAIN = 0.1
"""Seconds between two looks at work that another process does."""

LARGEST = 1_000_000
"""Bytes of an answer that is kept for all; a larger one is given again where it was made."""

_NONCE = 12


class _Note(Struct, frozen=True, array_like=True):
    """What lies there under a claim's name: the question, and its answer once there is one."""

    digest: bytes
    finished: Finished | None = None


_encode = msgspec.msgpack.Encoder().encode
_notes = msgspec.msgpack.Decoder(_Note)


class Seal:
    """Makes names that say nothing, and contents that only who has the same *secret* can read."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only where it is needed

        self._secret = hashlib.sha256(b"answers kept for all\0" + secret).digest()
        self._cipher = AESGCM(self._secret)

    def name(self, claim: Claim) -> str:
        """Return the name of *claim* where everybody can see it."""
        caller = b"" if claim.caller is None else b"\1" + claim.caller.encode()
        told = len(caller).to_bytes(4) + caller + claim.key
        return hmac.new(self._secret, told, hashlib.sha256).hexdigest()

    def close(self, name: str, note: _Note) -> bytes:
        """Return *note* as it is kept under *name*, and nowhere else."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, _encode(note), name.encode())

    def open(self, name: str, kept: bytes | None) -> _Note | None:
        """Return the note in *kept*, None if it is none of ours."""
        from cryptography.exceptions import InvalidTag

        if kept is None:
            return None
        try:
            nonce, rest = kept[:_NONCE], kept[_NONCE:]
            return _notes.decode(self._cipher.decrypt(nonce, rest, name.encode()))
        except (InvalidTag, ValueError):
            return None


class Everywhere:
    """
    Whoever holds a claim's place works on it; all others wait for what comes of that.

    A process that ends gives up its places, so somebody else takes the work up then. Where nobody
    can be asked about places, every process is on its own again. Answers lie there for *window*
    seconds.
    """

    def __init__(self, sharing: Sharing, seal: Seal, window: float) -> None:
        self._sharing = sharing
        self._seal = seal
        self._window = window

    async def once(self, claim: Claim, work: Work) -> Came:
        """See `Elsewhere`."""
        name = self._seal.name(claim)
        place = (Ask(f"once:{name}", 1, queue=True),)
        while not self._sharing.away:
            drawn = await self._sharing.draw(place)
            if isinstance(drawn, Drawing):
                try:
                    return await self._done(name, claim, work)
                finally:
                    self._sharing.give_back(drawn)
            note = await self._find(name)
            if note is not None and note.digest != claim.digest:
                return reused(), False
            await asyncio.sleep(AGAIN)
        return await work(), False

    async def _done(self, name: str, claim: Claim, work: Work) -> Came:
        note = await self._find(name)
        if note is not None and note.digest != claim.digest:
            return reused(), False
        if note is not None and note.finished is not None:
            return note.finished, True
        await self._keep(name, _Note(claim.digest))
        finished = await work()
        lasting = finished.lasting and finished.size <= LARGEST
        await self._keep(name, _Note(claim.digest, finished) if lasting else None)
        return finished, False

    async def _find(self, name: str) -> _Note | None:
        try:
            return self._seal.open(name, await self._sharing.get(name))
        except StoreUnavailable:
            return None  # the worst is that it is asked again

    async def _keep(self, name: str, note: _Note | None) -> None:
        kept = None if note is None else self._seal.close(name, note)
        with suppress(StoreUnavailable):  # then it is given again where it was made
            await self._sharing.put(name, kept, self._window)
