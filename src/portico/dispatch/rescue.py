"""An answer in progress, which somebody else goes on with when it breaks off."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from portico.chat.continuation import continuation
from portico.chat.json import is_json, wants_json
from portico.chat.messages import Modality
from portico.chat.reply import Batch, Usage
from portico.chat.request import ChatRequest
from portico.dispatch.hedging import Running
from portico.dispatch.journey import Journey
from portico.dispatch.seam import Kind, Seam
from portico.dispatch.trials import Trials
from portico.errors import StreamBroken
from portico.routing.attempts import Broken
from portico.routing.tiers import Target
from portico.routing.verdicts import Step, judge


@dataclass(frozen=True, slots=True)
class Rescued:
    """Who took over from whom, and how it took up the thread; `seam` decides the latter late."""

    from_: str
    to: str
    seam: Seam

    @property
    def kind(self) -> str:
        """How: continued, overlapped, repeated or restarted."""
        return (self.seam.kind or Kind.CONTINUED).value

    def told(self) -> dict[str, dict[str, str]]:
        """Return what the `portico` field of a chunk says of it."""
        return {"rescued": {"from": self.from_, "to": self.to, "kind": self.kind}}


class Answer:
    """
    What a gateway gives: the exchange in progress, and whoever goes on with it.

    `target` is who speaks now: it changes at a seam. Only text is ever spliced: never tool
    calls, JSON, or several choices. Reasoning is shown once.
    """

    def __init__(self, trials: Trials, running: Running, *, rescue: bool) -> None:
        self.rescued: list[Rescued] = []
        self.remarks: dict[str, Any] = {}
        self._trials = trials
        self._tape = trials.journey.tape
        self._running = running
        self._text: list[str] = []
        request = trials.journey.request
        self._spliceable = rescue and request.stream and _one_text(request)
        self._json = request.stream and wants_json(request)
        self._listening = _heard(trials.journey)
        self._usage: Usage | None = None  # of those who broke off

    def told(self) -> dict[str, Any]:
        """Return what the `portico` field of a chunk says: of a rescue, of what is amiss."""
        return {**self.remarks, **(self.rescued[-1].told() if self.rescued else {})}

    @property
    def text(self) -> str:
        """What was relayed so far, where somebody has to know it later."""
        return "".join(self._text)

    @property
    def target(self) -> Target:
        """Who speaks now."""
        return self._running.exchange.target

    def batches(self) -> "Answer":
        """
        Relay the answer, once; ends only if it is whole.

        Raises:
            StreamBroken: it broke off, and nobody could go on with it.
        """
        return self

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> Batch:
        batch = await self._more()
        if batch is None:
            self._tell()
            raise StopAsyncIteration
        if self.rescued:
            batch = self._spliced(batch)
        if self._tape is not None:
            self._tape.hear(batch)
        if self._spliceable or self._json or self._listening:
            self._remember(batch)
        return batch

    async def _more(self) -> Batch | None:
        """Return what came next, from whoever goes on where somebody broke off."""
        while True:
            try:
                return await self._running.exchange.more()
            except StreamBroken as broken:
                if not await self._go_on():
                    raise broken from None

    def _tell(self) -> None:
        """The ledger is told too."""
        for rescued in self.rescued:
            self._trials.journey.degraded.append(f"rescued-{rescued.kind}")

    def _spliced(self, batch: Batch) -> Batch:
        """Drop what the rescuer repeats, and thoughts: the reader has seen some already."""
        seam = self.rescued[-1].seam
        found: Batch = []
        for delta in batch:
            text = seam.feed(delta.text) if delta.text else ""
            if delta.finish is not None:
                text += seam.end()
            usage = _sum(self._usage, delta.usage) if delta.usage else None
            found.append(replace(delta, text=text, reasoning="", usage=usage, pieces=()))
        return found

    def _remember(self, batch: Batch) -> None:
        for delta in batch:
            if delta.text:
                self._text.append(delta.text)
            if delta.tool_calls or delta.refusal or delta.finish:
                self._spliceable = False
            if delta.finish == "stop" and self._json and not is_json("".join(self._text)):
                self.remarks["invalid_json"] = True
                self._trials.journey.degraded.append("invalid-json")

    async def _go_on(self) -> bool:
        """Close what broke, and start the next who can; False if nobody may or can."""
        outcome, trials = self._running.exchange.outcome, self._trials
        if not self._spliceable or not isinstance(outcome, Broken):
            return False
        if judge(outcome.failure).step is not Step.NEXT:
            return False
        sent, broke = "".join(self._text), self.target.name
        self._usage = _sum(self._usage, outcome.usage)
        await self._running.scope.aclose()
        while (target := await trials.turns.next()) is not None:
            exact = "prefill" in target.features
            asked = continuation(trials.journey.request, sent, prefill=exact)
            running = await trials.go_on(target, asked)
            if running is not None:
                self._running = running
                self.rescued.append(Rescued(broke, target.name, Seam(sent, exact=exact)))
                return True
        return False


def _heard(journey: Journey) -> bool:
    """Whether the answer is also the description of a picture."""
    route = journey.route
    if route is None or journey.prepared:
        return False
    return route.role.hand_down and Modality.IMAGE in route.needs.modalities


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
