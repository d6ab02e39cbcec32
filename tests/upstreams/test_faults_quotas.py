import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.routing.attempts import Kind, Limit, Metric, Window
from portico.upstreams.faults_quotas import google, headed, worded
from tests.upstreams.fault_bodies import (
    DAY,
    EXHAUSTED,
    MINUTE,
    SPENT,
    error,
    failed,
    flow,
    quota,
    retry,
)
from tests.upstreams.fault_bodies import google as body

TOKENS = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
ZONE = "America/Los_Angeles"


def violations(*details: object) -> list[dict[str, object]]:
    return [one for item in details for one in item["violations"]]  # type: ignore[index]


@pytest.mark.parametrize(
    ("quotas", "limit"),
    [
        ([quota(MINUTE, "15")], Limit(Metric.REQUESTS, Window.MINUTE, 15, MINUTE)),
        ([quota(DAY)], Limit(Metric.REQUESTS, Window.DAY, 20, DAY, ZONE)),
        ([quota(TOKENS, "250000")], Limit(Metric.TOKENS, Window.MINUTE, 250_000, TOKENS)),
        ([quota(MINUTE), quota(DAY, "9")], Limit(Metric.REQUESTS, Window.DAY, 9, DAY, ZONE)),
        ([quota(TOKENS), quota(MINUTE)], Limit(Metric.REQUESTS, Window.MINUTE, 20, MINUTE)),
        ([quota("RequestsPerHour", "many")], Limit(Metric.REQUESTS, Window.HOUR, None, "R")),
        ([quota("requests_per_day")], Limit(Metric.REQUESTS, Window.DAY, 20, "r", ZONE)),
        ([quota("Concurrency")], None),
        ([], None),
    ],
)
def test_google_names_the_limit_in_its_quota_id(quotas: list[object], limit: Limit | None) -> None:
    found = google(violations(*quotas), ZONE)
    if limit is None or found is None:
        assert found is limit
    else:
        assert found.about.startswith(limit.about)
        assert (found.metric, found.window, found.value, found.zone) == (
            limit.metric,
            limit.window,
            limit.value,
            limit.zone,
        )


def test_googles_metric_may_say_tokens_where_the_id_does_not() -> None:
    violation = {"quotaId": "PerMinute", "quotaMetric": "x/generate_content_input_token_count"}
    found = google([violation], ZONE)
    assert found is not None
    assert found.metric is Metric.TOKENS


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1" * 400, "٣", "", "ten"])
def test_nothing_but_a_sane_number_is_a_limit(value: str) -> None:
    found = google([{"quotaId": MINUTE, "quotaValue": value}], ZONE)
    assert found is not None
    assert found.value is None


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Details: TPM limit reached.", Limit(Metric.TOKENS, Window.MINUTE, None, "TPM")),
        ("Details: RPD limit reached.", Limit(Metric.REQUESTS, Window.DAY, None, "RPD", "here")),
        ("RPH limit reached", Limit(Metric.REQUESTS, Window.HOUR, None, "RPH")),
        (
            "Rate limit reached on tokens per min (TPM): Limit 30000, Used 30000, Requested 10.",
            Limit(Metric.TOKENS, Window.MINUTE, 30_000, "TPM"),
        ),
        (
            "This request would exceed the rate limit of 50,000 tokens per minute.",
            Limit(Metric.TOKENS, Window.MINUTE, 50_000, "tokens per min"),
        ),
        (
            "limit: 200 requests per day",
            Limit(Metric.REQUESTS, Window.DAY, 200, "requests per day", "here"),
        ),
        ("IPM limit reached.", None),
        ("Too many requests.", None),
    ],
)
def test_a_text_names_the_limit_in_letters_or_in_words(text: str, limit: Limit | None) -> None:
    assert worded(text, "here") == limit


def headers(**values: str) -> dict[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("given_", "limit"),
    [
        (
            headers(limit_requests="60", remaining_requests="0"),
            Limit(Metric.REQUESTS, Window.MINUTE, 60, "x-ratelimit-limit-requests"),
        ),
        (
            headers(limit_tokens_day="9000", remaining_tokens_day=" 0"),
            Limit(Metric.TOKENS, Window.DAY, 9000, "x-ratelimit-limit-tokens-day"),
        ),
        (
            headers(
                limit_requests="60",
                remaining_requests="0",
                limit_tokens="9",
                remaining_tokens="0",
            ),
            Limit(Metric.REQUESTS, Window.MINUTE, 60, "x-ratelimit-limit-requests"),
        ),
        (headers(limit_requests="60", remaining_requests="3"), None),
        (headers(limit_requests="60"), None),
        (headers(limit="60", remaining="0"), None),
        ({}, None),
    ],
)
def test_headers_name_the_limit_that_has_nothing_remaining(
    given_: dict[str, str], limit: Limit | None
) -> None:
    assert headed(given_) == limit


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_and_no_header_is_too_odd(text: str, some: dict[str, str]) -> None:
    worded(text)
    headed(some)
    google([{"quotaId": text, "quotaValue": text}], ZONE)


def test_failures_carry_the_limit_of_their_provider() -> None:
    spent = failed("gemini", 429, body(429, EXHAUSTED, SPENT.format(20), quota(DAY), retry("10s")))
    assert spent.kind is Kind.QUOTA_SPENT
    assert spent.limit == Limit(Metric.REQUESTS, Window.DAY, 20, DAY, ZONE)
    soon = failed("gemini", 429, body(429, EXHAUSTED, "x", quota(TOKENS, "7"), retry("1s")))
    assert soon.limit == Limit(Metric.TOKENS, Window.MINUTE, 7, TOKENS)

    reached = "Request was rejected due to rate limiting. Details: {} limit reached."
    minute = failed("siliconflow", 429, flow(reached.format("TPM")))
    assert minute.limit == Limit(Metric.TOKENS, Window.MINUTE, None, "TPM")
    day = failed("siliconflow", 429, flow(reached.format("RPD")))
    assert day.limit == Limit(Metric.REQUESTS, Window.DAY, None, "RPD", "Asia/Shanghai")

    allocated = failed("dashscope", 429, error("Allocated quota exceeded", "insufficient_quota"))
    assert allocated.limit == Limit(Metric.TOKENS, Window.MINUTE)
    requests = failed("dashscope", 429, error("x", "limit_requests"))
    assert requests.limit == Limit(Metric.REQUESTS, Window.MINUTE)
    assert failed("deepseek", 429, error("Rate limit reached")).limit is None


def test_headers_say_what_the_text_does_not() -> None:
    told = headers(limit_requests="60", remaining_requests="0")
    by_header = failed("generic", 429, error("Too many requests."), told)
    assert by_header.limit == Limit(
        Metric.REQUESTS, Window.MINUTE, 60, "x-ratelimit-limit-requests"
    )
    by_text = failed("generic", 429, error("tokens per min: Limit 5"), told)
    assert by_text.limit == Limit(Metric.TOKENS, Window.MINUTE, 5, "tokens per min")
