import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.routing.attempts import Kind
from portico.upstreams.faults import from_status
from tests.upstreams.fault_bodies import (
    DAY,
    EXHAUSTED,
    MINUTE,
    SPENT,
    error,
    failed,
    flow,
    google,
    quota,
    retry,
)


def test_a_spent_day_of_google_rests_until_midnight_in_los_angeles_whatever_it_claims() -> None:
    body = google(429, EXHAUSTED, SPENT.format(20), quota(MINUTE), quota(DAY), retry("10s"))
    failure = failed("gemini", 429, body)
    assert failure.kind is Kind.QUOTA_SPENT
    assert failure.until == datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
    assert failure.delay is None


@pytest.mark.parametrize(
    ("when", "reset"),
    [
        ("2026-07-01T06:59:59", "2026-07-01T07:00:00"),
        ("2026-07-01T07:00:00", "2026-07-02T07:00:00"),
        ("2026-03-08T09:00:00", "2026-03-09T07:00:00"),  # 23 hours: summer time begins
        ("2026-11-01T07:30:00", "2026-11-02T08:00:00"),  # 25 hours: it ends
    ],
)
def test_the_days_of_los_angeles_are_counted_by_its_own_clock(when: str, reset: str) -> None:
    now = datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()
    body = json.dumps(google(429, EXHAUSTED, SPENT.format(20), quota(DAY))).encode()
    failure = from_status("gemini", 429, {}, body, tunnelled=True, now=now)
    assert failure.until == datetime.fromisoformat(reset).replace(tzinfo=UTC).timestamp()


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_a_reset_is_always_ahead_and_at_most_a_long_day_away(moment: datetime) -> None:
    body = json.dumps(google(429, EXHAUSTED, "per_day")).encode()
    failure = from_status("gemini", 429, {}, body, tunnelled=False, now=moment.timestamp())
    assert failure.until is not None
    there = datetime.fromtimestamp(failure.until, ZoneInfo("America/Los_Angeles"))
    assert (there.hour, there.minute, there.second) == (0, 0, 0)
    assert timedelta(0) < there - moment <= timedelta(hours=25)


@pytest.mark.parametrize("details", [(quota(MINUTE),), (quota("InputTokensPerModelPerMinute"),)])
def test_a_spent_minute_of_google_rests_for_the_delay_it_gives(details: tuple[object]) -> None:
    message = SPENT.format(20)
    told = google(429, EXHAUSTED, message, *details, retry("45.837906927s"))
    assert failed("gemini", 429, told).delay == 45.837906927
    only_text = google(429, EXHAUSTED, message, *details)
    assert failed("gemini", 429, only_text).delay == 10.689924287
    assert failed("gemini", 429, told).kind is Kind.RATE_LIMITED


@pytest.mark.parametrize(
    "body",
    [
        google(429, EXHAUSTED, SPENT.format(0), quota(DAY, None), retry("10s")),
        google(429, EXHAUSTED, SPENT.format(0)),
        google(429, EXHAUSTED, "Quota exceeded.", quota(DAY, "0")),
        google(429, EXHAUSTED, "Quota exceeded.", quota(MINUTE, None)),
    ],
)
def test_a_limit_of_nothing_means_that_this_tier_never_serves_the_model(body: object) -> None:
    assert failed("gemini", 429, body).kind is Kind.MODEL_GONE


def test_a_bare_exhaustion_of_google_is_a_limit_without_a_delay() -> None:
    body = google(429, EXHAUSTED, "Resource has been exhausted (e.g. check quota).")
    failure = failed("gemini", 429, body)
    assert (failure.kind, failure.delay, failure.scope) == (Kind.RATE_LIMITED, None, "target")


def test_a_spend_rate_of_google_is_the_whole_projects_limit() -> None:
    body = google(429, EXHAUSTED, "Spend rate limit exceeded.", "odd", {"violations": 1})
    failure = failed("gemini", 429, body)
    assert (failure.kind, failure.scope) == (Kind.RATE_LIMITED, "upstream")


@pytest.mark.parametrize(
    ("window", "kind", "delay"),
    [
        ("RPM", Kind.RATE_LIMITED, 60),
        ("TPM", Kind.RATE_LIMITED, 60),
        ("IPM", Kind.RATE_LIMITED, 60),
        ("RPH", Kind.RATE_LIMITED, 3600),
        ("RPD", Kind.QUOTA_SPENT, None),
        ("TPD", Kind.QUOTA_SPENT, None),
        ("Some", Kind.RATE_LIMITED, None),
    ],
)
def test_siliconflow_names_the_window_and_not_the_wait(
    window: str, kind: Kind, delay: float | None
) -> None:
    text = f"Request was rejected due to rate limiting. Details: {window} limit reached."
    for code in (None, 50602):
        failure = failed("siliconflow", 429, flow(text, code))
        assert (failure.kind, failure.delay) == (kind, delay)
        if kind is Kind.QUOTA_SPENT:
            assert failure.until == datetime(2026, 11, 22, 16, tzinfo=UTC).timestamp()


def test_a_servers_own_word_on_the_wait_beats_our_assumption() -> None:
    text = "Request was rejected due to rate limiting. Details: TPM limit reached."
    assert failed("siliconflow", 429, flow(text), {"Retry-After": "7"}).delay == 7
    body = error("Allocated quota exceeded", "insufficient_quota")
    assert failed("dashscope", 429, body, {"retry-after": "7"}).delay == 7


def test_dashscopes_quotas_come_back_within_a_minute_and_its_bursts_at_once() -> None:
    assert failed("dashscope", 429, error("x", "insufficient_quota")).delay == 60
    assert failed("dashscope", 429, error("Request rate increased too quickly")).delay is None


def test_deepseeks_concurrency_is_the_whole_accounts() -> None:
    failure = failed("deepseek", 429, error("Rate limit reached"))
    assert (failure.kind, failure.scope) == (Kind.RATE_LIMITED, "upstream")


@pytest.mark.parametrize(
    ("headers", "message", "delay"),
    [
        ({"retry-after": "3"}, "", 3.0),
        ({"Retry-After": "1.5"}, "", 1.5),
        ({"retry-after": "3", "retry-after-ms": "250"}, "", 0.25),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, "", 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 -0000"}, "", 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, "", 0.0),
        ({"retry-after": "Sun, 22 Nov 2099 11:00:00 GMT"}, "", 86400.0),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "-1"}, "", None),
        ({}, "Please try again in 6m0s. Visit us", 360.0),
        ({}, "Please try again in 20ms", 0.02),
        ({}, "please retry after 20 seconds.", 20.0),
        ({}, "try again later", None),
        ({"x-ratelimit-reset": "1795348830000"}, "", 30.0),
        ({"x-ratelimit-reset": "1795348830"}, "", 30.0),
        ({"x-ratelimit-reset-requests": "12ms", "x-ratelimit-reset-tokens": "6m0s"}, "", 0.012),
        (
            {
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            "",
            360.0,
        ),
        ({"x-ratelimit-reset-requests": "later"}, "", None),
    ],
)
def test_a_limit_lasts_as_long_as_its_provider_says(
    headers: dict[str, str], message: str, delay: float | None
) -> None:
    failure = failed("generic", 429, error(message, "rate_limit_exceeded"), headers)
    assert failure.kind is Kind.RATE_LIMITED
    assert failure.delay == (None if delay is None else pytest.approx(delay))
