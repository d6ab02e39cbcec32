"""What was prepared before: a picture is sent again with every turn of its chat."""

from collections import OrderedDict
from collections.abc import Sequence

from portico.artifacts.pictures import Prepared
from portico.artifacts.profiles import Profile

BESIDES = 4_000
"""Bytes that a view takes besides its content and text: its likeness, names, places."""

type _Name = tuple[bytes, Profile]


class Kept:
    """
    The prepared pictures asked for last, within *room* bytes of content and text.

    A picture is known by a mark of its bytes, not by its pixels: so nothing is decoded to look it
    up, and nobody gets the note or the text of another file. Not for threads: ask and
    keep on the event loop.
    """

    def __init__(self, room: int = 128_000_000) -> None:
        self._room = room
        self._held = 0
        self._made: OrderedDict[_Name, tuple[Prepared, ...]] = OrderedDict()

    @property
    def held(self) -> int:
        """Return the bytes of everything kept."""
        return self._held

    def find(self, known: bytes, profile: Profile) -> tuple[Prepared, ...]:
        """Return what was made of picture *known* for *profile*; nothing if it is not kept."""
        made = self._made.get((known, profile), ())
        if made:
            self._made.move_to_end((known, profile))
        return made

    def keep(self, known: bytes, profile: Profile, made: Sequence[Prepared]) -> None:
        """Keep what was made of one picture, and forget what was not asked for the longest."""
        size = _size(made)
        if not made or size > self._room:
            return
        name = (known, profile)
        self._held += size - _size(self._made.pop(name, ()))
        self._made[name] = tuple(made)
        while self._held > self._room:
            self._held -= _size(self._made.popitem(last=False)[1])


def _size(made: Sequence[Prepared]) -> int:
    """With what else there is: a million tiny pictures take room as well."""
    return sum(len(one.content) + 4 * len(one.text) + BESIDES for one in made)
