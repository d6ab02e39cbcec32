import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Breaker, Target
from portico.upstreams.standing import Record, Standing

ONE = Target("one", "lab", "m-1", egress="out")
TWO = Target("two", "lab", "m-2", egress="out")
ELSEWHERE = Target("elsewhere", "other", "m-3")
ALL = (ONE, TWO, ELSEWHERE)
DOWN = Failure(Kind.UNAVAILABLE, "500")


def limited(delay: float | None = None, scope: str = "target") -> Failure:
    return Failure(Kind.RATE_LIMITED, "429", delay=delay, scope=scope)


def opened(standing: Standing, target: Target = ONE, now: float = 0.0) -> Standing:
    for _ in range(target.breaker.failures):
        standing.blame(target, DOWN, now)
    return standing


def resting(standing: Standing, now: float) -> set[str]:
    return set(standing.view(ALL, now))


# -- the breaker


def test_a_breaker_opens_after_that_many_failures_in_a_row() -> None:
    standing = Standing()
    for _ in range(2):
        standing.blame(ONE, DOWN, 0.0)
        assert resting(standing, 0.0) == set()
        assert standing.admit(ONE, 0.0)
    standing.blame(ONE, DOWN, 0.0)
    assert resting(standing, 0.0) == {"one"}
    assert not standing.admit(ONE, 4.999)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    standing = Standing()
    for _ in range(5):
        standing.blame(ONE, DOWN, 0.0)
        standing.blame(ONE, DOWN, 0.0)
        standing.praise(ONE)
    assert resting(standing, 0.0) == set()


def test_a_breaker_of_one_opens_at_once() -> None:
    touchy = Target("one", "lab", "m", breaker=Breaker(1, 0.5, 2.0))
    standing = Standing()
    standing.blame(touchy, DOWN, 10.0)
    assert not standing.admit(touchy, 10.4)
    assert standing.admit(touchy, 10.5)


def test_an_outage_costs_one_request_an_interval_which_doubles_to_its_maximum() -> None:
    standing = opened(Standing())
    asked, now = [], 0.0
    while now < 150.0:
        if standing.admit(ONE, now):
            asked.append(now)
            standing.blame(ONE, DOWN, now)
        now += 0.5
    assert asked == [5.0, 15.0, 35.0, 65.0, 95.0, 125.0]


def test_while_a_probing_request_is_out_others_are_let_through_once_an_interval() -> None:
    standing = opened(Standing())
    assert [now for now in range(31) if standing.admit(ONE, now)] == [5, 10, 15, 20, 25, 30]


def test_two_hundred_callers_are_let_through_once() -> None:
    standing = opened(Standing())
    assert sum(standing.admit(ONE, 5.0) for _ in range(200)) == 1
    assert standing.view(ALL, 5.0)["one"].until == 10.0


def test_a_breaker_closes_on_the_first_answer_of_whoever_was_let_through() -> None:
    standing = opened(Standing())
    assert standing.admit(ONE, 5.0)
    standing.praise(ONE)
    assert all(standing.admit(ONE, 5.0) for _ in range(200))
    assert standing.view(ALL, 5.0) == {}
    assert standing.report(5.0) == {}


def test_an_answer_from_before_the_outage_closes_nothing() -> None:
    standing = opened(Standing())
    standing.praise(ONE)
    assert not standing.admit(ONE, 1.0)


def test_failures_from_before_the_outage_make_it_no_longer() -> None:
    standing = Standing()
    for now in range(60):
        standing.blame(ONE, DOWN, now / 100)
    assert standing.admit(ONE, 5.02)  # five seconds after the third
    standing.blame(ONE, DOWN, 6.0)
    standing.blame(ONE, DOWN, 7.0)
    assert standing.admit(ONE, 16.0)


def test_a_breaker_that_is_due_is_probing_in_its_usual_place() -> None:
    standing = opened(Standing())
    early, due = standing.view(ALL, 4.0)["one"], standing.view(ALL, 5.0)["one"]
    assert (early.until, early.reason, early.detail) == (5.0, "unavailable", "500")
    assert (early.probing, early.shut) == (False, False)
    assert due.probing


def test_a_breaker_never_ends_by_itself() -> None:
    assert resting(opened(Standing()), 1e9) == {"one"}


# -- limits, quotas, accounts, paths


@pytest.mark.parametrize("delay", [0.0, 0.25, 1.337, 59.999, 7200.0])
def test_a_limit_rests_for_exactly_its_delay(delay: float) -> None:
    standing = Standing()
    standing.blame(ONE, limited(delay), 100.0)
    end = 100.0 + delay
    if delay:
        last = math.nextafter(end, 0.0)
        assert standing.view(ALL, last)["one"].until == end
        assert delay > 30.0 or not standing.admit(ONE, last)
    assert resting(standing, end) == set()
    assert all(standing.admit(ONE, end) for _ in range(9))


def test_a_limited_target_is_not_probed_in_its_usual_place() -> None:
    standing = Standing()
    standing.blame(ONE, limited(600.0), 0.0)
    assert not any(standing.view(ALL, now)["one"].probing for now in range(600))


def test_a_limited_target_is_asked_once_an_interval_where_nobody_else_is_left() -> None:
    standing = Standing()
    standing.blame(ONE, limited(100.0), 0.0)
    asked = [now for now in range(100) if standing.admit(ONE, now)]
    assert asked == [30, 60, 90]


def test_a_limit_of_the_upstream_rests_all_its_targets_and_nobody_elses() -> None:
    standing = Standing()
    standing.blame(ONE, limited(9.0, "upstream"), 0.0)
    assert resting(standing, 8.0) == {"one", "two"}
    assert set(standing.report(8.0)) == {"upstream lab"}
    assert resting(standing, 9.0) == set()


def test_limits_that_name_no_delay_rest_longer_each_time_until_an_answer() -> None:
    standing, now, rested = Standing(), 0.0, []
    for _ in range(7):
        standing.blame(ONE, limited(), now)
        until = standing.view(ALL, now)["one"].until
        assert until is not None
        rested.append(until - now)
        now = until
        assert standing.admit(ONE, now)
    assert rested == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0]
    standing.praise(ONE)
    standing.blame(ONE, limited(), now)
    assert standing.view(ALL, now)["one"].until == now + 2.0


def test_many_limits_at_once_are_one() -> None:
    standing = Standing()
    for _ in range(64):
        standing.blame(ONE, limited(), 0.0)
    assert standing.view(ALL, 0.0)["one"].until == 2.0


def test_of_several_limits_at_once_the_longest_counts() -> None:
    standing = Standing()
    for delay in (5.0, 60.0, 1.0):
        standing.blame(ONE, limited(delay), 0.0)
    assert standing.view(ALL, 0.0)["one"].until == 60.0


def test_the_last_word_of_whoever_was_let_through_counts() -> None:
    standing = Standing()
    standing.blame(ONE, limited(60.0), 0.0)
    assert standing.admit(ONE, 30.0)
    standing.blame(ONE, limited(5.0), 31.0)
    assert standing.view(ALL, 31.0)["one"].until == 36.0


def test_the_answers_of_requests_from_before_a_limit_do_not_lift_it() -> None:
    standing = Standing()
    standing.blame(ONE, limited(30.0), 0.0)
    standing.praise(ONE)
    assert resting(standing, 29.0) == {"one"}


def test_an_answer_during_a_limit_lifts_it() -> None:
    standing = Standing()
    standing.blame(ONE, limited(90.0), 0.0)
    assert standing.admit(ONE, 30.0)
    standing.praise(ONE)
    assert resting(standing, 31.0) == set()


def test_a_limit_replaces_a_breaker_and_a_breaker_no_limit() -> None:
    standing = opened(Standing())
    standing.blame(ONE, limited(60.0), 1.0)
    for _ in range(9):
        standing.blame(ONE, DOWN, 2.0)
    tired = standing.view(ALL, 2.0)["one"]
    assert (tired.reason, tired.until) == ("rate_limited", 61.0)
    assert standing.admit(ONE, 61.0)
    standing.blame(ONE, DOWN, 62.0)
    assert resting(standing, 62.0) == set()


def test_a_spent_quota_rests_shut_until_it_resets() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.QUOTA_SPENT, "day", until=5000.5, delay=3.0), 0.0)
    standing.blame(ONE, limited(1.0), 1.0)
    tired = standing.view(ALL, 5000.0)["one"]
    assert (tired.shut, tired.until, tired.reason) == (True, 5000.5, "quota_spent")
    assert not tired.probing
    assert resting(standing, 5000.5) == set()


def test_a_quota_that_has_reset_already_rests_nobody_and_ends_no_limit() -> None:
    standing = Standing()
    standing.blame(TWO, Failure(Kind.QUOTA_SPENT, until=99.0), 100.0)
    standing.blame(ONE, limited(60.0), 100.0)
    standing.blame(ONE, Failure(Kind.QUOTA_SPENT, until=99.0), 101.0)
    tired = standing.view(ALL, 101.0)
    assert set(tired) == {"one"}
    assert (tired["one"].until, tired["one"].reason) == (160.0, "rate_limited")


def test_a_spent_quota_without_a_known_reset_rests_for_an_hour() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.QUOTA_SPENT, scope="upstream"), 0.0)
    assert resting(standing, 3599.9) == {"one", "two"}
    assert resting(standing, 3600.0) == set()


def test_an_account_rests_the_upstream_until_a_person_acts() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.ACCOUNT, "401"), 0.0)
    standing.blame(TWO, limited(1.0, "upstream"), 1.0)
    standing.blame(TWO, Failure(Kind.QUOTA_SPENT, until=9.0, scope="upstream"), 1.0)
    assert resting(standing, 1e9) == {"one", "two"}
    tired = standing.view(ALL, 1e9)["two"]
    assert (tired.until, tired.shut, tired.reason) == (None, True, "account")
    assert standing.report(1e9)["upstream lab"].shut
    assert standing.clear("lab")
    assert resting(standing, 0.0) == set()
    assert not standing.clear("lab")


def test_an_account_that_answers_again_is_no_longer_held_against_anybody() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.ACCOUNT), 0.0)
    assert not standing.admit(TWO, 29.0)
    assert standing.admit(TWO, 30.0)
    assert not standing.admit(ONE, 30.0)
    standing.praise(TWO)
    assert resting(standing, 31.0) == set()


def test_a_region_rests_the_path_for_that_upstream_only() -> None:
    standing = Standing()
    same_path = Target("neighbour", "other", "m", egress="out")
    standing.blame(ONE, Failure(Kind.REGION), 0.0)
    assert set(standing.view((*ALL, same_path), 0.0)) == {"one", "two"}
    assert set(standing.report(0.0)) == {"path lab out"}
    assert resting(standing, 300.0) == set()
    assert standing.clear("lab")


@pytest.mark.parametrize(
    "kind", [Kind.TRANSLATION, Kind.TOO_LONG, Kind.INCAPABLE, Kind.REFUSED, Kind.REJECTED]
)
def test_what_is_nobodys_fault_rests_nobody(kind: Kind) -> None:
    standing = Standing()
    for _ in range(9):
        standing.blame(ONE, Failure(kind), 0.0)
    assert resting(standing, 0.0) == set()
    assert standing.report(0.0) == {}


def test_of_several_rests_the_longest_is_told_and_all_must_be_due() -> None:
    standing = opened(Standing())
    standing.blame(TWO, limited(20.0, "upstream"), 0.0)
    tired = standing.view(ALL, 10.0)["one"]
    assert (tired.reason, tired.until, tired.probing) == ("rate_limited", 20.0, False)
    assert not standing.admit(ONE, 10.0)
    assert standing.view(ALL, 20.0)["one"].probing
    assert standing.admit(ONE, 20.0)


# -- models that are gone


def test_a_model_that_a_live_error_called_gone_returns_by_a_list_after_an_hour() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.MODEL_GONE, "404", scope="upstream"), 0.0)
    standing.gone(ONE, frozenset({"m-1"}), 3599.0)
    assert resting(standing, 3599.0) == {"one"}
    standing.gone(ONE, frozenset(), 3600.0)
    assert resting(standing, 3600.0) == {"one"}
    standing.gone(ONE, frozenset({"m-1"}), 3600.0)
    assert resting(standing, 3600.0) == set()


def test_a_model_that_a_live_error_called_gone_returns_by_an_operators_act() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.MODEL_GONE), 0.0)
    assert standing.clear("one")
    assert standing.admit(ONE, 0.0)


def test_a_model_that_vanished_from_the_list_returns_with_it() -> None:
    standing = opened(Standing())
    standing.gone(ONE, frozenset({"m-2"}), 10.0)
    standing.gone(TWO, frozenset({"m-2"}), 10.0)
    tired = standing.view(ALL, 10.0)
    assert set(tired) == {"one"}
    assert (tired["one"].reason, tired["one"].shut, tired["one"].until) == (
        "model_gone",
        True,
        None,
    )
    assert tired["one"].detail == "m-1 is not in the model list of lab"
    assert standing.admit(ONE, 10.0)  # lists lag behind: where nobody else is left, one may try
    assert not standing.admit(ONE, 10.0)
    standing.gone(ONE, frozenset({"m-1"}), 11.0)
    assert resting(standing, 11.0) == set()


def test_a_list_that_shows_a_model_changes_nothing_else_about_it() -> None:
    standing = opened(Standing())
    standing.gone(ONE, frozenset({"m-1"}), 1e6)
    assert resting(standing, 1e6) == {"one"}


# -- what is told


def test_a_view_changes_nothing() -> None:
    standing = opened(Standing())
    standing.blame(TWO, limited(1.0), 0.0)
    before = standing.report(0.0)
    for now in range(100):
        standing.view(ALL, float(now))
    assert standing.report(0.0) == before


def test_a_report_is_a_copy() -> None:
    standing = opened(Standing())
    standing.report(0.0)["target one"].next_ask = 0.0
    assert not standing.admit(ONE, 0.0)


def test_each_rest_is_told_once_and_again_for_another_reason() -> None:
    told: list[tuple[str, str]] = []
    standing = Standing(lambda name, record: told.append((name, record.reason)))
    opened(standing)
    standing.blame(ONE, DOWN, 0.0)
    assert standing.admit(ONE, 5.0)
    standing.blame(ONE, DOWN, 5.0)
    assert standing.admit(ONE, 15.0)
    standing.blame(ONE, Failure(Kind.SILENT), 15.0)
    standing.gone(TWO, frozenset(), 0.0)
    standing.gone(TWO, frozenset(), 1.0)
    assert told == [
        ("target one", "unavailable"),
        ("target one", "silent"),
        ("target two", "model_gone"),
    ]


def test_since_is_when_the_rest_began() -> None:
    standing = opened(Standing(), now=7.0)
    assert standing.admit(ONE, 12.0)
    standing.blame(ONE, DOWN, 13.0)
    found: Record = standing.report(13.0)["target one"]
    assert (found.since, found.failures) == (7.0, 4)


# -- everything at once

FAILURES = st.one_of(
    st.builds(
        Failure,
        st.sampled_from([Kind.UNREACHABLE, Kind.SILENT, Kind.UNAVAILABLE, Kind.GARBLED]),
    ),
    st.builds(
        limited,
        st.none() | st.floats(0, 100),
        st.sampled_from(["target", "upstream"]),
    ),
    st.builds(
        lambda until, scope: Failure(Kind.QUOTA_SPENT, until=until, scope=scope),
        st.none() | st.floats(0, 5000),
        st.sampled_from(["target", "upstream"]),
    ),
    st.sampled_from([Failure(Kind.ACCOUNT), Failure(Kind.REGION), Failure(Kind.MODEL_GONE)]),
    st.sampled_from([Failure(Kind.REFUSED), Failure(Kind.TOO_LONG), Failure(Kind.REJECTED)]),
)
TARGETS = st.sampled_from(ALL)


class Outages(RuleBasedStateMachine):
    """Whatever happens in whatever order: the promises of the design hold."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.now = 1000.0
        self.let_through: dict[str, float] = {}
        self.alone: set[str] = set()

    @rule(seconds=st.floats(0, 40) | st.sampled_from([0.001, 5.0, 30.0, 300.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(one=TARGETS, failure=FAILURES)
    def fails(self, one: Target, failure: Failure) -> None:
        before = resting(self.standing, self.now)
        self.standing.blame(one, failure, self.now)
        assert before <= resting(self.standing, self.now), "a failure ends no rest"

    @rule(one=TARGETS)
    def asks(self, one: Target) -> None:
        tired = self.standing.view(ALL, self.now).get(one.name)
        let = self.standing.admit(one, self.now)
        assert let or tired is not None, "who does not rest may be asked"
        if tired is not None and let:
            last = self.let_through.get(one.name, -math.inf)
            assert self.now - last >= one.breaker.recovery, "one per interval"
            self.let_through[one.name] = self.now
            assert not self.standing.admit(one, self.now), "one, and no other"
        if tired is None:
            self.let_through.pop(one.name, None)

    @rule(one=TARGETS)
    def answers(self, one: Target) -> None:
        before = resting(self.standing, self.now)
        self.standing.praise(one)
        after = resting(self.standing, self.now)
        assert after <= before
        if one.upstream == "lab":
            assert ("elsewhere" in before) == ("elsewhere" in after)
        self.let_through = {name: at for name, at in self.let_through.items() if name in after}

    @rule(one=TARGETS, listed=st.booleans())
    def is_listed(self, one: Target, listed: bool) -> None:
        self.standing.gone(one, frozenset({one.model} if listed else ()), self.now)
        if not listed:
            assert self.standing.view(ALL, self.now)[one.name].shut
        self.let_through.clear()

    @precondition(lambda self: self.standing.report(self.now))
    @rule(data=st.data())
    def is_cleared(self, data: st.DataObject) -> None:
        about = data.draw(st.sampled_from(sorted(self.standing.report(self.now))))
        assert self.standing.clear(about.split(" ")[1])
        assert about not in self.standing.report(self.now)
        self.let_through.clear()

    @invariant()
    def what_is_told_is_consistent(self) -> None:
        view = self.standing.view(ALL, self.now)
        assert view == self.standing.view(ALL, self.now)
        for tired in view.values():
            assert tired.reason
            assert not (tired.shut and tired.probing)
            if tired.until is None:
                assert tired.shut
            elif not tired.probing:
                assert tired.until >= self.now
        held = self.standing.report(self.now)
        for target in ALL:
            mine = {
                f"target {target.name}",
                f"upstream {target.upstream}",
                f"path {target.upstream} {target.egress}",
            }
            assert bool(mine & set(held)) == (target.name in view)


Outages.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOutages = Outages.TestCase
