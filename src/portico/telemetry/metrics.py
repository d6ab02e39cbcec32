"""The counters of one application, in Prometheus' words. Folded by the writer, never on the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portico.telemetry.exits import GuardNow, PathNow, families
from portico.telemetry.observation import Observation, Try

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
        self._now = _Now()
        self._registry = registry = CollectorRegistry(auto_describe=False)
        registry.register(self._now)
        requests = Counter(
            "portico_requests_total",
            "Finished requests.",
            ("role", "outcome", "status"),
            registry=registry,
        )
        attempts = Counter(
            "portico_attempts_total",
            "Calls to targets, by how they ended.",
            ("target", "kind", "simulated"),
            registry=registry,
        )
        tokens = Counter(
            "portico_tokens_total",
            "Tokens as the providers counted them, without simulated answers.",
            ("target", "direction"),
            registry=registry,
        )
        first_delta = Histogram(
            "portico_first_delta_seconds",
            "From the call to the first delta, without simulated answers.",
            ("target",),
            registry=registry,
            buckets=FIRST_DELTA_BUCKETS,
        )
        seconds = Histogram(
            "portico_request_seconds",
            "From the request's arrival to its end, without simulated answers.",
            ("role",),
            registry=registry,
            buckets=REQUEST_BUCKETS,
        )
        # `labels` costs ten times a look into a dict; the registry keeps as many children.
        self._requests = cache(requests.labels)
        self._attempts = cache(attempts.labels)
        self._tokens = cache(tokens.labels)
        self._first_delta = cache(first_delta.labels)
        self._seconds = cache(seconds.labels)

    def observe(self, seen: Observation) -> None:
        """Count one finished request. Takes locks: not for the request path."""
        role = seen.role or "other"
        status = "none" if seen.status is None else str(seen.status)
        self._requests(role, seen.outcome, status).inc()
        if not seen.simulated:
            self._seconds(role).observe(seen.took)
        for one in seen.tries:
            self._attempts(one.target, one.ending, "true" if one.simulated else "false").inc()
            if not one.simulated:
                self._measure(one)

    def render(self, now: Snapshot | None = None) -> bytes:
        """Return everything in Prometheus' text format."""
        self._now.families = tuple(_families(now or Snapshot(), self.in_flight))
        return generate_latest(self._registry)

    def _measure(self, one: Try) -> None:
        if one.first_delta is not None:
            self._first_delta(one.target).observe(one.first_delta)
        if one.tokens is not None:
            self._tokens(one.target, "input").inc(one.tokens.input)
            self._tokens(one.target, "output").inc(one.tokens.output)
            self._tokens(one.target, "cached").inc(one.tokens.cached)
            self._tokens(one.target, "reasoning").inc(one.tokens.reasoning)


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
