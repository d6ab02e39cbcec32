"""Budgets know what the ledger knows, and go on without it."""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal

import pytest

from portico.access.base import Roster, Terms
from portico.access.limits import Limits
from portico.access.snapshot import Spent
from portico.dispatch.books import Books, books_kept
from portico.errors import StoreUnavailable
from portico.ledger.base import By, RequestQuery, RequestRow, UsageQuery, UsageRow
from tests.access import keys

pytestmark = pytest.mark.anyio

COUNTED = keys.key("ann", id="key_ann", terms=Terms(usd_per_day=Decimal(1)))


def row(key: str | None, cost: str | None) -> UsageRow:
    counts = dict.fromkeys(
        ("requests", "attempts", "input", "cached", "output", "reasoning", "unpriced"), 0
    )
    more = dict.fromkeys(("simulated", "simulated_input", "simulated_output"), 0)
    return UsageRow(key=key, cost_usd=cost, **counts, **more)


class Ledger:
    """A ledger of one answer; with *faults*, those come first."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.asked: list[By] = []

    async def append(self, rows: Sequence[RequestRow]) -> None:
        raise NotImplementedError

    async def usage(self, query: UsageQuery) -> list[UsageRow]:
        self.asked.append(query.by)
        if self.faults:
            raise self.faults.pop(0)
        return [row("key_ann", "0.25"), row(None, "9"), row("key_bob", None)]

    async def requests(self, query: RequestQuery) -> list[RequestRow]:
        raise NotImplementedError

    async def request(self, ident: str) -> RequestRow | None:
        raise NotImplementedError


class Remembers:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Spent] = []

    async def remember(self, spent: Spent) -> None:
        self.told.append(spent)


def books(ledger: Ledger, roster: Roster | None) -> Books:
    return Books(Limits(), ledger, lambda: roster)


async def test_what_was_spent_before_is_known_by_those_who_have_a_budget() -> None:
    ledger, memory = Ledger(), Remembers()
    kept = books(ledger, keys.roster((keys.text(), COUNTED)))
    async with books_kept(kept, memory):
        assert kept.spent == {"key:key_ann": (250_000_000, 250_000_000)}
    assert set(ledger.asked) == {By.CALLER}
    assert memory.told[-1] == kept.spent


async def test_nobody_is_looked_up_while_the_keys_are_not_known() -> None:
    ledger = Ledger()
    await books(ledger, None).learn()
    assert ledger.asked == []


async def test_a_ledger_that_is_away_or_at_fault_is_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = StoreUnavailable("the ledger is away", retry_after=1)
    ledger, memory = Ledger(away, away, RuntimeError("a fault of ours")), Remembers()
    kept = books(ledger, keys.roster((keys.text(), COUNTED)))
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(30), books_kept(kept, memory):
            assert kept.spent == {}
            while not kept.spent:  # noqa: ASYNC110 - the books tell nobody
                await asyncio.sleep(0.05)
    assert "not known yet" in caplog.text
    assert "keeping the books failed" in caplog.text
