"""Reservations: what is let in, what is booked, and that no sum ever passes its limit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portico.access.base import Bound, Terms
from portico.access.limits import MINUTE, NANO, SOON, Cost, Hold, Limits
from portico.errors import QuotaExceeded

NOON = 1_790_000_000.0 // 86_400 * 86_400 + 43_200  # 2026-09-21
DOLLAR = Cost(NANO, 1000)


def bound(account: str = "key:a", **terms: Any) -> Bound:
    return Bound(account, account.replace(":", " "), Terms(**terms))


def refused(limits: Limits, cost: Cost, now: float, *bounds: Bound) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as caught:
        limits.reserve(bounds, cost, now)
    return caught.value


LIMITS: dict[str, tuple[Bound, int]] = {
    "usd_per_day": (bound(usd_per_day=Decimal("2.5")), 3),
    "usd_per_month": (bound(usd_per_month=Decimal(2)), 2),
    "requests_per_minute": (bound(requests_per_minute=4), 4),
    "tokens_per_minute": (bound(tokens_per_minute=1500), 2),
    "concurrency": (bound(concurrency=2), 2),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_refusal_names_the_limit_and_whose_it_is(limit: str) -> None:
    limits, (mine, most) = Limits(), LIMITS[limit]
    for _ in range(most):
        limits.reserve((mine,), DOLLAR, NOON)
    error = refused(limits, DOLLAR, NOON, mine)
    assert error.param == limit
    assert str(error).startswith("Key a: ")
    assert error.retry_after
    assert error.retry_after >= SOON


@pytest.mark.parametrize("limit", ["usd_per_day", "usd_per_month", "tokens_per_minute"])
def test_a_reservation_that_is_larger_than_the_limit_is_let_in_alone(limit: str) -> None:
    limits, (mine, _) = Limits(), LIMITS[limit]
    hold = limits.reserve((mine,), Cost(100 * NANO, 10**6), NOON)
    refused(limits, DOLLAR, NOON, mine)
    limits.settle(hold, Cost(), NOON)
    limits.reserve((mine,), DOLLAR, NOON)


def test_what_is_spent_is_free_again_with_the_next_day_and_the_next_month() -> None:
    limits, mine = Limits(), bound(usd_per_day=Decimal(1))
    limits.settle(limits.reserve((mine,), DOLLAR, NOON), DOLLAR, NOON)
    error = refused(limits, DOLLAR, NOON + 60, mine)
    assert error.retry_after == 43_200 - 60
    assert "2026-09-22 00:00 UTC" in str(error)
    limits.reserve((mine,), DOLLAR, NOON + 43_200)
    monthly = bound("key:b", usd_per_month=Decimal(1))
    limits.settle(limits.reserve((monthly,), DOLLAR, NOON + 43_200), DOLLAR, NOON + 43_200)
    assert "2026-10-01 00:00 UTC" in str(refused(limits, DOLLAR, NOON + 86_400, monthly))
    limits.reserve((monthly,), DOLLAR, NOON + 10 * 86_400)


def test_yesterdays_request_is_on_yesterdays_bill() -> None:
    limits, mine = Limits(), bound(usd_per_day=Decimal(1), usd_per_month=Decimal(9))
    hold = limits.reserve((mine,), DOLLAR, NOON)
    limits.settle(hold, DOLLAR, NOON + 86_400)
    used = limits.used("key:a", NOON + 86_400)
    assert (used.today, used.this_month, used.reserved) == (0, 1, 0)


def test_a_minute_is_any_minute() -> None:
    limits, mine = Limits(), bound(requests_per_minute=2)
    for second in (0, 40):
        limits.settle(limits.reserve((mine,), DOLLAR, NOON + second), DOLLAR, NOON + second)
    assert refused(limits, DOLLAR, NOON + 50, mine).retry_after == 10
    limits.reserve((mine,), DOLLAR, NOON + 60)
    assert refused(limits, DOLLAR, NOON + 61, mine).retry_after == 39


def test_tokens_are_counted_when_they_are_known() -> None:
    limits, mine = Limits(), bound(tokens_per_minute=1000)
    hold = limits.reserve((mine,), Cost(0, 5000), NOON)
    assert refused(limits, DOLLAR, NOON + 10, mine).retry_after == MINUTE - 10
    limits.settle(hold, Cost(0, 999), NOON + 10)
    limits.reserve((mine,), DOLLAR, NOON + 10)


def test_nobody_who_is_refused_is_counted_anywhere() -> None:
    limits, mine, ours = Limits(), bound(requests_per_minute=9), bound("team:t", concurrency=1)
    hold = limits.reserve((mine, ours), DOLLAR, NOON)
    for _ in range(20):
        assert str(refused(limits, DOLLAR, NOON, mine, ours)).startswith("Team t: ")
    limits.settle(hold, Cost(), NOON)
    assert limits.used("key:a", NOON).requests == 1
    assert limits.used("team:t", NOON).under_way == 0


def test_settling_twice_is_settling_once() -> None:
    limits, mine = Limits(), bound(usd_per_day=Decimal(9))
    hold = limits.reserve((mine,), DOLLAR, NOON)
    for _ in range(3):
        limits.settle(hold, DOLLAR, NOON)
    used = limits.used("key:a", NOON)
    assert (used.today, used.reserved, used.under_way) == (1, 0, 0)


def test_of_two_counts_the_larger_is_believed() -> None:
    limits = Limits()
    limits.learn({"key:a": 5}, {"key:a": 7}, NOON)
    limits.learn({"key:a": 3}, {"key:a": 9}, NOON)
    assert list(limits.spent(NOON)) == [("key:a", 5, 9)]
    assert list(limits.spent(NOON + 86_400)) == [("key:a", 0, 9)]


def test_zero_lets_nobody_in() -> None:
    for limit, (mine, _) in LIMITS.items():
        none = Bound(
            mine.account, mine.whose, Terms(**{limit: Decimal(0) if "usd" in limit else 0})
        )
        assert refused(Limits(), Cost(), NOON, none).param == limit


def test_an_account_that_nobody_binds_is_forgotten_unless_it_is_in_use() -> None:
    limits, mine = Limits(), bound(concurrency=1)
    hold = limits.reserve((mine,), DOLLAR, NOON)
    limits.forget(["key:a", "key:unknown"])
    refused(limits, DOLLAR, NOON, mine)
    limits.settle(hold, DOLLAR, NOON)
    limits.forget(["key:a"])
    assert list(limits.spent(NOON)) == []


costs = st.builds(Cost, st.integers(0, 3 * NANO), st.integers(0, 900))
KEY = bound("key:k", usd_per_day=Decimal(5), requests_per_minute=9, tokens_per_minute=2000)
PERSON = bound("person:p", usd_per_day=Decimal(8), concurrency=4)
TEAM = bound("team:t", usd_per_month=Decimal(12), tokens_per_minute=2500)
PARTIES: tuple[tuple[Bound, ...], ...] = ((KEY, PERSON, TEAM), (PERSON, TEAM), (TEAM,), (KEY,))


class Reservations(RuleBasedStateMachine):
    """Any number of requests come, cost at most what they reserved, and go, as time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits()
        self.now = NOON
        self.holds: list[Hold] = []
        self.largest = Cost()

    @rule(parties=st.sampled_from(PARTIES), cost=costs)
    def come(self, parties: tuple[Bound, ...], cost: Cost) -> None:
        before = [self.limits.used(one.account, self.now) for one in parties]
        try:
            self.holds.append(self.limits.reserve(parties, cost, self.now))
        except QuotaExceeded:
            assert [self.limits.used(one.account, self.now) for one in parties] == before
        else:
            nano, tokens = max(self.largest.nano, cost.nano), max(self.largest.tokens, cost.tokens)
            self.largest = Cost(nano, tokens)

    @precondition(lambda self: self.holds)
    @rule(pick=st.randoms(use_true_random=False), share=st.floats(0, 1))
    def go(self, pick: Any, share: float) -> None:
        hold = self.holds.pop(pick.randrange(len(self.holds)))
        cost = Cost(int(hold.cost.nano * share), int(hold.cost.tokens * share))
        self.limits.settle(hold, cost, self.now)

    @rule(seconds=st.sampled_from([-5.0, 0.5, 20.0, 61.0, 50_000.0, 3_000_000.0]))
    def wait(self, seconds: float) -> None:
        self.now = max(NOON, self.now + seconds)

    @invariant()
    def nothing_is_over_its_limit_by_more_than_one_reservation(self) -> None:
        for one in (KEY, PERSON, TEAM):
            used = self.limits.used(one.account, self.now)
            terms = one.terms
            one_more = Decimal(self.largest.nano).scaleb(-9)
            if terms.usd_per_day is not None:
                assert used.today + used.reserved <= terms.usd_per_day + one_more
            if terms.usd_per_month is not None:
                assert used.this_month + used.reserved <= terms.usd_per_month + one_more
            if terms.requests_per_minute is not None:
                assert used.requests <= terms.requests_per_minute
            if terms.concurrency is not None:
                assert used.under_way <= terms.concurrency
            if terms.tokens_per_minute is not None:
                assert used.tokens <= terms.tokens_per_minute + self.largest.tokens
            assert min(used.today, used.this_month, used.reserved) >= 0
            assert min(used.under_way, used.tokens, used.requests) >= 0

    @invariant()
    def what_is_reserved_is_what_is_under_way(self) -> None:
        for one in (KEY, PERSON, TEAM):
            open_ = [hold for hold in self.holds if one in hold.bounds]
            used = self.limits.used(one.account, self.now)
            assert used.under_way == len(open_)
            assert used.reserved == Decimal(sum(hold.cost.nano for hold in open_)).scaleb(-9)


TestReservations = Reservations.TestCase


@given(st.lists(costs, max_size=30), st.integers(1, 10))
def test_however_many_ask_at_once_one_reservation_goes_over_at_most(
    asked: list[Cost], dollars: int
) -> None:
    limits, mine = Limits(), bound(usd_per_day=Decimal(dollars))
    let_in: list[Cost] = []
    asking: Callable[[Cost], Hold] = lambda cost: limits.reserve((mine,), cost, NOON)  # noqa: E731
    for cost in asked:
        try:
            asking(cost)
        except QuotaExceeded:
            assert sum(one.nano for one in let_in) >= dollars * NANO
        else:
            let_in.append(cost)
    assert sum(one.nano for one in let_in[:-1]) < dollars * NANO
