"""Shows a finished request to everyone who watches: counters, log, spans."""

from dataclasses import dataclass, field

from portico.telemetry.logs import log_request
from portico.telemetry.metrics import Metrics
from portico.telemetry.observation import Observation
from portico.telemetry.spans import Spans


@dataclass(frozen=True, slots=True)
class Observer:
    """One application's watchers; `spans` is None unless somebody asked for them."""

    metrics: Metrics = field(default_factory=Metrics)
    spans: Spans | None = None

    def observe(self, seen: Observation) -> None:
        """Count, log and trace one finished request. For the ledger's writer only: it is slow."""
        self.metrics.observe(seen)
        log_request(seen)
        if self.spans is not None:
            self.spans.emit(seen)
