"""What the ledger says was spent is what providers charge, to the cent and below, come what may."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripts.services import postgres as service
from scripts.services.base import Unavailable

from portico.routing.tiers import Target
from portico.simulator.calls import Bill
from tests.serving import House, house

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

FAULTS = ("overloaded", "internal", "html_200", "truncated", "cut")
"""What is retried, passed on and rescued; none of them makes a provider miscount."""

BREAKS = {"truncated": {"after": 9}, "cut": {"after": 9}}

REQUESTS = 160
TEXT = "SAY: " + "every word of this answer is counted by somebody who charges for it " * 3
NANO, CENT = Decimal("1e-9"), Decimal("0.01")
STATUSES = ("finished", "cut", "abandoned")
OUTCOMES = ("answered", "broken", "abandoned")


@contextmanager
def postgres_of_our_own(folder: Path) -> Iterator[str]:
    """One that may be killed: others share theirs."""
    try:
        url = service.up(folder)[service.VARIABLE]
    except Unavailable as exc:
        pytest.skip(f"POSTGRES IS NOT TESTED: {exc}. Run: python -m scripts.services up postgres")
    try:
        yield url
    finally:
        service.down(folder)


async def one(lab: House, number: int) -> None:
    """Ask in one of four ways: whole, as a stream, hedged, and as one who leaves half way."""
    model = ("code", "design", "hedged", "code")[number % 4]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"{TEXT} {number}"}],
        "stream": number % 4 != 0,
    }
    async with lab.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for _ in answer.aiter_bytes():
            if number % 8 == 3:
                return


async def traffic(lab: House) -> None:
    gate = asyncio.Semaphore(12)

    async def guarded(number: int) -> None:
        async with gate:
            await one(lab, number)

    await asyncio.gather(*map(guarded, range(REQUESTS)))


async def comes_and_goes(folder: Path, lab: House) -> None:
    """Crash Postgres once some rows are in it, and let it return when some wait in the spool."""
    ledger = lab.serving.gateway.ledger
    await until(lambda: len(lab.simulator.bills) > REQUESTS // 4)
    await asyncio.to_thread(service.stop, folder)
    await until(lambda: ledger.spooled > 0)
    await asyncio.to_thread(service.start, folder)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to be")


def charged(bill: Bill, target: Target) -> Decimal:
    """Return what a provider charges, by the price list, exactly."""
    price = target.price
    assert price is not None
    cached = price.input if price.cached_input is None else price.cached_input
    usd = (
        Decimal(str(price.input)) * (bill.input - bill.cached)
        + Decimal(str(cached)) * bill.cached
        + Decimal(str(price.output)) * bill.output
    ) / 1_000_000
    return usd.quantize(NANO, ROUND_HALF_EVEN)


async def test_the_ledger_and_the_providers_agree_while_postgres_crashes_and_returns(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    hedged = {"description": "asks two", "targets": ["deepseek-v3", "qwen3-coder"]}
    with postgres_of_our_own(tmp_path / "server") as url:
        roles = {"hedged": {**hedged, "hedge_after": 0.01}}
        stores = {"ledger": url}
        never = {"failures": 1000}
        async with house(tmp_path, roles=roles, stores=stores, breaker=never) as lab:
            targets = lab.serving.gateway.house.catalog.targets
            models = {target.model: target for target in targets.values() if not target.simulated}
            for _ in range(60):
                skip, name = chance.randrange(REQUESTS // 2), chance.choice(FAULTS)
                lab.simulator.fault("*", "*", name, skip=skip, **BREAKS.get(name, {}))
            await asyncio.gather(traffic(lab), comes_and_goes(tmp_path / "server", lab))
            await until(lambda: lab.serving.gateway.in_flight == 0)
            rows = await booked(lab)
            usage = (await lab.client.get("/api/usage", params={"by": "target"})).json()["usage"]
            bills = [bill for bill in lab.simulator.bills if bill.model in models]

    attempts = [one for row in rows for one in row["attempts"]]
    assert len(rows) == len({row["id"] for row in rows}) == REQUESTS
    assert len(attempts) == len({one["id"] for one in attempts})
    assert {one["outcome"] for one in attempts} == {"answered", "failed", "broken", "abandoned"}

    finished, cut, left = (billed(bills, models, status) for status in STATUSES)
    answers, breaks, leavings = (spent(attempts, outcome) for outcome in OUTCOMES)
    gone = sum(one["outcome"] == "abandoned" for one in attempts)
    assert not answers - finished, "the ledger books an answer that nobody charges"
    assert (finished - answers).total() <= gone, "an answer was charged, and is not in the ledger"
    assert not breaks - cut, "the ledger books a broken answer as nobody charges it"
    # Who hangs up may not have heard all that was said: never more is booked than is charged.
    assert total(leavings) <= total(left) + total(finished - answers)
    charged_sum = total(finished) + total(cut) + total(left)
    booked_sum = sum(Decimal(one["cost_usd"] or 0) for one in usage)
    assert booked_sum == total(answers) + total(breaks) + total(leavings)
    assert abs(charged_sum - booked_sum) < CENT
    unpriced = [one for one in attempts if not one["cost_usd"] and one["outcome"] != "failed"]
    assert sum(one["unpriced"] for one in usage) == len(unpriced)


type Costs = Counter[tuple[str, Decimal]]


def billed(bills: list[Bill], models: Mapping[str, Target], status: str) -> Costs:
    return Counter(
        (bill.model, charged(bill, models[bill.model])) for bill in bills if bill.status == status
    )


def spent(attempts: list[dict[str, Any]], outcome: str) -> Costs:
    mine = [one for one in attempts if one["outcome"] == outcome and one["cost_usd"]]
    return Counter((one["model"], Decimal(one["cost_usd"])) for one in mine)


def total(costs: Costs) -> Decimal:
    return sum((cost * count for (_, cost), count in costs.items()), Decimal())


async def booked(lab: House) -> list[dict[str, Any]]:
    """Return every row, page by page, once all are there."""
    ledger = lab.serving.gateway.ledger
    while True:
        await ledger.flush()
        answer = await lab.client.get("/api/requests", params={"limit": 200})
        if answer.status_code == httpx.codes.OK:
            found: list[dict[str, Any]] = answer.json()["requests"]
            if len(found) >= REQUESTS and not ledger.store_away:
                assert ledger.lost == 0
                return found
        await asyncio.sleep(0.1)
