"""Shows telemetry what the ledger is told, in telemetry's words."""

from portico.ledger.watching import Provider, observed, watching
from portico.routing.attempts import Broken, Failure, Kind
from portico.telemetry.metrics import Metrics
from portico.telemetry.observation import Tokens
from portico.telemetry.observer import Observer
from tests.ledger.entries import GEMINI, LIMITED, PRETEND, QWEN, USAGE, attempt, entry


def test_each_attempt_is_a_try_with_its_kind_and_tokens() -> None:
    seen = observed(entry(attempt(QWEN, LIMITED), attempt(GEMINI, started=3.0)))
    first, second = seen.tries
    assert (first.target, first.ending) == ("qwen3-coder", "rate_limited")
    assert first.failure == "rate_limited"
    assert (first.tokens, first.first_delta) == (None, None)
    assert (second.ending, second.failure, second.started) == ("answered", None, 3.0)
    assert second.tokens == seen.tokens == Tokens(1000, 200, 400, 50)
    assert seen.first_delta == 3.5


def test_tokens_of_all_tries_are_added_up() -> None:
    broken = Broken(Failure(Kind.SILENT), USAGE)
    seen = observed(entry(attempt(GEMINI, broken), attempt(GEMINI)))
    assert seen.tokens == Tokens(2000, 400, 800, 100)


def test_a_provider_is_named_by_who_knows_it_or_as_its_upstream() -> None:
    known = {"google": Provider("gcp.gemini", "generativelanguage.googleapis.com")}
    made = entry(attempt(GEMINI))
    (named,) = observed(made, known.__getitem__).tries
    assert (named.provider, named.address) == ("gcp.gemini", "generativelanguage.googleapis.com")
    (unnamed,) = observed(made).tries
    assert (unnamed.provider, unnamed.address) == ("google", None)


def test_watching_reaches_the_counters() -> None:
    metrics = Metrics()
    watching(Observer(metrics))(entry(attempt(PRETEND)))
    text = metrics.render().decode()
    assert 'portico_attempts_total{kind="answered",simulated="true",target="deepseek-v3"} 1.0' in (
        text
    )
