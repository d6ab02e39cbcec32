"""The counters of one application, in Prometheus' words. Folded by the writer, never on the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portico.telemetry.exits import GuardNow, PathNow, families
from portico.telemetry.observation import Observation, Try
from portico.telemetry.tallies import Histogram, Named, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `/metrics` says it is."""

FIRST_DELTA_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
REQUEST_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300, 600)


@dataclass(frozen=True, slots=True)
class Traced:
    """How the recorder of traces stands."""

    pending: int = 0
    spooled: int = 0
    bared: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    What is true only now, read when somebody looks.

    `resting` holds (target, reason) pairs; `pending`, `spooled` and `lost` are the ledger's;
    `paths` are those of egress that are tunnelled, `guard` is what is around them.
    """

    resting: tuple[tuple[str, str], ...] = ()
    pending: int = 0
    spooled: int = 0
    lost: int = 0
    traces: Traced = Traced()
    paths: tuple[PathNow, ...] = ()
    guard: GuardNow | None = None


class Metrics:
    """
    One application's counters, in a registry of their own.

    `in_flight` is a plain number that the gateway counts up and down on the event loop.
    Simulated answers appear in the counts of requests and attempts, which say so or can be told
    from the attempts, and nowhere among seconds and tokens: those are figures of real models.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._lock = Lock()
        self._now = _Now()
        self._registry = registry = CollectorRegistry(auto_describe=False)
        registry.register(self._now)
        self._requests = Tally(
            Named("portico_requests_total", "Finished requests.", ("role", "outcome", "status"))
        )
        self._attempts = Tally(
            Named(
                "portico_attempts_total",
                "Calls to targets, by how they ended.",
                ("target", "kind", "simulated"),
            )
        )
        self._tokens = Tally(
            Named(
                "portico_tokens_total",
                "Tokens as the providers counted them, without simulated answers.",
                ("target", "direction"),
            )
        )
        self._first_delta = Histogram(
            Named(
                "portico_first_delta_seconds",
                "From the call to the first delta, without simulated answers.",
                ("target",),
            ),
            FIRST_DELTA_BUCKETS,
        )
        self._seconds = Histogram(
            Named(
                "portico_request_seconds",
                "From the request's arrival to its end, without simulated answers.",
                ("role",),
            ),
            REQUEST_BUCKETS,
        )
        for one in (self._requests, self._attempts, self._tokens):
            registry.register(one)
        for spread in (self._first_delta, self._seconds):
            registry.register(spread)

    def observe(self, seen: Observation) -> None:
        """Count one finished request. For the ledger's writer alone: not for the request path."""
        role = seen.role or "other"
        status = "none" if seen.status is None else str(seen.status)
        with self._lock:  # of writers; who renders sees numbers that were true a moment ago
            self._requests.add((role, seen.outcome, status))
            if not seen.simulated:
                self._seconds.add((role,), seen.took)
            for one in seen.tries:
                simulated = "true" if one.simulated else "false"
                self._attempts.add((one.target, one.ending, simulated))
                if not one.simulated:
                    self._measure(one)

    def render(self, now: Snapshot | None = None) -> bytes:
        """Return everything in Prometheus' text format."""
        self._now.families = tuple(_families(now or Snapshot(), self.in_flight))
        return generate_latest(self._registry)

    def _measure(self, one: Try) -> None:
        target, tokens = one.target, one.tokens
        if one.first_delta is not None:
            self._first_delta.add((target,), one.first_delta)
        if tokens is not None:
            self._tokens.add((target, "input"), tokens.input)
            self._tokens.add((target, "output"), tokens.output)
            self._tokens.add((target, "cached"), tokens.cached)
            self._tokens.add((target, "reasoning"), tokens.reasoning)


class _Now(Collector):
    """Hands the registry what `render` was told last."""

    def __init__(self) -> None:
        self.families: tuple[Metric, ...] = ()

    def collect(self) -> Iterable[Metric]:
        return self.families


def _families(now: Snapshot, in_flight: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("portico_in_flight", "Requests being answered.", in_flight)
    standing = GaugeMetricFamily(
        "portico_standing", "1 for each target that rests, and why.", labels=("target", "reason")
    )
    for target, reason in now.resting:
        standing.add_metric((target, reason), 1)
    yield standing
    yield GaugeMetricFamily(
        "portico_ledger_pending", "Entries not yet in the store or the spool.", now.pending
    )
    yield CounterMetricFamily(
        "portico_ledger_spooled", "Entries written to the local spool.", now.spooled
    )
    yield CounterMetricFamily(
        "portico_ledger_lost", "Entries neither stored nor spooled.", now.lost
    )
    yield from _traced(now.traces)
    yield from families(now.paths, now.guard)


def _traced(now: Traced) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "portico_traces_pending", "Traces not yet in the store or the spool.", now.pending
    )
    yield CounterMetricFamily(
        "portico_traces_spooled", "Traces written to the local spool.", now.spooled
    )
    yield CounterMetricFamily(
        "portico_traces_bared", "Traces whose story had to make room in the spool.", now.bared
    )
    yield CounterMetricFamily(
        "portico_traces_dropped", "Traces that there was no room for.", now.dropped
    )
