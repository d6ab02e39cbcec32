"""Texts by their meaning: vectors that one and the same space of embedding targets makes."""

import time
from collections.abc import Sequence

from portico.access.base import Caller
from portico.chat.embedding import EmbedRequest
from portico.dispatch.embedding import MEMORY, Embedding, journey_of
from portico.dispatch.journey import Journey
from portico.errors import StoreUnavailable
from portico.memory.base import LONGEST, Space, Vector
from portico.routing.roles import Catalog
from portico.routing.tiers import Target

MOST = 64
"""Texts of one call."""


def space_of(target: Target) -> Space | None:
    """Return the space of *target*'s vectors; None where their length is not known."""
    return Space(target.dimensions, target.space) if target.dimensions else None


def embedder(catalog: Catalog, wished: str | None) -> Target | None:
    """Return who makes the memory's vectors: who is *wished* for, or else the first real one."""
    if wished is not None:
        return catalog.embedders.get(wished)
    real = (one for one in catalog.embedders.values() if not one.simulated and one.dimensions)
    return next(real, None)


class Meaning:
    """Makes vectors with the target *name*, as long as they are of *space*."""

    def __init__(self, embedding: Embedding, name: str, space: Space) -> None:
        self.space = space
        self._embedding = embedding
        self._name = name

    async def vectors(self, texts: Sequence[str], caller: Caller, ident: str) -> list[Vector]:
        """
        Return one vector for each of *texts*; *ident* is that of the request they are for.

        Raises:
            GatewayError: nobody answered, or the configuration has another model by now.
        """
        catalog = self._embedding.house.catalog
        target = catalog.embedders.get(self._name)
        if target is None or space_of(target) != self.space:
            raise StoreUnavailable("the memory is of another embedding model: rebuild it")
        made: list[Vector] = []
        for at in range(0, len(texts), MOST):
            asked = EmbedRequest(self._name, [text[:LONGEST] for text in texts[at : at + MOST]])
            found = await self._embedding.embed(self._journey(caller, f"{ident}-m{at}"), asked)
            made += found.vectors
        return made

    def _journey(self, caller: Caller, ident: str) -> Journey:
        return Journey(ident, journey_of(self._name, MEMORY), time.time(), time.monotonic(), caller)
