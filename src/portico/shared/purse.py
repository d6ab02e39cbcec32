"""What a process has of the shared limits: in use, and to spare. Pure but for what it remembers."""

from collections import Counter
from dataclasses import dataclass, field

from portico.shared.base import LIFE, SPARE, Ask, Back, Lent


@dataclass(slots=True)
class _Spare:
    """Units that were lent and are not used; `cell` as the hub counts them, 0: places."""

    units: int
    cell: int
    until: float


@dataclass(slots=True)
class Drawing:
    """Units that are in use, by a request under way or by an attempt; given back once."""

    asks: tuple[Ask, ...]
    cells: tuple[int, ...]
    open: bool = True


@dataclass(slots=True)
class Purse:
    """
    Spares are used without a word to the hub, and go back when nobody has used them for a second.

    `holds` are the places that the hub counts as ours. Clocks are the caller's (seconds).
    """

    holds: Counter[str] = field(default_factory=Counter)
    _spares: dict[str, _Spare] = field(default_factory=dict)

    def spend(self, asks: tuple[Ask, ...], now: float) -> Drawing | None:
        """Take all of *asks* from what there is to spare; None: the hub has to be asked."""
        spares = self._spares
        if not spares:
            return None
        found = [spares.get(ask.name) for ask in asks]
        for ask, spare in zip(asks, found, strict=True):
            if spare is None or spare.units < ask.want or spare.until <= now:
                return None
        for ask, spare in zip(asks, found, strict=True):
            assert spare is not None
            spare.units -= ask.want
            if not spare.units:
                del spares[ask.name]
        return Drawing(asks, tuple(spare.cell for spare in found if spare is not None))

    def take(self, asks: tuple[Ask, ...], lent: Lent, now: float) -> tuple[Drawing, list[Back]]:
        """Take what the hub has lent; also say which older spares are to go back for it."""
        backs = []
        for ask, cell, units in zip(asks, lent.cells, lent.spare, strict=True):
            if not ask.window:
                self.holds[ask.name] += ask.want + units
            if units:
                backs += self._put(ask.name, _Spare(units, cell + 1 if cell else 0, now + LIFE))
        return Drawing(asks, lent.cells), backs

    def _put(self, name: str, spare: _Spare) -> list[Back]:
        old = self._spares.get(name)
        self._spares[name] = spare
        if old is None:
            return []
        if old.cell == spare.cell:
            spare.units += old.units
            return []
        return [self._returned(name, old)]

    def give_back(self, drawing: Drawing, units: tuple[int, ...], now: float) -> list[Back]:
        """
        End *drawing*, of which *units* were not used after all; return what the hub is to hear.

        Of places, a few are kept for whoever comes next.
        """
        if not drawing.open:
            return []
        drawing.open = False
        backs = []
        for ask, cell, left in zip(drawing.asks, drawing.cells, units, strict=True):
            if ask.window:
                backs += [Back(ask.name, cell, left)] if left else []
                continue
            spare = self._spares.get(ask.name)
            kept = ask.want + (spare.units if spare else 0)
            if kept <= ask.most // SPARE:
                self._spares[ask.name] = _Spare(kept, 0, now + LIFE)
            else:
                backs.append(self._returned(ask.name, _Spare(ask.want, 0, 0.0)))
        return backs

    def idle(self, now: float) -> list[Back]:
        """Return what nobody has used in time; it is ours no more."""
        names = [name for name, spare in self._spares.items() if spare.until <= now]
        return [self._returned(name, self._spares.pop(name)) for name in names]

    def alone(self) -> None:
        """Forget what there is to spare: the hub has gone, and counts anew when it is back."""
        for name, spare in self._spares.items():
            if not spare.cell:
                self._less(name, spare.units)
        self._spares.clear()

    def _returned(self, name: str, spare: _Spare) -> Back:
        if not spare.cell:
            self._less(name, spare.units)
        return Back(name, spare.cell, spare.units)

    def _less(self, name: str, units: int) -> None:
        self.holds[name] -= units
        if self.holds[name] <= 0:
            del self.holds[name]
