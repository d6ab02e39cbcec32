"""Words as they are looked for: of any script, without accents and case."""

import hashlib
import re
import unicodedata
from collections import Counter

from portico.memory.base import LONGEST, MOST_WORDS

_WORD = re.compile(r"[^\W_]+")
_EACH = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
"""Scripts that put no spaces between words: each sign counts as one."""

USUAL = 48.0
"""Words of a usual text; longer ones weigh less (BM25's `b` and `k1`)."""
B, K1 = 0.75, 1.2


def words_of(text: str) -> list[str]:
    """Return the words of *text* in their order, at most LONGEST characters of it."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _WORD.findall(_EACH.sub(r" \1 ", unicodedata.normalize("NFC", plain)))


def asked_of(text: str) -> list[str]:
    """Return the words that a query looks for, each once."""
    return list(dict.fromkeys(words_of(text)))[:MOST_WORDS]


def place(word: str) -> int:
    """Return the place of *word* in a sparse vector: 31 bits of a hash."""
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def weights(words: list[str]) -> dict[int, float]:
    """Return how much each word says of its text; how rare it is, the store knows."""
    length = K1 * (1 - B + B * len(words) / USUAL)
    counts = Counter(place(word) for word in words)
    return {at: count * (K1 + 1) / (count + length) for at, count in counts.items()}
