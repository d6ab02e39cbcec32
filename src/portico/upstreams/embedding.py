"""What an upstream with embedding targets is, and what each dialect's has in common."""

import math
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from portico.chat.embedding import Embedded, EmbedRequest, added
from portico.egress.clients import EgressError, HTTPAnswer, HTTPRequest
from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Target
from portico.upstreams.base import Account, UpstreamFailed, elsewhere
from portico.upstreams.faults import from_exception, from_status

MOST_ERROR = 1024 * 1024
"""Bytes of an error answer that are read."""

type Texts = list[str] | list[list[int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One attempt's question."""

    request: EmbedRequest
    target: Target


class Embeds(Protocol):
    """An account at a provider that makes embeddings."""

    async def embed(self, wanted: Wanted) -> Embedded:
        """
        Return one vector for each input, in their order; all have the same length.

        Never retries and never logs; a request of more inputs than the provider takes at once
        is asked in parts. The caller's clock bounds it.

        Raises:
            UpstreamFailed: there is no answer, or none that can be believed.
        """
        ...


class Speaks(Protocol):
    """How one dialect asks for embeddings. Pure."""

    def most(self, account: Account) -> int:
        """Inputs that the provider takes in one call."""
        ...

    def asked(self, account: Account, wanted: Wanted, texts: Texts) -> HTTPRequest:
        """
        Return the call that asks for the vectors of *texts*.

        Raises:
            UpstreamFailed: the provider cannot be asked so.
        """
        ...

    def read(self, body: bytes) -> Embedded | None:
        """Return what *body* tells, or None where it is no such answer."""
        ...


@dataclass(frozen=True, slots=True)
class Embedder:
    """An account, and its dialect; see `Embeds`."""

    account: Account
    dialect: Speaks

    async def embed(self, wanted: Wanted) -> Embedded:
        """Ask in as few calls as the provider takes it in."""
        most = self.dialect.most(self.account)
        given = wanted.request.input
        parts = [
            await self._part(wanted, given[at : at + most]) for at in range(0, len(given), most)
        ]
        found = added(parts)
        if failure := _wrong(found, wanted):
            raise UpstreamFailed(failure)
        return found

    async def _part(self, wanted: Wanted, texts: Texts) -> Embedded:
        call = self.dialect.asked(self.account, wanted, texts)
        try:
            async with AsyncExitStack() as stack:
                while True:  # until an exit is served, or none is left
                    answer = await stack.enter_async_context(self.account.client.send(call))
                    if answer.status == 200:
                        break
                    failure = self._judged(answer, await answer.read(MOST_ERROR))
                    if not elsewhere(failure, answer):
                        raise UpstreamFailed(failure)
                body = await answer.read()
        except EgressError as exc:
            raise UpstreamFailed(from_exception(exc)) from exc
        found = self.dialect.read(body)
        if found is None:
            raise UpstreamFailed(self._judged(answer, body))
        if len(found.vectors) != len(texts):
            said = f"{len(found.vectors)} vectors for {len(texts)} inputs"
            raise UpstreamFailed(Failure(Kind.GARBLED, said, 200))
        return found

    def _judged(self, answer: HTTPAnswer, body: bytes) -> Failure:
        return from_status(
            self.account.flavour,
            answer.status,
            answer.headers,
            body,
            tunnelled=self.account.tunnelled,
            now=time.time(),
        )


def _wrong(found: Embedded, wanted: Wanted) -> Failure | None:
    """Vectors of another length than is known or was asked for are from another space."""
    lengths = {len(vector) for vector in found.vectors}
    if len(lengths) != 1 or 0 in lengths:
        return Failure(Kind.GARBLED, "vectors of several lengths, or of none", 200)
    if not all(math.isfinite(sum(vector)) for vector in found.vectors):
        return Failure(Kind.GARBLED, "a vector holds what is no number", 200)
    (length,) = lengths
    asked, known = wanted.request.dimensions, wanted.target.dimensions
    if asked is not None and asked != length:
        said = f"makes vectors of {length} numbers, not of {asked}"
        return Failure(Kind.INCAPABLE, said, 200)
    if asked is None and known is not None and known != length:
        return Failure(Kind.GARBLED, f"vectors of {length} numbers, not of {known}", 200)
    return None
