"""Budgets are told as they stand, the nearest to its end first."""

from decimal import Decimal
from pathlib import Path

import pytest

from portico.access.base import Key, Person, Team, Terms
from portico.access.limits import Used
from portico.console.budgets import budgets
from portico.wiring import keyring
from tests.console.seats import Person as Visitor
from tests.console.seats import words
from tests.serving import house

pytestmark = pytest.mark.anyio


def terms(day: str | None = None, month: str | None = None) -> Terms:
    return Terms(
        usd_per_day=None if day is None else Decimal(day),
        usd_per_month=None if month is None else Decimal(month),
    )


def used(name: str) -> Used:
    spent = {"key:k": "4", "person:anna": "1", "team:lab": "90", "person:zero": "0"}[name]
    return Used(Decimal(spent), Decimal(spent) * 2, Decimal("0.5"), 1, 0, 0)


def test_all_budgets_are_there_and_the_nearest_to_its_end_is_first() -> None:
    key = Key("k", "the key", 0.0, None, None, "abcd", terms=terms("5", "100"))
    free = Key("free", "no budget", 0.0, None, None, "abcd")
    people = [
        Person(id="anna", terms=terms(day="10")),
        Person(id="*", terms=terms(day="1")),
        Person(id="zero", name="Nobody", terms=terms(day="0")),
    ]
    teams = [Team(id="lab", name="The lab", terms=terms(month="100"))]
    told = [
        (one.whose, one.kind, one.period, one.bar, one.tone)
        for one in budgets([key, free], people, teams, used)
    ]
    assert told == [
        ("The lab", "team", "this month", 1000, "bad"),
        ("Nobody", "person", "today", 1000, "bad"),
        ("the key", "key", "today", 900, "warn"),
        ("anna", "person", "today", 150, "good"),
        ("the key", "key", "this month", 85, "good"),
    ]


async def test_now_shows_what_is_spent_of_a_budget_and_who_leaves_by_which_way(
    tmp_path: Path,
) -> None:
    ring = keyring(tmp_path / "home")
    more = {"admin": True, "terms": terms(day="0.000001")}
    key = (await ring.issue("a <b>small</b> one", None, "a test", **more)).text
    async with house(tmp_path, access={"required": True}) as lab:
        lab.client.headers["authorization"] = f"Bearer {key}"
        visitor = Visitor(lab)
        await visitor.look("/login")
        await visitor.send("/login", key=key)
        before = words(await visitor.look())
        assert (await lab.chat("hello")).status_code == 200
        page = await visitor.look()
    assert "$0 of $0.000001" in before
    assert "a &lt;b&gt;small&lt;/b&gt; one: 100 % of" in page.text
    assert "google by direct siliconflow by direct" in words(page)
