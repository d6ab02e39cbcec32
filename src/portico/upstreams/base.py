"""What an upstream is: one method, one exception."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct
from msgspec import field as held

from portico.chat.reply import Batch
from portico.chat.request import ChatRequest
from portico.egress.clients import Client, HTTPAnswer
from portico.egress.status import Receipt
from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Target


class UpstreamFailed(Exception):
    """The only exception an upstream may raise; `dispatch` is the only catcher."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.detail}")
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Account:
    """Where a provider is and who we are there. The key never shows in a repr."""

    name: str
    base_url: str  # without a trailing slash
    client: Client
    api_key: str = field(default="", repr=False)
    flavour: str = "generic"
    tunnelled: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # the operator's own


def elsewhere(failure: Failure, answer: HTTPAnswer) -> bool:
    """
    Blame the exit of *answer* where *failure* is about its place; True: another one is there.

    The same request may then be sent anew: who is refused for a place has been given nothing, and
    an exit that was blamed is left alone for minutes.
    """
    return failure.kind is Kind.REGION and answer.barred()


class Slip(Struct, eq=False):
    """
    What an upstream leaves of an attempt: what it sent, and the receipt of the last answer.

    Pictures that were laid aside are tickets in `body`. Both are None while there is none.
    """

    receipt: Receipt | None = None
    body: bytes | None = None


class Ask(Struct, frozen=True, eq=False):
    """
    One attempt's question. `mend` holds the repairs that earlier failures asked for.

    Whoever carries it notes on `slip` what was sent, and by which way the head of an answer came.
    """

    request: ChatRequest
    target: Target
    mend: frozenset[str] = frozenset()
    slip: Slip = held(default_factory=Slip)


class Upstream(Protocol):
    """An account at a provider, in its own dialect."""

    def open(self, ask: Ask) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """
        Ask the target and give its deltas as they come; leaving the context hangs up.

        Yields whatever is available at once, at least one delta with `finish` before it ends.
        Ends cleanly only when the provider ended the answer cleanly. Never retries, never logs,
        keeps no cancel scope open while it yields.

        Raises:
            UpstreamFailed: before the first batch or instead of any further one.
        """
        ...

    async def models(self) -> frozenset[str] | None:
        """
        Return the model ids the provider lists now, or None where it has no such list.

        Raises:
            UpstreamFailed: the list could not be read.
        """
        ...
