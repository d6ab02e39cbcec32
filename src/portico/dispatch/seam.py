"""
Where a rescuer's words meet those that were already sent. Pure.

A rescuer that was asked to go on from exactly there may do so, or repeat a tail of what was sent,
or start all over, each with other white space. Characters are compared without white space; what
is found twice is held back and dropped. Only as much is held back as could still be a repetition.
"""

from enum import StrEnum

WINDOW = 600  # characters of a tail that may be repeated, white space aside
CERTAIN = 16  # so many equal characters are no coincidence
WORD = 4  # nor are so few, if they are whole words and begin without a space
RESTARTED = 24  # equal characters after which a departing text was a restart


class Kind(StrEnum):
    """How the rescuer took up the thread."""

    CONTINUED = "continued"  # went on from exactly there
    OVERLAPPED = "overlapped"  # repeated a tail, which was dropped
    REPEATED = "repeated"  # started over, said the same, and went on
    RESTARTED = "restarted"  # started over and said something else: the reader is told


class Seam:
    """
    Decides once, then lets everything through.

    *exact* is for a rescuer that was given the text as a prefix of its own: it goes on from
    there, and may only echo all of it.
    """

    def __init__(self, sent: str, *, exact: bool = False) -> None:
        self.kind: Kind | None = None
        self._sent = sent
        self._bare = _bare(sent)
        self._tail = "" if exact else self._bare[-WINDOW:]
        self._held = ""
        self._space = ""  # white space that was sent and is about to come again

    def feed(self, text: str) -> str:
        """Return what of the rescuer's next *text* is new; "" while it may be a repetition."""
        if self.kind is not None:
            return self._spaced(text) if self._space else text
        self._held += text
        said = _bare(self._held)
        if said.startswith(self._bare):
            return self._cut(len(self._bare), Kind.REPEATED if self._bare else Kind.CONTINUED)
        if self._bare.startswith(said) or said in self._tail:
            return ""
        return self._decide(said)

    def end(self) -> str:
        """The rescuer has finished: return what was held back and is new after all."""
        if self.kind is not None:
            return ""
        said = _bare(self._held)
        if said and not self._bare.endswith(said):
            return self._decide(said)
        again = bool(said) and self._bare.find(said) == len(self._bare) - len(said)
        return self._cut(len(said) if again else 0, Kind.OVERLAPPED if again else Kind.CONTINUED)

    def _decide(self, said: str) -> str:
        overlap = self._overlap(said)
        if overlap:
            return self._cut(overlap, Kind.OVERLAPPED)
        if _common(said, self._bare) >= min(RESTARTED, len(self._bare)):
            self.kind, whole = Kind.RESTARTED, self._held
            return f"\n\n{whole.lstrip()}"
        return self._cut(0, Kind.CONTINUED)

    def _overlap(self, said: str) -> int:
        """Return how many characters of *said* the sent text ends with, if it is no chance."""
        for size in range(min(len(said), len(self._tail)), WORD - 1, -1):
            if self._tail.endswith(said[:size]) and self._meant(said[:size]):
                return size
        return 0

    def _meant(self, again: str) -> bool:
        """A text that repeats itself may well go on with what it ends with."""
        size = len(again)
        if self._bare.find(again) < len(self._bare) - size:
            return False
        if size >= CERTAIN:
            return True
        if self._held[:1].isspace():
            return False  # who begins with a space goes on after a word
        before = self._sent[: _start_of(self._sent, size)]
        return not before or before[-1].isspace()

    def _cut(self, size: int, kind: Kind) -> str:
        """Drop *size* characters (white space aside) of what is held, and give the rest."""
        self.kind = kind
        if not size:
            return self._held
        self._space = self._sent[len(self._sent.rstrip()) :]
        return self._spaced(self._held[_end_of(self._held, size) :])

    def _spaced(self, text: str) -> str:
        """Drop from *text* the white space that the sent text already ends with."""
        size = _common(text, self._space)
        self._space = self._space[size:] if size == len(text) else ""
        return text[size:]


def _bare(text: str) -> str:
    return "".join(text.split())


def _common(one: str, other: str) -> int:
    """Return how many characters *one* and *other* begin with together."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _end_of(text: str, size: int) -> int:
    """Return the index in *text* after its first *size* characters, white space aside."""
    index = 0
    while size:
        size -= not text[index].isspace()
        index += 1
    return index


def _start_of(text: str, size: int) -> int:
    """Return the index in *text* at which its last *size* characters begin, white space aside."""
    index = len(text)
    while size:
        index -= 1
        size -= not text[index].isspace()
    return index
