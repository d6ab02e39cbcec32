"""The one place that says whether a request may be asked at all."""

from collections.abc import Callable

from portico.errors import Unauthenticated


class Gate:
    """Knows callers by their key. *find* gives a key's id, or None for a key nobody made."""

    def __init__(self, required: bool, find: Callable[[str], str | None]) -> None:
        self.required = required
        self._find = find

    def admit(self, authorization: bytes | None) -> str | None:
        """
        Return the caller's id, None where keys are not needed and none was given.

        Raises:
            Unauthenticated: no key, or an unknown one, where keys are needed.
        """
        if not self.required:
            return None
        scheme, _, key = (authorization or b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated("This gateway needs a key: `Authorization: Bearer pk-…`.")
        caller = self._find(key.strip())
        if caller is None:
            raise Unauthenticated("This key is not known here, or no longer.")
        return caller
