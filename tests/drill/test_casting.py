"""Who plays: the installation's own roles, with whom an answer is possible."""

from dataclasses import replace

import pytest

from portico.drill.base import Ask, By, Got, Order, Way
from portico.drill.casting import casts, choose, possible, wanted
from portico.drill.scenes import SCENES
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Breaker
from portico.simulator.faults import FAULTS, GEMINI

from .plays import ALONE, FIRST, PAIR, SECOND, scene

TARGETS = {"first": FIRST.target, "second": SECOND.target}
STAGES = {"here": "siliconflow", "there": "gemini"}
SWAPPED = replace(PAIR, model="design", parts=(SECOND, FIRST))


def test_every_role_is_a_cast_and_so_is_every_target_alone() -> None:
    role = Role("code", ("first", "second"), refused="next", hedge_after=1.0)
    found = list(casts(Catalog(TARGETS, {"code": role}), STAGES))
    assert [one.model for one in found] == ["code", "first", "second"]
    assert found[0] == replace(PAIR, refusal_stops=False, hedges=True)


def test_a_cast_is_no_longer_than_a_request_has_attempts() -> None:
    role = Role("code", ("first", "second"), max_attempts=1)
    assert next(casts(Catalog(TARGETS, {"code": role}), STAGES)).parts == (FIRST,)


def test_the_first_role_plays_unless_another_is_preferred() -> None:
    assert choose(scene(), [PAIR, SWAPPED]) == (PAIR, None)
    assert choose(scene(prefers=GEMINI), [PAIR, SWAPPED]) == (SWAPPED, None)


def test_a_cast_with_whom_an_answer_is_possible_comes_before_a_preferred_one() -> None:
    assert choose(scene(Way.LARGER, prefers=GEMINI), [SWAPPED, PAIR]) == (PAIR, None)


def test_the_fault_is_one_that_the_first_candidate_can_have() -> None:
    orders = (Order("blocked_prompt"), Order("content_filter"))
    assert choose(scene(orders=orders), [PAIR]) == (PAIR, orders[1])
    assert choose(scene(orders=orders[:1]), [PAIR]) is None


def test_where_everybody_fails_everybody_must_be_able_to() -> None:
    orders = (Order("missing_done"),)
    assert choose(scene(orders=orders), [PAIR]) is not None
    assert choose(scene(orders=orders, everybody=True), [PAIR]) is None


POSSIBLE = {
    Way.CLEAR: (True, True),
    Way.FAILOVER: (True, False),
    Way.ELSEWHERE: (True, False),
    Way.LARGER: (True, False),
    Way.RESCUE: (True, False),
    Way.POLICY: (False, False),
    Way.RULED: (False, False),
    Way.NONE: (False, False),
}


@pytest.mark.parametrize("way", Way)
def test_an_answer_needs_what_the_fault_leaves(way: Way) -> None:
    assert (possible(way, PAIR), possible(way, ALONE)) == POSSIBLE[way]


def test_a_role_may_be_without_rescue_and_may_ask_on_after_a_refusal() -> None:
    assert not possible(Way.RESCUE, replace(PAIR, rescues=False))
    assert possible(Way.POLICY, replace(PAIR, refusal_stops=False))


def test_where_somebody_else_can_answer_nothing_else_will_do() -> None:
    assert wanted(scene(), Ask(), PAIR) == {Got.ANSWER}
    assert wanted(scene(), Ask(), ALONE) == {Got.ANSWER, Got.ERROR}
    assert wanted(scene(Way.POLICY), Ask(), PAIR) == {Got.FILTERED}
    assert wanted(scene(), Ask(By.PRIMARY), ALONE) == {Got.ANSWER}


def test_after_a_fault_is_mended_an_answer_is_due_unless_everybody_rests() -> None:
    mended = Ask(mended=True)
    quick = replace(FIRST, target=replace(FIRST.target, breaker=Breaker(failures=1)))
    assert wanted(scene(Way.NONE), mended, PAIR) == {Got.ANSWER}
    assert Got.ERROR in wanted(scene(Way.NONE), mended, replace(PAIR, parts=(quick, SECOND)))


def test_every_scene_has_a_name_of_its_own_and_faults_that_there_are() -> None:
    names = [one.name for one in SCENES]
    assert len(set(names)) == len(names)
    assert {order.fault for one in SCENES for order in one.orders} <= set(FAULTS)
    assert all(one.asks for one in SCENES)
