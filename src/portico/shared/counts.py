"""The counts of a hub, as pure state: windows, places, whose turn it is, and the board."""

from collections.abc import Mapping

from portico.shared.base import MINUTE, SPARE, Ask, Back, Batch, Drawn, Lent, Reply, Short

TURN = 0.25
"""Seconds for which a place in the queue is kept for a process that does not ask again."""

SOON = 1.0
"""Seconds after which it is worth to ask for a place again."""


class Counts:
    """
    Sync state; *now* is its caller's (epoch seconds). `counting.lua` does the same in Valkey.

    A window is kept in cells of a second, and a cell counts until all of it is over: a minute is
    never too short, and too long by less than two seconds.
    """

    def __init__(self) -> None:
        self.board: dict[str, str] = {}
        self._windows: dict[str, dict[int, int]] = {}
        self._places: dict[str, dict[str, int]] = {}
        self._turns: dict[str, dict[str, tuple[float, float]]] = {}  # who: first and last asked

    def swap(self, batch: Batch, now: float) -> Reply:
        """Take a process's batch, and return what it is told."""
        board = None
        if batch.holds is not None:
            self._hold(batch.who, batch.holds)
            board = dict(self.board)
        for back in batch.backs:
            self._give_back(batch.who, back)
        for say in batch.says:
            if not say.kept:
                continue
            if say.value is None:
                self.board.pop(say.key, None)
            else:
                self.board[say.key] = say.value
        return Reply(tuple(self._draw(batch.who, asks, now) for asks in batch.draws), board)

    def gone(self, who: str) -> None:
        """Free whatever the process *who* had: it has ended."""
        self._hold(who, {})
        for turns in self._turns.values():
            turns.pop(who, None)

    def _hold(self, who: str, holds: Mapping[str, int]) -> None:
        for held in self._places.values():
            held.pop(who, None)
        for name, count in holds.items():
            self._places.setdefault(name, {})[who] = count

    def _give_back(self, who: str, back: Back) -> None:
        if back.cell:
            cells = self._windows.get(back.name, {})
            if back.cell in cells:
                cells[back.cell] -= back.units
        elif held := self._places.get(back.name):
            held[who] = held.get(who, 0) - back.units
            if held[who] <= 0:
                del held[who]
            if not held:
                del self._places[back.name]

    def _draw(self, who: str, asks: tuple[Ask, ...], now: float) -> Drawn:
        for which, ask in enumerate(asks):
            ahead = self._ahead(who, ask, now)
            if ask.most - self._used(ask, now) <= ahead:
                if ask.queue:
                    first, _ = self._turns.setdefault(ask.name, {}).get(who, (now, now))
                    self._turns[ask.name][who] = first, now
                return Drawn(short=Short(which, self._wait(ask, now)))
        taken = [self._take(who, ask, now) for ask in asks]
        return Drawn(Lent(tuple(cell for cell, _ in taken), tuple(spare for _, spare in taken)))

    def _take(self, who: str, ask: Ask, now: float) -> tuple[int, int]:
        if turns := self._turns.get(ask.name):
            turns.pop(who, None)
        left = ask.most - self._used(ask, now) - ask.want
        spare = 0 if self._turns.get(ask.name) else max(0, left // SPARE)
        if not ask.window:
            held = self._places.setdefault(ask.name, {})
            held[who] = held.get(who, 0) + ask.want + spare
            return 0, spare
        cells, cell = self._windows.setdefault(ask.name, {}), int(now)
        cells[cell] = cells.get(cell, 0) + ask.want
        if spare:  # it is used within a second: nothing leaves the window too early
            cells[cell + 1] = cells.get(cell + 1, 0) + spare
        return cell, spare

    def _used(self, ask: Ask, now: float) -> int:
        if not ask.window:
            return sum(self._places.get(ask.name, {}).values())
        cells = self._windows.get(ask.name)
        if not cells:
            return 0
        for cell in [cell for cell in cells if cell + MINUTE + 1 <= now]:
            del cells[cell]
        if not cells:
            del self._windows[ask.name]
        return sum(cells.values())

    def _ahead(self, who: str, ask: Ask, now: float) -> int:
        """Return how many others wait in front of *who*."""
        turns = self._turns.get(ask.name)
        if not turns:
            return 0
        for other in [other for other, (_, last) in turns.items() if last + TURN <= now]:
            del turns[other]
        if not turns:
            del self._turns[ask.name]
        mine = turns.get(who, (now, now))[0]
        return sum(first < mine for other, (first, _) in turns.items() if other != who)

    def _wait(self, ask: Ask, now: float) -> float:
        if not ask.window:
            return SOON
        cells = self._windows.get(ask.name, {})
        left = sum(cells.values())
        for cell in sorted(cells):
            left -= cells[cell]
            if left < ask.most:
                return max(0.0, cell + MINUTE + 1 - now)
        return float(MINUTE)
