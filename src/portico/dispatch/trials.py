"""One request's attempts: entered, settled, closed; each takes a place and is noted at its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from portico.chat.json import NOT_JSON, is_json, wants_json
from portico.chat.messages import Modality
from portico.chat.request import ChatRequest
from portico.dispatch.exchange import Exchange
from portico.dispatch.eyes import Eyes
from portico.dispatch.hedging import Hedging, Race, Running
from portico.dispatch.journey import Journey
from portico.dispatch.places import Places
from portico.dispatch.refusals import REROUTED
from portico.dispatch.turns import Turns
from portico.routing.attempts import Answered, Attempt, Broken, Failed, Failure, Kind
from portico.routing.tiers import Target
from portico.upstreams.base import Upstream
from portico.upstreams.spending import Begun
from portico.upstreams.standing import Standing


@dataclass(frozen=True, slots=True)
class Records:
    """What outlives a request: who rests, who has a place, who is slow."""

    standing: Standing
    places: Places
    hedging: Hedging
    answer_within: float = 290.0  # seconds to the first delta, all attempts together
    eyes: Eyes | None = None  # without them pictures are sent as they came


class Trials:
    """Owns whatever attempt is under way; closing it hangs up."""

    def __init__(
        self, journey: Journey, turns: Turns, upstreams: Mapping[str, Upstream], records: Records
    ) -> None:
        self.journey = journey
        self.turns = turns
        self.upstreams = upstreams
        self.records = records
        self._under_way: Running | None = None
        self._repaired = False

    async def enter(self, target: Target, request: ChatRequest | None = None) -> Running:
        """Take a place for an attempt at *target*; nothing is sent yet."""
        request = await self._seen(request or self.journey.request, target)
        ask = self.turns.ask(request, target)
        exchange = Exchange(ask, self.journey.began, self._within(target))
        self._under_way = Running(exchange, _Booked(exchange, self))
        return self._under_way

    async def _seen(self, request: ChatRequest, target: Target) -> ChatRequest:
        """Return *request* with its pictures as *target* takes them."""
        eyes = self.records.eyes
        if eyes is None or Modality.IMAGE not in target.accepts:
            return request
        return await eyes.show(self.journey, request, target, self._left)

    async def settle(self, running: Running, failure: Failure | None) -> Running | None:
        """Return *running* if it answers; close it and take its failure into account if not."""
        if failure is not None and self.turns.refuses(failure):
            running.exchange.refuse()
            failure = None
        if failure is None and (unfit := self._unfit(running.exchange)) is not None:
            running.exchange.discard(unfit)
            failure = unfit
        if failure is None:
            if any(map(_by_no_tunnel, self.journey.attempts)):
                self.journey.degrade(REROUTED)
            self._under_way = running
            self.journey.answering, self.journey.under_way = running.exchange.target, True
            return running
        await running.scope.aclose()
        self.turns.note(running.exchange.target, failure)
        return None

    def _unfit(self, exchange: Exchange) -> Failure | None:
        """Return why an answer that has come is not given, but the next is asked."""
        if exchange.finish == "content_filter" and not exchange.text:
            blocked = Failure(Kind.REFUSED, "the answer was blocked", 200)
            return None if self.turns.refuses(blocked) else blocked
        if not self._is_not_json(exchange):
            return None
        if self.turns.more and not self._repaired:
            self._repaired = True
            return Failure(Kind.INCAPABLE, NOT_JSON)
        self.journey.degraded.append("invalid-json")
        return None

    def _is_not_json(self, exchange: Exchange) -> bool:
        """A whole answer that is not the JSON that was asked for; a cut one is known as such."""
        request = self.journey.request
        if request.stream or not wants_json(request) or exchange.finish != "stop":
            return False
        return not is_json(exchange.text)

    async def race(self, target: Target, after: float) -> Running | None:
        """Ask *target* and, after *after* seconds of silence, somebody else too; who was first?"""
        hedging = self.records.hedging
        race = Race(self.enter, self._start, self.turns.refuses)
        hedging.count()
        winner, failures = await race.run(target, after, self._second)
        for loser, failure in failures:
            self.turns.note(loser, failure)
        if winner is None:
            return None
        outcome = winner.exchange.outcome  # a refusal wins, too, and is told as one
        return await self.settle(winner, outcome.failure if isinstance(outcome, Failed) else None)

    async def _second(self) -> Target | None:
        return await self.turns.beside() if self.records.hedging.allow() else None

    async def go_on(self, target: Target, request: ChatRequest) -> Running | None:
        """Start *target* as a rescuer; None if it does not start."""
        running = await self.enter(target, request)
        return await self.settle(running, await self._start(running))

    async def _start(self, running: Running) -> Failure | None:
        target = running.exchange.target
        return await running.exchange.start(self.upstreams[target.upstream])

    def _within(self, target: Target) -> float:
        """
        Return the seconds that *target* gets to its first delta, or to a whole answer.

        The caller's own clock is shared: with others left to ask, nobody gets more than two
        thirds of what is left of it.
        """
        stream = self.journey.request.stream
        own = target.patience.first_delta if stream else target.patience.total
        left = self._left
        return max(min(own, left * 2 / 3 if self.turns.more else left), 0.01)

    @property
    def _left(self) -> float:
        """Seconds of the caller's own clock."""
        return self.journey.began + self.records.answer_within - time.monotonic()

    def note(self, exchange: Exchange, begun: Begun) -> None:
        """Runs however the attempt ends, also when the caller has left."""
        journey, standing = self.journey, self.records.standing
        journey.under_way = False
        number = len(journey.attempts) + 1
        if journey.tape is not None:
            journey.tape.sent.append(exchange.ask.slip.body)
        journey.attempts.append(exchange.attempt(f"{journey.id}-{number}"))
        match exchange.outcome:
            case Failed(failure) | Broken(failure):
                standing.blame(exchange.target, failure, time.time(), begun)
            case Answered():
                standing.praise(exchange.target)
        if exchange.first_delta is not None:
            self.records.hedging.learn(exchange.target, exchange.first_delta)

    @property
    def owner(self) -> str | None:
        """Whose places these are."""
        return self.journey.caller.owner

    async def aclose(self) -> None:
        """Close whatever is under way; what is closed already stays so."""
        under_way, self._under_way = self._under_way, None  # a cycle would stay until a collection
        try:
            if under_way is not None:
                await under_way.scope.aclose()
        finally:
            self.turns.close()


class _Booked:
    """A place for the time of one attempt, which is noted however it ends."""

    __slots__ = ("_begun", "_claimed", "_closed", "_exchange", "_trials")

    def __init__(self, exchange: Exchange, trials: Trials) -> None:
        self._exchange = exchange
        self._trials = trials
        self._closed = False
        records, target = trials.records, exchange.target
        self._claimed = trials.turns.claimed(target)
        records.places.take(target)
        self._begun = records.standing.quotas.begin(target, trials.turns.tokens, time.time())

    async def aclose(self) -> None:
        """Hang up, give the place back, and note what came of it; once."""
        if self._closed:
            return
        self._closed = True
        exchange, records = self._exchange, self._trials.records
        try:
            await exchange.aclose()
        finally:
            records.places.give_back(exchange.target, self._claimed)
            self._trials.note(exchange, self._begun)
            records.standing.quotas.end(exchange.target, self._begun, exchange.outcome)


def _by_no_tunnel(attempt: Attempt) -> bool:
    outcome = attempt.outcome
    return isinstance(outcome, Failed) and outcome.failure.scope == "path"
