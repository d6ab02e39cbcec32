import pytest

from portico.dispatch.hedging import ENOUGH, SHARE_OF, Hedging
from portico.routing.roles import Role
from portico.routing.tiers import Target

ONE = Target("one", "up", "m")
LEARNED = Role("code", ("one",), hedge_after="learned")


def test_a_fixed_number_is_taken_as_it_is() -> None:
    assert Hedging().patience(Role("code", ("one",), hedge_after=2.5), ONE) == 2.5
    assert Hedging().patience(Role("code", ("one",)), ONE) is None


def test_learned_is_slower_than_nineteen_of_twenty() -> None:
    hedging = Hedging()
    for number in range(1, 101):
        hedging.learn(ONE, number / 100)

    assert hedging.patience(LEARNED, ONE) == pytest.approx(0.97, abs=0.01)


def test_nothing_is_learned_from_a_few() -> None:
    hedging = Hedging()
    for _ in range(ENOUGH - 1):
        hedging.learn(ONE, 1.0)

    assert hedging.patience(LEARNED, ONE) is None


def test_only_a_share_of_the_latest_requests_is_hedged() -> None:
    hedging = Hedging(0.05)
    allowed = 0
    for _ in range(SHARE_OF):
        hedging.count()
        allowed += hedging.allow()

    assert allowed == SHARE_OF // 20


def test_requests_that_need_no_hedge_make_room_for_those_that_do() -> None:
    hedging = Hedging(0.05)
    for _ in range(SHARE_OF):
        hedging.count()
        hedging.allow()
    for _ in range(SHARE_OF):
        hedging.count()

    assert hedging.allow()
