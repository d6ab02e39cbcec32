"""What a drill lets pass, and what it does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.drill.base import Ask, By, Heard, Try, Wait, Way
from portico.drill.judging import allowance, excess, score
from portico.routing.tiers import Breaker

from .plays import ALONE, ANSWERED, PAIR, SAID, TRIES, played, scene, taken

HONEST = Heard(502, code="unanswered", blamed=True, request="req_1")
CUT = Heard(200, SAID[:4], ("first",), code="stream_broken", blamed=True)
FILTERED = Heard(200, "", ("second",), "content_filter", done=1)


def test_a_right_answer_by_somebody_else_is_well() -> None:
    assert score(played(taken())).wrong == ()


LIES = {
    "lost": (replace(ANSWERED, text=""), "another text"),
    "doubled": (replace(ANSWERED, text=SAID * 2), "another text"),
    "cut and called whole": (replace(ANSWERED, text=SAID[:4]), "another text"),
    "ended twice": (replace(ANSWERED, done=2), "2 [DONE]"),
    "not ended": (replace(ANSWERED, done=0), "0 [DONE]"),
    "without a finish": (replace(ANSWERED, finish=None), "neither answer nor error"),
    "under another's name": (replace(ANSWERED, models=("first",)), "in the name of first"),
    "an error with an end": (replace(HONEST, done=1), "an error that looks complete"),
    "an error with a finish": (replace(CUT, finish="stop"), "an error that looks complete"),
    "an error without blame": (replace(HONEST, blamed=False), "whose fault"),
    "mixed before it broke": (replace(CUT, text="Some of"), "not how the right one begins"),
}


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_passes(lie: str) -> None:
    heard, complaint = LIES[lie]
    assert any(complaint in one for one in score(played(taken(heard))).wrong)


def test_an_error_is_wrong_where_an_answer_was_possible() -> None:
    assert score(played(taken(HONEST))).wrong == ("request 1: error (unanswered), not answer",)


@pytest.mark.parametrize("heard", [HONEST, CUT], ids=["refused", "cut"])
def test_an_honest_error_is_well_where_none_was(heard: Heard) -> None:
    assert score(played(taken(heard), cast=ALONE)).wrong == ()


def test_a_filtered_answer_is_well_only_where_policy_has_the_last_word() -> None:
    assert score(played(taken(FILTERED), scene(Way.RULED))).wrong == ()
    assert score(played(taken(FILTERED))).wrong


def test_who_failed_is_to_be_left_alone() -> None:
    own = replace(taken(replace(ANSWERED, models=("first",))), tries=(TRIES[1],))
    own = replace(own, tries=(replace(TRIES[1], target="first"),))
    assert score(played(own)).wrong == (
        "request 1: answered by first, who should have been left alone",
    )


def test_who_is_back_is_to_be_asked() -> None:
    back = taken(ask=Ask(By.PRIMARY))
    assert score(played(back)).wrong == ("request 1: answered by second, not by first",)


def test_more_upstream_calls_than_needed_are_told() -> None:
    assert score(played(taken(calls=3))).wrong == ("request 1: 3 upstream calls, not 2",)
    assert score(played(taken(calls=3), cast=replace(PAIR, hedges=True))).wrong == ()


def test_a_silence_may_cost_its_patience_and_a_fifth_of_a_second() -> None:
    silence = scene(wait=Wait.CONNECT)
    assert allowance(played(taken(), silence)) == pytest.approx(5.2)
    late = played(taken(replace(ANSWERED, seconds=5.3)), silence)
    assert score(late).late == "added 5.29 s, and 5.20 s was allowed"
    assert score(late).wrong == ()
    assert score(played(taken(replace(ANSWERED, seconds=5.1)), silence)).late == ""


def test_on_a_busy_machine_it_may_cost_more() -> None:
    assert allowance(played(taken(), scene(wait=Wait.IDLE), undisturbed=0.1)) == 16.0


def test_without_a_silence_no_time_is_judged() -> None:
    assert score(played(taken(replace(ANSWERED, seconds=50.0)))).late == ""


BREAKER = Breaker(failures=2, recovery=5.0)


def failing(*times: float) -> list[Try]:
    return [Try("first", "failed", "unavailable", at) for at in times]


def test_one_probe_in_an_interval_is_not_too_much() -> None:
    assert excess(failing(0, 1, 6, 11), BREAKER) == 0


def test_each_further_one_is() -> None:
    assert excess(failing(0, 1, 2, 6, 11), BREAKER) == 2


def test_an_answer_opens_the_way_again() -> None:
    back = [*failing(0, 1), Try("first", "answered", None, 6.0), *failing(6.1, 6.2)]
    assert excess(back, BREAKER) == 0


def test_limits_are_no_breakers_business() -> None:
    assert excess([replace(one, kind="rate_limited") for one in failing(0, 1, 2)], BREAKER) == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(5.1, 60.0)), max_size=20))
def test_whoever_is_asked_once_an_interval_is_never_asked_too_often(
    story: list[tuple[bool, float]],
) -> None:
    at, tries = 0.0, []
    for answers, pause in story:
        at += pause
        outcome, kind = ("answered", None) if answers else ("failed", "silent")
        tries.append(Try("first", outcome, kind, at))
    assert excess(tries, BREAKER) == 0


def test_a_scene_is_wrong_where_a_resting_target_was_asked_too_often() -> None:
    often = replace(taken(), tries=(*failing(0, 1, 2, 3), TRIES[1]))
    assert score(played(often)).wrong == ("first rested and was asked 1 times too often",)
