"""Standing where limits are counted, shared, survived; and where a model list brings news."""

import pytest

from portico.routing.attempts import Answered, Failed, Failure, Kind, Limit, Metric, Window
from portico.routing.tiers import Breaker, Target
from portico.upstreams.records import KeptRest
from portico.upstreams.standing import Standing

NOW = 1_795_348_800.0
ONE = Target("one", "lab", "m-1", egress="out")
TWO = Target("two", "lab", "m-2", egress="out")
FIRST = Target("flash-a", "google-a", "g-3", project="shared")
SECOND = Target("flash-b", "google-b", "g-3", project="shared")
PRO = Target("pro-b", "google-b", "g-pro", project="shared")
FAMILY = (FIRST, SECOND, PRO)
TOKENS = Limit(Metric.TOKENS, Window.MINUTE, 1000)
REQUESTS = Limit(Metric.REQUESTS, Window.MINUTE, 3)


def limited(limit: Limit | None, delay: float | None = 30.0, scope: str = "target") -> Failure:
    return Failure(Kind.RATE_LIMITED, "429", delay=delay, scope=scope, limit=limit)


def fails(
    standing: Standing, failure: Failure, tokens: int = 800, now: float = NOW, who: Target = ONE
) -> None:
    begun = standing.quotas.begin(who, tokens, now)
    standing.blame(who, failure, now, begun)
    standing.quotas.end(who, begun, Failed(failure))


def answers(standing: Standing, times: int, now: float = NOW, who: Target = ONE) -> None:
    for _ in range(times):
        begun = standing.quotas.begin(who, 10, now)
        standing.praise(who)
        standing.quotas.end(who, begun, Answered())


def opened(reason: Kind, now: float = NOW, who: Target = ONE) -> Standing:
    standing = Standing()
    for _ in range(who.breaker.failures):
        standing.blame(who, Failure(reason), now)
    return standing


# -- limits on tokens


def test_a_limit_on_tokens_rests_nobody_but_what_does_not_fit() -> None:
    standing = Standing()
    fails(standing, limited(TOKENS))
    rest = standing.view([ONE], NOW)["one"]
    assert (rest.room, rest.reason, rest.shut, rest.probing) == (400, "quota", False, False)
    assert standing.report(NOW) == {}
    assert all(standing.admit(ONE, NOW, 400) for _ in range(9))
    assert not standing.admit(ONE, NOW, 401)
    assert standing.admit(ONE, NOW + 30, 800)


def test_a_limit_on_tokens_that_refuses_even_the_least_rests_the_target() -> None:
    standing = Standing()
    fails(standing, limited(TOKENS), tokens=5)
    assert standing.view([ONE], NOW)["one"].reason == "rate_limited"
    assert not standing.admit(ONE, NOW)


def test_a_limit_on_requests_rests_for_its_delay_and_is_counted_from_then_on() -> None:
    standing = Standing()
    fails(standing, limited(REQUESTS, 5.0))
    assert standing.view([ONE], NOW)["one"].reason == "rate_limited"
    answers(standing, 3, NOW + 5)
    rest = standing.view([ONE, TWO], NOW + 5)
    assert set(rest) == {"one"}
    assert rest["one"].reason == "quota"
    assert not standing.admit(ONE, NOW + 6)
    assert standing.admit(TWO, NOW + 6)


def test_who_is_not_let_through_by_our_count_takes_no_turn_of_a_rest() -> None:
    standing = opened(Kind.SILENT)
    fails(standing, limited(TOKENS), now=NOW + 1)
    assert not standing.admit(ONE, NOW + 5, 900)
    assert standing.admit(ONE, NOW + 5, 1), "the probing request is still to be had"


def test_a_spent_quota_and_another_rest_are_told_as_one() -> None:
    standing = opened(Kind.SILENT)
    fails(standing, limited(TOKENS), now=NOW)
    with_room = standing.view([ONE], NOW + 5)["one"]
    assert (with_room.reason, with_room.room, with_room.probing) == ("silent", None, True)

    standing.quotas.refused(ONE, limited(REQUESTS), standing.quotas.begin(ONE, 1, NOW), NOW)
    for _ in range(3):
        standing.quotas.begin(ONE, 1, NOW + 5)
    spent = standing.view([ONE], NOW + 5)["one"]
    assert (spent.reason, spent.probing) == ("quota", False)
    standing.blame(ONE, Failure(Kind.ACCOUNT), NOW + 5)
    assert standing.view([ONE], NOW + 5)["one"].reason == "account"


# -- one project, several upstreams


def test_a_limit_rests_that_model_at_every_upstream_of_the_project() -> None:
    standing = Standing()
    fails(standing, limited(None), who=FIRST)
    assert set(standing.view(FAMILY, NOW)) == {"flash-a", "flash-b"}
    assert set(standing.report(NOW)) == {"quota shared g-3"}
    assert not standing.admit(SECOND, NOW)
    assert standing.admit(PRO, NOW)


def test_a_limit_of_the_whole_account_rests_the_project() -> None:
    standing = Standing()
    fails(standing, limited(None, scope="upstream"), who=FIRST)
    assert set(standing.view(FAMILY, NOW)) == {"flash-a", "flash-b", "pro-b"}
    assert set(standing.report(NOW)) == {"project shared"}


@pytest.mark.parametrize("kind", [Kind.ACCOUNT, Kind.MODEL_GONE, Kind.REGION])
def test_what_is_about_one_key_rests_one_upstream(kind: Kind) -> None:
    standing = Standing()
    fails(standing, Failure(kind), who=FIRST)
    assert set(standing.view(FAMILY, NOW)) == {"flash-a"}


@pytest.mark.parametrize("name", ["flash-a", "google-a", "shared"])
def test_a_shared_rest_is_cleared_by_whoever_it_was_learned_from(name: str) -> None:
    standing = Standing()
    fails(standing, limited(None), who=FIRST)
    assert not standing.clear("nobody")
    assert standing.clear(name)
    assert standing.view(FAMILY, NOW) == {}


def test_without_a_project_a_target_and_its_upstream_are_cleared_apart() -> None:
    standing = Standing()
    fails(standing, limited(None))
    fails(standing, limited(None, scope="upstream"))
    assert standing.clear("one")
    assert set(standing.report(NOW)) == {"upstream lab"}
    fails(standing, limited(None))
    assert standing.clear("lab")
    assert set(standing.report(NOW)) == {"target one"}


def test_clearing_forgets_what_was_learned_about_limits() -> None:
    standing = Standing()
    answers(standing, 3)
    fails(standing, limited(REQUESTS, 0.0))
    assert not standing.admit(ONE, NOW)
    assert standing.clear("one")
    assert standing.admit(ONE, NOW)
    assert standing.view([ONE], NOW) == {}


def test_with_another_key_everything_that_was_learned_with_the_old_one_is_void() -> None:
    standing = Standing()
    fails(standing, Failure(Kind.QUOTA_SPENT, until=NOW + 60), who=FIRST)
    fails(standing, Failure(Kind.ACCOUNT), who=FIRST)
    fails(standing, Failure(Kind.ACCOUNT), who=PRO)
    fails(standing, limited(TOKENS), who=FIRST)
    standing.rekeyed("google-a")
    assert set(standing.report(NOW)) == {"upstream google-b"}
    assert not standing.quotas.taught


# -- what outlives a restart


def after_restart(standing: Standing, now: float) -> Standing:
    again = Standing()
    for about, kept in standing.keep(now).items():
        again.restore(about, kept, now)
    return again


def test_what_does_not_end_within_minutes_outlives_a_restart() -> None:
    standing = Standing()
    spent = Failure(Kind.QUOTA_SPENT, "day", until=NOW + 9000)
    standing.blame(ONE, spent, NOW)
    standing.blame(TWO, Failure(Kind.MODEL_GONE, "404"), NOW)
    standing.blame(FIRST, Failure(Kind.ACCOUNT, "401"), NOW)
    standing.blame(SECOND, spent, NOW)
    everybody = (ONE, TWO, *FAMILY)
    again = after_restart(standing, NOW + 60)
    assert again.view(everybody, NOW + 60) == standing.view(everybody, NOW + 60)
    assert not again.admit(ONE, NOW + 60), "nobody is let through at once"
    assert set(again.view(everybody, NOW + 9000)) == {"two", "flash-a"}
    again.gone(TWO, frozenset({"m-2"}), NOW + 3599)
    assert "two" in again.view(everybody, NOW + 3599)
    again.gone(TWO, frozenset({"m-2"}), NOW + 3600)
    assert "two" not in again.view(everybody, NOW + 3600)
    assert again.clear("flash-b")


@pytest.mark.parametrize("kind", [Kind.SILENT, Kind.RATE_LIMITED, Kind.REGION])
def test_what_ends_soon_is_forgotten(kind: Kind) -> None:
    assert opened(kind).keep(NOW) == {}


def test_what_is_over_when_it_is_read_is_not_taken_up() -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.QUOTA_SPENT, until=NOW + 60), NOW)
    [(about, kept)] = standing.keep(NOW).items()
    again = Standing()
    again.restore(about, kept, NOW + 60)
    assert again.view([ONE], NOW) == {}


@pytest.mark.parametrize(
    ("about", "since", "until"),
    [
        ("nonsense", NOW, NOW + 60),
        ("target", NOW, NOW + 60),
        ("target one", NOW + 1, NOW + 60),
        ("target one", -1.0, NOW + 60),
        ("target one", NOW, NOW + 10**9),
    ],
)
def test_what_makes_no_sense_is_not_taken_up(about: str, since: float, until: float) -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.QUOTA_SPENT, until=NOW + 60), NOW)
    [kept] = standing.keep(NOW).values()
    odd = KeptRest(kept.upstream, kept.rest, "quota_spent", "", since, until, 30.0, 0.0)
    again = Standing()
    again.restore(about, odd, NOW)
    assert again.report(NOW) == {}


# -- what a model list can tell


def test_only_upstreams_with_an_open_breaker_ail() -> None:
    standing = opened(Kind.SILENT)
    standing.blame(FIRST, Failure(Kind.ACCOUNT), NOW)
    standing.blame(PRO, limited(None), NOW)
    assert standing.ailing((ONE, TWO, *FAMILY), NOW) == {"lab"}


def test_a_list_brings_back_who_was_unreachable_without_a_request() -> None:
    standing = opened(Kind.UNREACHABLE)
    standing.heard(ONE, NOW + 1, returned=False)
    assert standing.view([ONE], NOW + 1) == {}
    assert all(standing.admit(ONE, NOW + 1) for _ in range(9))


@pytest.mark.parametrize(("returned", "resting"), [(True, False), (False, True)])
def test_a_list_brings_back_the_silent_only_if_it_was_away_as_well(
    returned: bool, resting: bool
) -> None:
    standing = opened(Kind.SILENT)
    standing.heard(ONE, NOW + 1, returned=returned)
    assert bool(standing.view([ONE], NOW + 1)) is resting


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.GARBLED, Kind.SILENT])
def test_a_list_makes_others_due_an_interval_after_the_last_who_was_let_through(
    kind: Kind,
) -> None:
    standing = opened(kind)
    for now in (NOW + 5, NOW + 15):
        assert standing.admit(ONE, now)
        standing.blame(ONE, Failure(kind), now)
    assert not standing.admit(ONE, NOW + 20)
    standing.heard(ONE, NOW + 16, returned=kind is not Kind.SILENT)
    assert not standing.view([ONE], NOW + 19)["one"].probing
    rest = standing.view([ONE], NOW + 20)["one"]
    assert (rest.probing, rest.until) == (True, NOW + 20)
    assert standing.admit(ONE, NOW + 20)
    assert not standing.admit(ONE, NOW + 20)


def test_a_list_makes_nobody_due_later() -> None:
    standing = opened(Kind.UNAVAILABLE)
    standing.heard(ONE, NOW + 1, returned=False)
    assert standing.view([ONE], NOW + 1)["one"].until == NOW + 5


def test_a_list_that_was_wrong_is_not_believed_again_before_an_answer() -> None:
    standing = opened(Kind.UNREACHABLE)
    standing.heard(ONE, NOW + 1, returned=True)
    standing.blame(ONE, Failure(Kind.UNREACHABLE), NOW + 2)
    assert not standing.admit(ONE, NOW + 2)
    standing.heard(ONE, NOW + 3, returned=True)
    assert not standing.admit(ONE, NOW + 3)
    assert standing.admit(ONE, NOW + 7)
    standing.praise(ONE)
    for _ in range(3):
        standing.blame(ONE, Failure(Kind.UNREACHABLE), NOW + 8)
    standing.heard(ONE, NOW + 9, returned=False)
    assert standing.admit(ONE, NOW + 9), "an answer has made the list credible again"


def test_a_list_says_nothing_about_those_who_are_well_or_rest_for_other_reasons() -> None:
    standing = Standing()
    standing.heard(ONE, NOW, returned=True)
    standing.blame(ONE, limited(None), NOW)
    before = standing.report(NOW)
    standing.heard(ONE, NOW, returned=True)
    assert standing.report(NOW) == before


def test_a_touchy_target_may_fail_again_after_a_list() -> None:
    touchy = Target("touchy", "lab", "m", breaker=Breaker(1, 1.0, 4.0))
    standing = opened(Kind.UNREACHABLE, who=touchy)
    standing.heard(touchy, NOW, returned=False)
    assert standing.admit(touchy, NOW)
    standing.blame(touchy, Failure(Kind.UNREACHABLE), NOW)
    assert not standing.admit(touchy, NOW)
