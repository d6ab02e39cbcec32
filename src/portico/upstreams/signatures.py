"""The keeper of Gemini's thought signatures, which OpenAI's clients do not give back."""

from collections import OrderedDict

DUMMY = "skip_thought_signature_validator"
"""What Google takes for a call that another model made (upstream-wire §2.1)."""


class Signatures:
    """
    Remembers, per model and tool call id, the signature that must come back with the call.

    Bounded twice, least recently used first out: *limit* entries and *weight* characters. It is
    one process's memory and never more: what is forgotten is replaced by `DUMMY`, which costs
    the model some of its train of thought and nobody an error. Signatures never leave towards
    clients, so an id that somebody guesses shows them nothing.
    """

    def __init__(self, limit: int = 50_000, weight: int = 128 * 1024 * 1024) -> None:
        self._limit = limit
        self._weight = weight
        self._held = 0
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()

    def remember(self, owner: str, call_id: str, signature: str) -> None:
        """Keep *signature* for that call of *owner* (an upstream's model); the newest counts."""
        self._held += len(signature) - len(self._kept.pop((owner, call_id), ""))
        self._kept[owner, call_id] = signature
        while len(self._kept) > self._limit or self._held > self._weight:
            self._held -= len(self._kept.popitem(last=False)[1])

    def recall(self, owner: str, call_id: str) -> str | None:
        """Return the signature that *owner* itself gave for that call, or None."""
        signature = self._kept.get((owner, call_id))
        if signature is not None:
            self._kept.move_to_end((owner, call_id))
        return signature
