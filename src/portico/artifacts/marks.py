"""Bytes known again within one process, five times as quickly as by a hash (decision 111)."""

import os
from collections.abc import Buffer


class Marks:
    """
    Gives bytes a mark of 16 bytes: the same ones the same, others another.

    It is GMAC under a key that nobody else has. Who cannot see marks cannot make two inputs share
    one; so a mark stays in memory, and is told to nobody. Made in a thread: what it imports takes
    milliseconds.
    """

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(os.urandom(16))
        self._nonce = bytes(12)  # always the same: nothing is encrypted, and no mark is shown

    def __call__(self, held: Buffer) -> bytes:
        """Return the mark of *held*."""
        return self._cipher.encrypt(self._nonce, b"", memoryview(held))
