"""Budgets: what keys, people and teams have spent of theirs today and this month. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from portico.access.base import EVERYBODY, Key, Person, Team, Terms
from portico.access.limits import Used

MOST = 12
"""Budgets on the page: those that are nearest to their end."""

NEAR = Decimal("0.8")

type Lookup = Callable[[str], Used]


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget; `spent` counts what is settled and what is reserved for what is under way."""

    whose: str
    kind: str  # key | person | team
    period: str  # today | this month
    spent: Decimal
    most: Decimal

    @property
    def share(self) -> Decimal:
        """How much of it is spent; more than 1 where the last answer cost more than was left."""
        return self.spent / self.most if self.most else Decimal(1)

    @property
    def bar(self) -> int:
        """Thousandths of its bar that are full."""
        return int(min(self.share, Decimal(1)) * 1000)

    @property
    def tone(self) -> str:
        """How it is shown."""
        return "bad" if self.share >= 1 else "warn" if self.share >= NEAR else "good"


def budgets(
    keys: Iterable[Key], people: Iterable[Person], teams: Iterable[Team], used: Lookup
) -> list[Budget]:
    """Return all budgets, those that are nearest to their end first."""
    found = [
        budget
        for kind, ones in (("key", keys), ("person", people), ("team", teams))
        for one in ones
        if one.id != EVERYBODY  # whose terms are each one's own
        for budget in _of(kind, one.id, one.name or one.id, one.terms, used)
    ]
    return sorted(found, key=lambda budget: (-budget.share, budget.whose))


def _of(kind: str, ident: str, whose: str, terms: Terms, used: Lookup) -> Iterator[Budget]:
    bounds = (("today", terms.usd_per_day), ("this month", terms.usd_per_month))
    if all(most is None for _, most in bounds):
        return
    now = used(f"{kind}:{ident}")
    spent = {"today": now.today + now.reserved, "this month": now.this_month + now.reserved}
    for period, most in bounds:
        if most is not None:
            yield Budget(whose, kind, period, spent[period], most)
