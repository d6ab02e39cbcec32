"""One attempt at one target and, once it has started, the answer in progress."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from portico.chat.reply import Batch, Delta, Usage
from portico.dispatch.clock import Clock
from portico.egress.status import Receipt
from portico.errors import StreamBroken
from portico.routing.attempts import (
    Abandoned,
    Answered,
    Attempt,
    Broken,
    Failed,
    Failure,
    Kind,
    Outcome,
    Passage,
)
from portico.upstreams.base import Ask, Upstream, UpstreamFailed

BLOCKED: Batch = [Delta(finish="content_filter")]
"""What OpenAI's clients expect of a prompt that the provider's policy refused."""


class Exchange:
    """
    An async context manager: leaving it hangs up and settles the attempt's outcome.

    Until proven otherwise the outcome is that the caller left.
    """

    def __init__(self, ask: Ask, began: float, within: float) -> None:
        self.ask = ask
        self.target = ask.target  # who was asked
        self.within = within  # seconds to the first delta, or to a whole answer
        self.outcome: Outcome = Abandoned()
        self.first_delta: float | None = None
        self._started = time.monotonic()
        self._since = self._started - began
        self._usage: Usage | None = None
        self._held: Batch = []
        self._relaying = False
        self._rest: AsyncIterator[Batch] | None = None
        self._open: AbstractAsyncContextManager[AsyncIterator[Batch]] | None = None
        self._clock = Clock()
        self._finished = False

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up; the outcome is settled."""
        self._clock.stop()
        if self._open is not None:
            await self._open.__aexit__(None, None, None)
        if isinstance(self.outcome, Abandoned):
            self.outcome = Abandoned(self._usage)

    async def start(self, upstream: Upstream) -> Failure | None:
        """Wait for the first delta; return why there is none, or None once there is one."""
        try:
            with self._clock.within(self.within):
                opening = upstream.open(self.ask)
                self._rest = await opening.__aenter__()
                self._open = opening  # an exit stack for this one context would cost more than it
                found = await self._until_it_counts(self._rest)
        except TimeoutError:
            waited = "first delta" if self.ask.request.stream else "answer"
            return self._fail(Failure(Kind.SILENT, f"no {waited} within {self.within:.3g} s"))
        except UpstreamFailed as exc:
            return self._fail(exc.failure)
        if not found:
            return self._fail(Failure(Kind.UNAVAILABLE, "the answer ended before it began"))
        self.first_delta = time.monotonic() - self._started
        return None

    async def _until_it_counts(self, rest: AsyncIterator[Batch]) -> bool:
        """Role-only chunks, empty strings and keep-alives do not start an answer."""
        async for batch in rest:
            self._held += batch
            for delta in batch:
                if delta.counts:
                    return True
        return False

    @property
    def text(self) -> str:
        """The text of the first choice that has come so far and is not relayed yet."""
        return "".join(delta.text for delta in self._held if not delta.choice)

    @property
    def finish(self) -> str | None:
        """How what has come so far and is not relayed yet ends, if it does."""
        for delta in reversed(self._held):
            if delta.finish:
                return delta.finish
        return None

    def discard(self, failure: Failure) -> None:
        """Treat an answer that came whole as none; what it used is booked."""
        self._note(self._held)
        self.outcome = Broken(failure, self._usage)

    def refuse(self) -> None:
        """Answer as OpenAI does where a provider's policy refused; the outcome stays."""
        self._held, self._rest = BLOCKED, None

    async def more(self) -> Batch | None:
        """
        Return what is to be relayed next; None at the end, which comes only if the answer is whole.

        Raises:
            StreamBroken: the upstream was lost, or stayed silent for too long.
        """
        batch = await self._next() if self._relaying else self._held
        self._relaying = True
        if batch is not None:
            self._note(batch)
        elif isinstance(self.outcome, Abandoned):
            self.outcome = Answered(self._usage)
        return batch

    def _note(self, batch: Batch) -> None:
        for delta in batch:
            if delta.usage is not None:
                self._usage = delta.usage
            if delta.finish is not None:
                self._finished = True

    @property
    def _whole(self) -> bool:
        """True once the only answer that was asked for has told its end."""
        return self._finished and (self.ask.request.n or 1) == 1

    async def _next(self) -> Batch | None:
        if self._rest is None:
            return None
        idle = self.target.patience.idle
        try:
            with self._clock.within(idle):
                return await anext(self._rest)
        except StopAsyncIteration:
            if self._finished:
                return None
            failure = Failure(Kind.UNAVAILABLE, "the stream ended without a finish reason")
        except TimeoutError:
            if self._whole:  # it has said how it ends, and only holds the line
                return None
            failure = Failure(Kind.SILENT, f"nothing more for {idle:g} s")
        except UpstreamFailed as exc:
            failure = exc.failure
        self.outcome = Broken(failure, self._usage)
        raise StreamBroken(f"{self.target.name} broke off: {failure.detail or failure.kind}")

    def _fail(self, failure: Failure) -> Failure:
        self.outcome = Failed(failure)
        return failure

    def attempt(self, ident: str) -> Attempt:
        """Return the record of this attempt, as it stands now."""
        took, way = time.monotonic() - self._started, _passage(self.ask.slip.receipt)
        return Attempt(ident, self.target, self._since, took, self.outcome, self.first_delta, way)


def _passage(receipt: Receipt | None) -> Passage | None:
    if receipt is None or receipt.tunnel is None:
        return None
    exit = receipt.exit
    if exit is None:
        return Passage(receipt.tunnel)
    return Passage(receipt.tunnel, exit.address, exit.region, receipt.age)
