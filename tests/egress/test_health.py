from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.health import (
    BARRED,
    FAILURES,
    MOST_BARRED,
    MOST_RECOVERY,
    PREFERENCE,
    RECOVERY,
    SUSPICION,
    Health,
    Sign,
    State,
    after,
    let_through,
)

GOOD = (Sign.CARRIED, Sign.SERVED, Sign.WELCOME, Sign.RIGHT)
FRESH = Health()
DOWN = after(after(FRESH, Sign.FAILED, 1.0, "refused"), Sign.FAILED, 2.0, "refused")
BLOCKED = after(FRESH, Sign.BARRED, 1.0, "not here")
ASTRAY = after(FRESH, Sign.ASTRAY, 1.0, "in another country")

steps = st.lists(st.tuples(st.sampled_from([*Sign, None]), st.floats(0.0, 400.0)), max_size=40)
"""What happens, and how many seconds later; None: somebody is let through, if it is time."""


def lived(history: list[tuple[Sign | None, float]]) -> list[tuple[Sign | None, float, Health]]:
    """Return what each step made of a listener, without those that could not be."""
    health, now, seen = FRESH, 0.0, []
    for sign, later in history:
        now += later
        if sign is not None:
            health = after(health, sign, now, sign.value)
        elif health.due(now):
            health = let_through(health, now)
        else:
            continue
        seen.append((sign, now, health))
    return seen


def test_one_failure_is_suspect_and_several_in_a_row_are_down() -> None:
    once = after(FRESH, Sign.FAILED, 1.0, "refused")
    assert (once.state, once.reason, once.until) == (State.SUSPECT, "refused", 1.0 + SUSPICION)
    assert (DOWN.state, DOWN.until, DOWN.failures) == (State.DOWN, 2.0 + RECOVERY, FAILURES)


@pytest.mark.parametrize("sign", GOOD)
@pytest.mark.parametrize("health", [after(FRESH, Sign.FAILED, 1.0), DOWN, let_through(DOWN, 9.0)])
def test_whatever_carries_is_healthy_and_nothing_is_held_against_it(
    health: Health, sign: Sign
) -> None:
    assert after(health, sign, 10.0) == Health(State.HEALTHY, since=10.0)


def test_a_healthy_one_that_carries_is_the_same_object_on_the_hot_path() -> None:
    assert all(after(FRESH, sign, 10.0) is FRESH for sign in GOOD)


def test_slow_is_not_dead() -> None:
    once = after(FRESH, Sign.OVERTAKEN, 1.0)
    assert once.state is State.SUSPECT
    assert all(after(once, Sign.OVERTAKEN, float(now)).state is State.SUSPECT for now in range(9))
    assert after(DOWN, Sign.OVERTAKEN, 5.0) is DOWN
    assert after(let_through(DOWN, 8.0), Sign.OVERTAKEN, 9.0).state is State.DOWN


def test_what_was_under_way_when_it_went_down_makes_the_rest_no_longer() -> None:
    assert after(DOWN, Sign.FAILED, 3.0) is DOWN
    assert after(BLOCKED, Sign.BARRED, 3.0) is BLOCKED


def test_who_fails_when_let_through_rests_twice_as_long_up_to_the_most() -> None:
    health, rests = DOWN, []
    for _ in range(5):
        health = let_through(health, health.until)
        health = after(health, Sign.FAILED, health.until)
        rests.append(health.rest)
    assert rests == [10.0, 20.0, MOST_RECOVERY, MOST_RECOVERY, MOST_RECOVERY]
    health = BLOCKED
    for _ in range(9):
        health = let_through(health, health.until)
        health = after(health, Sign.BARRED, health.until)
    assert health.rest == MOST_BARRED


@pytest.mark.parametrize("sign", [Sign.CARRIED, Sign.SERVED, Sign.RIGHT, Sign.FAILED])
def test_that_a_blocked_exit_carries_proves_nothing(sign: Sign) -> None:
    assert after(BLOCKED, sign, 3.0) is BLOCKED
    if sign is not Sign.SERVED:
        assert after(let_through(BLOCKED, 301.0), sign, 302.0).held is State.GEO_BLOCKED


def test_an_answer_to_somebody_let_through_or_a_probe_ends_a_block() -> None:
    assert after(let_through(BLOCKED, 301.0), Sign.SERVED, 302.0) == Health(since=302.0)
    assert after(BLOCKED, Sign.WELCOME, 2.0) == Health(since=2.0)


@pytest.mark.parametrize("sign", [*Sign])
def test_a_wrong_exit_is_absolved_only_by_the_right_one(sign: Sign) -> None:
    found = after(ASTRAY, sign, 5.0, "still")
    assert found.state is (State.HEALTHY if sign is Sign.RIGHT else State.WRONG_EXIT)
    assert sign is Sign.RIGHT or found.since == ASTRAY.since


def test_a_wrong_exit_is_never_tried_by_a_request() -> None:
    assert not ASTRAY.due(float("inf"))
    assert State.WRONG_EXIT not in PREFERENCE
    assert not ASTRAY.usable


@given(steps)
def test_whatever_happens_a_bad_one_is_looked_at_again_within_its_most(
    history: list[tuple[Sign | None, float]],
) -> None:
    for _, now, health in lived(history):
        if health.held in (State.HEALTHY, State.WRONG_EXIT):
            assert not health.due(float("inf"))
            continue
        most = MOST_BARRED if health.held is State.GEO_BLOCKED else MOST_RECOVERY
        assert health.due(now + most)


@given(steps)
def test_whatever_happens_nobody_is_let_through_twice_within_one_rest(
    history: list[tuple[Sign | None, float]],
) -> None:
    last = float("-inf")
    for sign, now, health in lived(history):
        if sign is None:
            assert now >= last
            last = now + health.rest
        elif health.state is not State.HALF_OPEN:
            last = float("-inf")


@given(steps)
def test_whatever_happens_it_is_down_only_after_failures_in_a_row(
    history: list[tuple[Sign | None, float]],
) -> None:
    failures = 0
    for sign, _, health in lived(history):
        if sign in (*GOOD, Sign.ASTRAY, Sign.BARRED):
            failures = 0
        failures += sign is Sign.FAILED
        assert health.held is not State.DOWN or failures >= FAILURES


@given(steps)
def test_whatever_happens_a_block_or_a_wrong_exit_ends_only_by_its_own_proof(
    history: list[tuple[Sign | None, float]],
) -> None:
    before = FRESH
    for sign, _, health in lived(history):
        if before.held is State.WRONG_EXIT and health.held is not State.WRONG_EXIT:
            assert sign is Sign.RIGHT
        if before.held is State.GEO_BLOCKED and health.held is not State.GEO_BLOCKED:
            let = before.state is State.HALF_OPEN and sign is Sign.SERVED
            assert let or sign in (Sign.WELCOME, Sign.ASTRAY)
        before = health


@given(steps)
def test_whatever_happens_half_open_says_what_it_was(
    history: list[tuple[Sign | None, float]],
) -> None:
    for _, _, health in lived(history):
        assert health.held is not State.HALF_OPEN
        assert health.usable != health.bad
        assert replace(health, state=health.held).usable == health.usable


def test_the_time_of_a_block_is_longer_than_a_failures() -> None:
    assert BLOCKED.until == 1.0 + BARRED
    assert BARRED > MOST_RECOVERY
