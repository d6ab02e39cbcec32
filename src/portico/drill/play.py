"""Plays one scene: orders its fault, asks, and gathers what came of it."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import httpx

from portico.chat.reply import Usage
from portico.drill.base import Ask, Heard, Part, Played, Scene, Taken, Try
from portico.drill.caller import Caller
from portico.drill.judging import undisturbed
from portico.drill.stage import Stage, open_stage
from portico.ledger.prices import cost, plain
from portico.settings import Settings
from portico.simulator.calls import Bill
from portico.simulator.state import Simulator

BASELINE = 3
"""Undisturbed requests that are timed, after one that is not."""

LATER = 5.0
"""Seconds that the ledger and the simulator's bills may take to follow."""

LOOK = 0.02
EVERY = 0.2
"""Seconds between two requests while an upstream flaps."""

WORDS = (
    "First the hierarchy: the title is smaller than its labels. Second the spacing, which changes "
    "from 8 to 14 pixels for no reason. Third the contrast of the grey hint, far under 4.5 to 1. "
    "Last of all the button, which nobody will find below the fold."
)


async def play(settings: Settings, scene: Scene, client: httpx.AsyncClient) -> Played | None:
    """Play *scene* on a stage of its own; None if nobody in *settings* can have its fault."""
    async with open_stage(settings, scene, client) as stage:
        return None if stage is None else await _Playing(scene, stage).run()


class _Playing:
    def __init__(self, scene: Scene, stage: Stage) -> None:
        self._scene = scene
        self._stage = stage
        self._heard: list[tuple[Ask, str, Heard, int]] = []

    async def run(self) -> Played:
        stage, scene = self._stage, self._scene
        usual = await self._undisturbed()
        before = self._calls()
        billed = len(stage.simulator.bills)
        if scene.flaps:
            await self._flap()
        else:
            self._break()
            for ask in scene.asks:
                await asyncio.sleep(ask.pause)
                await self._ask(ask)
        taken = [
            Taken(ask, said, heard, calls, await _tries(stage.caller, heard))
            for ask, said, heard, calls in self._heard
        ]
        await _billed(stage.simulator, billed + self._calls() - before)
        usd = _sum(stage.simulator.bills[billed:], stage.cast.parts)
        return Played(scene, stage.cast, tuple(taken), usual, usd)

    async def _undisturbed(self) -> float:
        """Where nobody accepts, whoever is asked next tells what is usual."""
        cast, hangs = self._stage.cast, self._scene.hangs
        if hangs and len(cast.parts) == 1:
            return 0.0
        model = cast.parts[1].target.name if hangs else cast.model
        told = [
            (await self._stage.caller.ask(model, f"SAY: {WORDS}", stream=True)).seconds
            for _ in range(BASELINE + 1)
        ]
        return undisturbed(told[1:])

    async def _flap(self) -> None:
        flapping = asyncio.create_task(self._alternate())
        while not flapping.done():
            await self._ask(self._scene.asks[0])
            await asyncio.sleep(EVERY)
        await flapping

    async def _alternate(self) -> None:
        for number, seconds in enumerate(self._scene.flaps):
            if number % 2 == 0:
                self._break()
            else:
                self._mend()
            await asyncio.sleep(seconds)

    async def _ask(self, ask: Ask) -> None:
        if ask.mended:
            self._mend()
        said = f"Answer {len(self._heard) + 1} of {self._scene.name}. {WORDS}"
        before = self._calls()
        heard = await self._stage.caller.ask(
            self._stage.cast.model, f"SAY: {said}", stream=ask.stream
        )
        self._heard.append((ask, said, heard, self._calls() - before))

    def _break(self) -> None:
        order = self._stage.order
        if order is None:
            return
        parts = self._stage.cast.parts if self._scene.everybody else self._stage.cast.parts[:1]
        for part in parts:
            self._stage.simulator.fault(
                part.stage, part.target.model, order.fault, order.times, **order.params
            )

    def _mend(self) -> None:
        self._stage.simulator.faults.clear()

    def _calls(self) -> int:
        return sum(count for (_, model), count in self._stage.simulator.counts.items() if model)


async def _tries(caller: Caller, heard: Heard) -> tuple[Try, ...]:
    """The ledger is written a little later; without a request's id there is nothing to find."""
    patience = int(LATER / LOOK) if heard.request else 0
    for _ in range(patience):
        if (found := await caller.tries(heard.request)) is not None:
            return found
        await asyncio.sleep(LOOK)
    return ()


async def _billed(simulator: Simulator, calls: int) -> None:
    """A call that was hung up is billed when the simulator notices."""
    for _ in range(int(LATER / LOOK)):
        if len(simulator.bills) >= calls:
            return
        await asyncio.sleep(LOOK)


def _sum(bills: Sequence[Bill], parts: Sequence[Part]) -> str | None:
    """Return US dollars for *bills* at the catalog's prices; None where a price is not known."""
    prices = {(part.stage, part.target.model): part.target.price for part in parts}
    usd = Decimal(0)
    for bill in bills:
        used = Usage(input=bill.input, output=bill.output, cached=bill.cached)
        paid = cost(used, prices.get((bill.upstream, bill.model)))
        if paid is None:
            return None
        usd += paid
    return plain(usd)
