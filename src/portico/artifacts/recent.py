"""What was kept a moment ago: the index is not asked about it again, only told."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from portico.artifacts.index import Artifact
from portico.artifacts.seen import Seen

FRESH = 600.0
"""Seconds for which a claim is relied upon: far fewer than the sweep respects it (LEAST_GRACE)."""
MOST = 2_000
"""Pictures that are remembered: a kilobyte each."""

type _Name = tuple[str | None, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture and its views lie: an artifact, and a key for each view."""

    artifact: Artifact
    keys: tuple[str, ...]


class Recent:
    """
    The places of the pictures kept last; for the event loop alone.

    Bytes that somebody takes out of the store behind our back are missed for ten minutes; an
    artifact that another process deletes is noticed with the next use of it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._places: OrderedDict[_Name, tuple[Place, float]] = OrderedDict()

    def find(self, seen: Seen, now: float) -> Place | None:
        """Return the place of *seen*, if it was kept less than ten minutes ago."""
        place, at = self._places.get(_name(seen), (None, 0.0))
        return place if at <= now < at + FRESH else None

    def keep(self, seen: Seen, artifact: Artifact, keys: Sequence[str], now: float) -> None:
        """Remember that *seen* was claimed and stored at the time *now*."""
        name = _name(seen)
        self._places[name] = Place(artifact, tuple(keys)), now
        self._places.move_to_end(name)
        while len(self._places) > self._most:
            self._places.popitem(last=False)

    def forget(self, gone: str) -> None:
        """Forget what has to do with an artifact's id, or with a key."""
        for name, (place, _) in list(self._places.items()):
            if gone in (place.artifact.id, place.artifact.key, *place.keys):
                del self._places[name]


def _name(seen: Seen) -> _Name:
    return seen.owner, seen.artifact or seen.raw, tuple(view.recipe for view in seen.shown)
