"""Several searches as one: by their ranks, since their scores cannot be compared. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from portico.memory.base import Hit

DAMPING = 60
"""RRF's constant: how little the very first places outweigh those behind them."""


class Found(Struct, frozen=True, kw_only=True):
    """
    What was found, and why. `places` are the ranks (from 1) by the search that found it.

    `words` are those of the query that it holds; `meaning` and `likeness` are cosines.
    """

    hit: Hit
    score: float
    places: Mapping[str, int]
    words: tuple[str, ...] = ()
    meaning: float | None = None
    likeness: float | None = None


def fused(searches: Mapping[str, Sequence[Hit]]) -> list[Found]:
    """
    Return what any of *searches* (`words`, `meaning`, `likeness`) found, the best first.

    An artifact counts once, by the best of its chats in each search.
    """
    places: dict[str, dict[str, int]] = {}
    hits: dict[str, dict[str, Hit]] = {}
    for name, found in searches.items():
        first: dict[str, Hit] = {}
        for hit in found:
            first.setdefault(hit.artifact, hit)
        for rank, (artifact, hit) in enumerate(first.items(), 1):
            places.setdefault(artifact, {})[name] = rank
            hits.setdefault(artifact, {})[name] = hit
    told = [_found(hits[artifact], ranks) for artifact, ranks in places.items()]
    return sorted(told, key=lambda one: (-one.score, -one.hit.at, one.hit.id))


def _found(hits: Mapping[str, Hit], ranks: Mapping[str, int]) -> Found:
    best = min(ranks, key=lambda name: ranks[name])
    words, meaning, likeness = (hits.get(name) for name in ("words", "meaning", "likeness"))
    return Found(
        hit=hits[best],
        score=sum(1 / (DAMPING + rank) for rank in ranks.values()),
        places=ranks,
        words=words.words if words else (),
        meaning=meaning.likeness if meaning else None,
        likeness=likeness.likeness if likeness else None,
    )
