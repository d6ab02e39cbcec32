"""The counters of one application, in Prometheus' words."""

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from portico.telemetry.exits import GuardNow
from portico.telemetry.metrics import Metrics, Snapshot
from tests.telemetry.seen import PRETENDED, SEEN


def samples(metrics: Metrics, now: Snapshot | None = None) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values, in the order of the labels' names."""
    text = metrics.render(now).decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_request_is_counted_by_role_outcome_and_status() -> None:
    metrics = Metrics()
    metrics.observe(SEEN)
    metrics.observe(SEEN)
    found = samples(metrics)
    assert found["portico_requests_total", "answered", "design", "200"] == 2
    assert found["portico_request_seconds_count", "design"] == 2
    assert found["portico_request_seconds_sum", "design"] == 4


def test_an_attempt_is_counted_by_target_and_kind() -> None:
    metrics = Metrics()
    metrics.observe(SEEN)
    found = samples(metrics)
    assert found["portico_attempts_total", "rate_limited", "false", "qwen3-coder"] == 1
    assert found["portico_attempts_total", "answered", "false", "gemini-3-flash"] == 1
    assert found["portico_first_delta_seconds_sum", "gemini-3-flash"] == 0.75
    assert ("portico_first_delta_seconds_sum", "qwen3-coder") not in found


def test_tokens_are_counted_by_target_and_direction() -> None:
    metrics = Metrics()
    metrics.observe(SEEN)
    found = samples(metrics)
    counted = [
        found["portico_tokens_total", direction, "gemini-3-flash"]
        for direction in ("input", "output", "cached", "reasoning")
    ]
    assert counted == [1000, 200, 400, 50]


def test_simulated_answers_are_counted_but_are_no_figures_of_a_model() -> None:
    metrics = Metrics()
    metrics.observe(PRETENDED)
    names = {name for name, *_ in samples(metrics)}
    assert ("portico_attempts_total", "answered", "true", "gemini-3-flash") in samples(metrics)
    assert "portico_requests_total" in names
    assert not any("seconds" in name or "tokens" in name for name in names)


def test_what_was_found_around_the_gateway_is_told_and_nothing_where_nobody_looked() -> None:
    found = samples(Metrics(), Snapshot(guard=GuardNow(True, 3.0, (("/run/google.json", 7),))))
    assert found["portico_egress_leak_possible",] == 1
    assert found["portico_egress_looked_seconds",] == 3
    assert found["portico_egress_leak_packets_total", "/run/google.json"] == 7
    assert not any("leak" in name or "looked" in name for name, *_ in samples(Metrics()))


def test_a_request_without_a_role_or_status_cannot_widen_the_labels() -> None:
    metrics = Metrics()
    metrics.observe(replace(SEEN, role=None, status=None, outcome="abandoned"))
    assert samples(metrics)["portico_requests_total", "abandoned", "other", "none"] == 1


def test_what_is_true_now_is_rendered_as_it_is_now() -> None:
    metrics = Metrics()
    metrics.in_flight = 7
    now = Snapshot(resting=(("qwen-vl", "silent"),), pending=3, spooled=5, lost=1)
    found = samples(metrics, now)
    assert found["portico_in_flight",] == 7
    assert found["portico_standing", "silent", "qwen-vl"] == 1
    assert found["portico_ledger_pending",] == 3
    assert found["portico_ledger_spooled_total",] == 5
    assert found["portico_ledger_lost_total",] == 1
    later = samples(metrics)
    assert ("portico_standing", "silent", "qwen-vl") not in later


def test_two_applications_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.observe(SEEN)
    assert ("portico_requests_total", "answered", "design", "200") not in samples(other)
