"""Shows telemetry what the ledger is told, in telemetry's words."""

from collections.abc import Callable
from dataclasses import dataclass

from portico.chat.reply import Usage
from portico.ledger.base import Entry
from portico.ledger.rows import failure_of, first_delta, ident, is_simulated, usage_of
from portico.routing.attempts import Attempt, outcome_name
from portico.telemetry.observation import Observation, Tokens, Try
from portico.telemetry.observer import Observer


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream in OpenTelemetry's words: `gen_ai.provider.name` and `server.address`."""

    name: str
    address: str | None = None


def watching(
    observer: Observer, provider: Callable[[str], Provider] = Provider
) -> Callable[[Entry], None]:
    """Return what shows an entry to *observer*; *provider* knows an upstream by its name."""

    def watch(entry: Entry) -> None:
        observer.observe(observed(entry, provider))

    return watch


def observed(entry: Entry, provider: Callable[[str], Provider] = Provider) -> Observation:
    """Return *entry* as counters, log and spans see it."""
    return Observation(
        id=ident(entry.id),
        started=entry.started,
        took=entry.took,
        outcome=entry.outcome,
        role=entry.role,
        operation=entry.operation,
        status=entry.status,
        target=entry.target,
        first_delta=first_delta(entry),
        degraded=entry.degraded,
        simulated=is_simulated(entry),
        tries=tuple([_try(one, provider(one.target.upstream)) for one in entry.attempts]),
        traceparent=entry.traceparent,
    )


def _try(attempt: Attempt, provider: Provider) -> Try:
    failure = failure_of(attempt)
    return Try(
        id=attempt.id,
        target=attempt.target.name,
        model=attempt.target.model,
        provider=provider.name,
        address=provider.address,
        started=attempt.started,
        took=attempt.took,
        ending=outcome_name(attempt.outcome),
        failure=failure.kind.value if failure else None,
        first_delta=attempt.first_delta,
        tokens=_tokens(usage_of(attempt)),
        simulated=attempt.target.simulated,
    )


def _tokens(usage: Usage | None) -> Tokens | None:
    if usage is None:
        return None
    return Tokens(usage.input, usage.output, usage.cached, usage.reasoning)
