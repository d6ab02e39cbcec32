"""An answer in progress, which somebody else goes on with when it breaks off."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType

from msgspec.structs import replace

from portico.chat.continuation import continuation
from portico.chat.reply import Batch, Usage
from portico.chat.request import ChatRequest
from portico.dispatch.exchange import Exchange
from portico.dispatch.journey import Journey
from portico.dispatch.seam import Kind, Seam
from portico.errors import StreamBroken
from portico.routing.attempts import Broken
from portico.routing.tiers import Target
from portico.routing.verdicts import Step, judge

type Start = Callable[[Target, ChatRequest], Awaitable[tuple[Exchange, AsyncExitStack] | None]]
type Next = Callable[[], Awaitable[Target | None]]


@dataclass(frozen=True, slots=True)
class Rescued:
    """Who took over from whom, and how it took up the thread; `seam` decides the latter late."""

    from_: str
    to: str
    seam: Seam

    def told(self) -> dict[str, dict[str, str]]:
        """Return what the `portico` field of a chunk says of it."""
        kind = self.seam.kind or Kind.CONTINUED
        return {"rescued": {"from": self.from_, "to": self.to, "kind": kind.value}}


class Answer:
    """
    What a gateway gives: the exchange in progress, and whoever goes on with it.

    `target` is who speaks now: it changes at a seam. Only text is ever spliced: never tool
    calls, JSON, or several choices. Reasoning is shown once. Leaving the context hangs up.
    """

    def __init__(self, journey: Journey, exchange: Exchange, scope: AsyncExitStack) -> None:
        self.rescued: list[Rescued] = []
        self._journey = journey
        self._exchange = exchange
        self._scope = scope
        self._next: Next | None = None
        self._start: Start | None = None
        self._text: list[str] = []
        self._spliceable = journey.request.stream and _one_text(journey.request)
        self._usage: Usage | None = None  # of those who broke off

    def may_go_on(self, next_: Next, start: Start) -> None:
        """Say who is next if it breaks, and how to start them."""
        self._next, self._start = next_, start

    async def __aenter__(self) -> "Answer":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for rescued in self.rescued:
            self._journey.degraded.append(f"rescued-{rescued.told()['rescued']['kind']}")
        await self._scope.__aexit__(kind, error, trace)

    @property
    def target(self) -> Target:
        """Who speaks now."""
        return self._exchange.target

    async def batches(self) -> AsyncIterator[Batch]:
        """
        Relay the answer; ends only if it is whole.

        Raises:
            StreamBroken: it broke off, and nobody could go on with it.
        """
        while True:
            try:
                async for batch in self._exchange.batches():
                    relayed = self._spliced(batch) if self.rescued else batch
                    if self._spliceable:
                        self._remember(relayed)
                    yield relayed
                return
            except StreamBroken as broken:
                if not await self._go_on():
                    raise broken from None

    def _spliced(self, batch: Batch) -> Batch:
        """Drop what the rescuer repeats, and thoughts: the reader has seen some already."""
        seam = self.rescued[-1].seam
        found: Batch = []
        for delta in batch:
            text = seam.feed(delta.text) if delta.text else ""
            if delta.finish is not None:
                text += seam.end()
            usage = _sum(self._usage, delta.usage) if delta.usage else None
            found.append(replace(delta, text=text, reasoning="", usage=usage))
        return found

    def _remember(self, batch: Batch) -> None:
        for delta in batch:
            if delta.text:
                self._text.append(delta.text)
            if delta.tool_calls or delta.refusal or delta.finish:
                self._spliceable = False

    async def _go_on(self) -> bool:
        """Close what broke, and start the next who can; False if nobody may or can."""
        outcome = self._exchange.outcome
        if not self._spliceable or self._next is None or self._start is None:
            return False
        if not isinstance(outcome, Broken) or judge(outcome.failure).step is not Step.NEXT:
            return False
        sent, broke = "".join(self._text), self.target.name
        self._usage = _sum(self._usage, outcome.usage)
        await self._scope.aclose()
        while (target := await self._next()) is not None:
            exact = "prefill" in target.features
            asked = continuation(self._journey.request, sent, prefill=exact)
            started = await self._start(target, asked)
            if started is not None:
                self._exchange, self._scope = started
                self.rescued.append(Rescued(broke, target.name, Seam(sent, exact=exact)))
                return True
        return False


def _one_text(request: ChatRequest) -> bool:
    shape = request.response_format
    return (request.n or 1) == 1 and (shape is None or shape.type == "text")


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    """Add up what was used by everybody who took part, as far as it is known."""
    if one is None or other is None:
        return one or other
    return Usage(
        one.input + other.input,
        one.output + other.output,
        one.cached + other.cached,
        one.reasoning + other.reasoning,
    )
