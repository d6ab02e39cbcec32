from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from portico.chat.reply import Usage
from portico.routing.attempts import (
    Abandoned,
    Answered,
    Broken,
    Failed,
    Failure,
    Kind,
    Limit,
    Metric,
    Outcome,
    Window,
)
from portico.routing.tiers import Target
from portico.upstreams.faults_limits import LOS_ANGELES, midnight
from portico.upstreams.quotas import TINY, KeptQuota, Quotas
from portico.upstreams.spending import KNOWN, SPANS, Begun

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
FLASH = Target("flash", "google", "g-3")
FIRST = Target("flash-a", "google-a", "g-3", project="lab")
SECOND = Target("flash-b", "google-b", "g-3", project="lab")
PER_MINUTE = Limit(Metric.REQUESTS, Window.MINUTE, 3)
PER_DAY = Limit(Metric.REQUESTS, Window.DAY, 3, zone=LOS_ANGELES)
TOKENS = Limit(Metric.TOKENS, Window.MINUTE, 1000)


def met(limit: Limit | None, delay: float | None = None, kind: Kind = Kind.RATE_LIMITED) -> Failure:
    return Failure(kind, "429", delay=delay, limit=limit)


def refused(
    quotas: Quotas, failure: Failure, tokens: int = 10, now: float = NOON, who: Target = FLASH
) -> bool:
    """An attempt from its begin to its end."""
    begun = quotas.begin(who, tokens, now)
    about_size = quotas.refused(who, failure, begun, now)
    quotas.end(who, begun, Failed(failure))
    return about_size


def answered(
    quotas: Quotas,
    times: int = 1,
    now: float = NOON,
    tokens: int = 10,
    used: int | None = None,
    who: Target = FLASH,
) -> None:
    for _ in range(times):
        outcome = Answered(None if used is None else Usage(used, 5))
        quotas.end(who, quotas.begin(who, tokens, now), outcome)


def fits(quotas: Quotas, tokens: int = 10, now: float = NOON, who: Target = FLASH) -> bool:
    tired = quotas.view(who, now)
    return tired is None or not tired.rests(tokens)


# -- learning


def test_before_a_provider_has_named_a_limit_nobody_is_turned_away() -> None:
    quotas = Quotas()
    answered(quotas, 1000)
    assert quotas.view(FLASH, NOON) is None
    assert not quotas.taught
    assert quotas.keep(NOON) == {}


def test_a_limit_that_our_own_count_says_is_spent_rests_until_its_window_frees() -> None:
    quotas = Quotas()
    assert not refused(quotas, met(PER_MINUTE, 0.1)), "somebody else says for how long"
    assert fits(quotas), "the one that was refused does not count"
    answered(quotas, 2, NOON + 10)
    assert fits(quotas, now=NOON + 10)
    answered(quotas, 1, NOON + 20)
    tired = quotas.view(FLASH, NOON + 20)
    assert tired is not None
    assert (tired.reason, tired.shut, tired.room) == ("quota", False, None)
    assert tired.detail == "3 of 3 requests a minute, as we count"
    assert tired.until == NOON + 71
    assert not fits(quotas, now=NOON + 70.9)
    assert fits(quotas, now=NOON + 71)


def test_what_was_spent_before_a_limit_is_known_counts() -> None:
    quotas = Quotas()
    answered(quotas, 3)
    refused(quotas, met(PER_MINUTE, 1.0))
    assert not fits(quotas)


def test_a_spent_day_is_shut_until_midnight_where_the_provider_lives() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_DAY, kind=Kind.QUOTA_SPENT))
    answered(quotas, 3)
    tired = quotas.view(FLASH, NOON)
    assert tired is not None
    assert (tired.shut, tired.until) == (True, midnight(NOON, LOS_ANGELES))
    assert fits(quotas, now=midnight(NOON, LOS_ANGELES))


def test_yesterday_does_not_count_today() -> None:
    quotas = Quotas()
    last = midnight(NOON, LOS_ANGELES) - 1
    answered(quotas, 3, last)
    refused(quotas, met(PER_DAY, kind=Kind.QUOTA_SPENT), now=last)
    assert not fits(quotas, now=last)
    answered(quotas, 2, last + 1)
    assert fits(quotas, now=last + 1)
    answered(quotas, 1, last + 1)
    assert not fits(quotas, now=last + 1)


def test_of_several_limits_the_one_that_shuts_and_lasts_longest_is_told() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE))
    refused(quotas, met(PER_DAY, kind=Kind.QUOTA_SPENT))
    answered(quotas, 3)
    tired = quotas.view(FLASH, NOON)
    assert tired is not None
    assert tired.shut


def test_a_limit_without_a_number_teaches_nothing() -> None:
    quotas = Quotas()
    refused(quotas, met(Limit(Metric.REQUESTS, Window.MINUTE), 1.0))
    answered(quotas, 1000)
    assert fits(quotas)


def test_a_lesson_is_forgotten_after_a_day() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    for now, spent in ((NOON + KNOWN - 1, True), (NOON + KNOWN, False)):
        answered(quotas, 3, now)
        assert fits(quotas, now=now) is not spent
    assert quotas.keep(NOON + KNOWN) == {}


def test_a_rest_ends_no_later_than_the_lesson() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    answered(quotas, 3, NOON + KNOWN - 5)
    tired = quotas.view(FLASH, NOON + KNOWN - 5)
    assert tired is not None
    assert tired.until == NOON + KNOWN


def test_a_provider_that_accepts_more_than_it_said_is_believed() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    begun = [quotas.begin(FLASH, 10, NOON) for _ in range(5)]
    for one in begun[:3]:
        quotas.end(FLASH, one, Answered())
    assert not fits(quotas), "three of three prove nothing"
    for one in begun[3:]:
        quotas.end(FLASH, one, Answered())
    assert quotas.view(FLASH, NOON).detail == "5 of 5 requests a minute, as we count"  # type: ignore[union-attr]


def test_a_limit_that_is_named_again_is_not_raised_by_older_answers() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    begun = [quotas.begin(FLASH, 10, NOON) for _ in range(5)]
    refused(quotas, met(PER_MINUTE, 1.0), now=NOON + 1)
    for one in begun:
        quotas.end(FLASH, one, Answered())
    assert quotas.view(FLASH, NOON + 1).detail == "5 of 3 requests a minute, as we count"  # type: ignore[union-attr]


# -- counting


@pytest.mark.parametrize(
    ("outcome", "requests"),
    [
        (Answered(), 1),
        (Abandoned(), 1),
        (Failed(Failure(Kind.SILENT)), 1),
        (Failed(Failure(Kind.UNAVAILABLE)), 1),
        (Broken(Failure(Kind.UNAVAILABLE)), 1),
        (Failed(Failure(Kind.UNREACHABLE)), 0),
        (Failed(Failure(Kind.RATE_LIMITED)), 0),
        (Broken(Failure(Kind.QUOTA_SPENT)), 0),
    ],
)
def test_what_the_provider_did_not_take_does_not_count(outcome: Outcome, requests: int) -> None:
    quotas = Quotas()
    refused(quotas, met(Limit(Metric.REQUESTS, Window.HOUR, 1), 1.0))
    quotas.end(FLASH, quotas.begin(FLASH, 10, NOON), outcome)
    assert fits(quotas) is (requests == 0)


@pytest.mark.parametrize("outcome", [Answered, Abandoned, lambda used: Broken(met(None), used)])
def test_the_providers_own_count_of_tokens_takes_the_place_of_our_estimate(
    outcome: type[Answered],
) -> None:
    quotas = Quotas()
    refused(quotas, met(TOKENS, 1.0), tokens=2000)
    begun = quotas.begin(FLASH, 10, NOON)
    assert fits(quotas, 990)
    quotas.end(FLASH, begun, outcome(Usage(700, 5000)))
    if outcome in (Answered, Abandoned):
        assert fits(quotas, 300)
        assert not fits(quotas, 301)
    else:
        assert fits(quotas, 1000), "a limit that breaks an answer off took nothing"


def test_the_count_of_an_answer_that_took_longer_than_its_window_changes_nothing() -> None:
    quotas = Quotas()
    refused(quotas, met(TOKENS, 1.0), tokens=2000)
    begun = quotas.begin(FLASH, 10, NOON)
    answered(quotas, 1, NOON + 100, tokens=400)
    quotas.end(FLASH, begun, Answered(Usage(900, 5)))
    assert fits(quotas, 600, NOON + 100)


def test_a_clock_that_is_set_back_counts_on() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    answered(quotas, 1, NOON + 2)
    answered(quotas, 2, NOON - 50)
    assert not fits(quotas, now=NOON + 2)
    assert fits(quotas, now=NOON + 63)


def test_a_clock_that_is_set_back_by_more_than_a_window_counts_anew() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0))
    answered(quotas, 3, NOON + 500)
    assert fits(quotas, now=NOON)
    answered(quotas, 2, NOON)
    assert fits(quotas, now=NOON)
    answered(quotas, 1, NOON)
    assert not fits(quotas, now=NOON)


def test_two_upstreams_of_one_project_have_one_quota() -> None:
    quotas = Quotas()
    refused(quotas, met(PER_MINUTE, 1.0), who=FIRST)
    answered(quotas, 2, who=FIRST)
    assert fits(quotas, who=SECOND)
    answered(quotas, 1, who=SECOND)
    assert not fits(quotas, who=FIRST)
    assert not fits(quotas, who=SECOND)
    assert fits(quotas, who=Target("other", "google-a", "g-pro", project="lab"))


# -- limits on tokens


def test_a_limit_on_tokens_turns_away_only_what_does_not_fit() -> None:
    quotas = Quotas()
    answered(quotas, 1, tokens=600)
    assert refused(quotas, met(TOKENS, 30.0), tokens=500)
    tired = quotas.view(FLASH, NOON)
    assert tired is not None
    assert (tired.room, tired.shut, tired.until) == (400, False, NOON + 61)
    assert tired.detail == "600 of 1000 tokens a minute, as we count"
    assert fits(quotas, 400)
    assert not fits(quotas, 401)


def test_tokens_that_are_all_spent_rest_for_everybody() -> None:
    quotas = Quotas()
    refused(quotas, met(TOKENS, 1.0), tokens=2000)
    answered(quotas, 1, tokens=1000)
    tired = quotas.view(FLASH, NOON)
    assert tired is not None
    assert (tired.room, tired.shut) == (None, False)
    assert not fits(quotas, 0)


@pytest.mark.parametrize("limit", [TOKENS, Limit(Metric.TOKENS, Window.MINUTE)])
def test_a_refusal_that_our_count_does_not_explain_leaves_room_for_half(limit: Limit) -> None:
    quotas = Quotas()
    assert refused(quotas, met(limit, 30.0), tokens=800)
    assert fits(quotas, 400)
    assert not fits(quotas, 401)
    assert refused(quotas, met(limit, 10.0), tokens=300)
    assert fits(quotas, 150, NOON + 29)
    assert not fits(quotas, 151, NOON + 29), "the longer word counts"
    assert fits(quotas, 400, NOON + 30)


def test_a_refusal_of_hardly_anything_means_that_nothing_fits() -> None:
    quotas = Quotas()
    assert not refused(quotas, met(TOKENS, 30.0), tokens=TINY - 1)
    assert refused(quotas, met(TOKENS, 30.0), tokens=TINY)


@pytest.mark.parametrize(("window", "seconds"), [(Window.MINUTE, 60), (Window.DAY, 3600)])
def test_without_a_delay_a_squeeze_lasts_for_its_window_but_no_longer_than_an_hour(
    window: Window, seconds: float
) -> None:
    quotas = Quotas()
    refused(quotas, met(Limit(Metric.TOKENS, window)), tokens=800)
    assert not fits(quotas, 800, NOON + seconds - 1)
    assert fits(quotas, 800, NOON + seconds)


def test_a_day_of_tokens_that_is_spent_is_no_matter_of_size() -> None:
    limit = Limit(Metric.TOKENS, Window.DAY, 1000, zone=LOS_ANGELES)
    assert not refused(Quotas(), met(limit, kind=Kind.QUOTA_SPENT), tokens=900)


def test_a_failure_that_names_no_limit_teaches_nothing() -> None:
    quotas = Quotas()
    assert not refused(quotas, met(None, 1.0), tokens=900)
    assert not quotas.taught


# -- the last resort


def test_where_nobody_else_is_left_one_caller_an_interval_finds_out_for_all() -> None:
    quotas = Quotas()
    refused(quotas, met(Limit(Metric.REQUESTS, Window.HOUR, 1), 1.0))
    answered(quotas)
    asked = [second for second in range(95) if quotas.admit(FLASH, 10, NOON + second)]
    assert asked == [30, 60, 90]
    assert not quotas.admit(FLASH, 10, NOON + 500), "a new spell of waiting begins anew"
    assert quotas.admit(FLASH, 10, NOON + 531)
    assert not quotas.admit(FLASH, 10, NOON + 400), "also by a clock that is set back"


def test_whatever_fits_is_let_through() -> None:
    quotas = Quotas()
    assert quotas.admit(FLASH, 10, NOON)
    refused(quotas, met(TOKENS, 1.0), tokens=2000)
    assert all(quotas.admit(FLASH, 1000, NOON) for _ in range(9))
    assert not quotas.admit(FLASH, 1001, NOON + 5)


@pytest.mark.parametrize("name", ["flash-a", "google-a", "lab"])
def test_a_person_makes_it_forget_what_it_learned_and_not_what_it_counted(name: str) -> None:
    quotas = Quotas()
    answered(quotas, 3, who=FIRST)
    refused(quotas, met(PER_MINUTE, 1.0), who=FIRST)
    refused(quotas, met(Limit(Metric.TOKENS, Window.MINUTE)), tokens=900, who=FIRST)
    assert not quotas.forget("another")
    assert quotas.forget(name)
    assert fits(quotas, 5000, who=SECOND)
    assert not quotas.forget(name)
    refused(quotas, met(PER_MINUTE, 1.0), who=SECOND)
    assert not fits(quotas, who=FIRST)


# -- what outlives a restart


def test_lessons_and_the_day_outlive_a_restart() -> None:
    before, after = Quotas(), Quotas()
    answered(before, 2, NOON - 7200)
    refused(before, met(PER_DAY, kind=Kind.QUOTA_SPENT))
    answered(before, 1)
    [kept] = before.keep(NOON).values()
    assert (kept.project, kept.model, kept.names) == ("google", "g-3", {"flash", "google"})
    after.restore(kept, NOON + 1)
    assert after.view(FLASH, NOON + 1) == before.view(FLASH, NOON + 1)
    assert after.view(FLASH, NOON + 1) is not None
    assert after.forget("flash")


def lesson(**changes: object) -> KeptQuota:
    quotas = Quotas()
    answered(quotas, 3)
    refused(quotas, met(PER_DAY, kind=Kind.QUOTA_SPENT))
    [kept] = quotas.keep(NOON).values()
    [only] = kept.lessons
    fields = {name: getattr(only, name) for name in only.__struct_fields__} | changes
    return KeptQuota(kept.project, kept.model, kept.names, (type(only)(**fields),), kept.day)


@pytest.mark.parametrize(
    "kept",
    [
        lesson(zone="Mars/Olympus"),
        lesson(value=0),
        lesson(at=NOON + 60),
        lesson(at=NOON - KNOWN),
    ],
)
def test_what_makes_no_sense_is_not_taken_up(kept: KeptQuota) -> None:
    quotas = Quotas()
    quotas.restore(kept, NOON)
    assert not quotas.taught
    quotas.restore(lesson(), NOON)
    assert quotas.taught


def test_counts_that_make_no_sense_are_not_taken_up() -> None:
    kept, quotas = lesson(), Quotas()
    day = {10**12: (5, 5), -3: (5, 5), int(NOON // 900): (-5, 0), int(NOON // 900) - 1: (1, 7)}
    quotas.restore(KeptQuota(kept.project, kept.model, kept.names, kept.lessons, day), NOON)
    [again] = quotas.keep(NOON).values()
    assert again.day == {int(NOON // 900) - 1: (1, 7)}


# -- everything at once


@dataclass
class Asked:
    begun: Begun
    at: float
    tokens: int
    counts: bool = True


LIMITS = st.builds(
    lambda metric, window, value, zone: Limit(
        metric,
        window,
        value if metric is Metric.REQUESTS else value * 100,
        zone=zone if window is Window.DAY else "",
    ),
    st.sampled_from(Metric),
    st.sampled_from(Window),
    st.integers(1, 8),
    st.sampled_from(["", LOS_ANGELES]),
)


def test_an_answer_under_way_unlearns_no_limit_of_the_same_moment() -> None:
    quotas = Quotas()

    def taught(value: int) -> None:
        begun = quotas.begin(FLASH, 0, NOON)
        failure = met(Limit(Metric.REQUESTS, Window.MINUTE, value), 1.0)
        quotas.refused(FLASH, failure, begun, NOON)
        quotas.end(FLASH, begun, Failed(failure))

    taught(3)
    first, second = (quotas.begin(FLASH, 10, NOON) for _ in range(2))
    quotas.end(FLASH, first, Failed(Failure(Kind.UNREACHABLE)))
    taught(1)
    quotas.end(FLASH, second, Answered())
    assert not fits(quotas)


class Spendings(RuleBasedStateMachine):
    """Nobody who fits is turned away, and what is let through keeps every limit that is known."""

    def __init__(self) -> None:
        super().__init__()
        self.quotas = Quotas()
        self.now = NOON
        self.asked: list[Asked] = []
        self.under_way: list[Asked] = []
        self.lessons: dict[tuple[Metric, Window], tuple[Limit, float]] = {}

    def used(self, limit: Limit, slack: float) -> int:
        since = self.now - SPANS[limit.window][0] - slack
        if limit.zone:
            since = max(since, midnight(self.now, limit.zone, 0) - 1e-6)
        counted = [one for one in self.asked if one.counts and one.at > since]
        requests = limit.metric is Metric.REQUESTS
        return len(counted) if requests else sum(one.tokens for one in counted)

    def has_room(self, tokens: int, *, loose: bool) -> bool:
        for limit, at in self.lessons.values():
            if self.now >= at + KNOWN:
                continue
            more = 1 if limit.metric is Metric.REQUESTS else max(tokens, 1)
            slack = 2.0 * SPANS[limit.window][1] if loose else 0.0
            assert limit.value is not None
            if self.used(limit, slack) + more > limit.value:
                return False
        return True

    @rule(seconds=st.floats(0, 90) | st.sampled_from([0.5, 60.0, 3600.0, 20_000.0, 86_400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(limit=LIMITS)
    def is_taught(self, limit: Limit) -> None:
        begun = self.quotas.begin(FLASH, 0, self.now)
        failure = met(limit, 1.0)
        self.quotas.refused(FLASH, failure, begun, self.now)
        self.quotas.end(FLASH, begun, Failed(failure))
        self.lessons[limit.metric, limit.window] = limit, self.now

    @rule(tokens=st.integers(0, 300))
    def asks(self, tokens: int) -> None:
        fit = fits(self.quotas, tokens, self.now)
        if fit:
            assert self.has_room(tokens, loose=False), "no more than the limit is let through"
            assert self.quotas.admit(FLASH, tokens, self.now)
            begun = self.quotas.begin(FLASH, tokens, self.now)
            one = Asked(begun, self.now, tokens)
            self.asked.append(one)
            self.under_way.append(one)
        else:
            assert not self.has_room(tokens, loose=True), "what fits is not turned away"

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), used=st.none() | st.integers(0, 400))
    def is_answered(self, data: st.DataObject, used: int | None) -> None:
        one = self._one(data)
        usage = None if used is None else Usage(used, 1)
        self.quotas.end(FLASH, one.begun, Answered(usage))
        if used is not None:
            one.tokens = used

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def is_not_taken(self, data: st.DataObject) -> None:
        one = self._one(data)
        self.quotas.end(FLASH, one.begun, Failed(Failure(Kind.UNREACHABLE)))
        one.counts = False

    def _one(self, data: st.DataObject) -> Asked:
        at = data.draw(st.integers(0, len(self.under_way) - 1))
        return self.under_way.pop(at)

    @rule()
    def is_looked_at(self) -> None:
        tired = self.quotas.view(FLASH, self.now)
        assert tired == self.quotas.view(FLASH, self.now), "looking changes nothing"
        if tired is not None and tired.until is not None:
            assert tired.until >= self.now


Spendings.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSpendings = Spendings.TestCase
