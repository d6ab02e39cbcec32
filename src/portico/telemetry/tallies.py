"""Counters and histograms as plain numbers: what is counted for each request, asked for seldom."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

type Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """What Prometheus is told of a family besides its numbers."""

    name: str
    about: str
    labels: Labels


class Tally(Collector):
    """Counts by labels. For one thread at a time; another one may collect meanwhile."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._counts: dict[Labels, float] = {}
        self._since: dict[Labels, float] = {}

    def add(self, labels: Labels, count: float = 1) -> None:
        """Count *count* more; what was never counted is not told, not even as 0."""
        before = self._counts.get(labels)
        if before is None:
            before = 0
            self._since[labels] = time.time()
        self._counts[labels] = before + count

    def collect(self) -> Iterator[Metric]:
        """Give the family as prometheus_client's own Counter would."""
        named = self._named
        family = CounterMetricFamily(named.name, named.about, labels=named.labels)
        since = _told_since()
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count, self._since[labels] if since else None)
        yield family


@dataclass(slots=True)
class _Spread:
    counts: list[int]
    total: float = 0.0
    since: float = field(default_factory=time.time)


class Histogram(Collector):
    """Counts values by labels in classes up to each of *bounds*, in order, and in one above."""

    def __init__(self, named: Named, bounds: tuple[float, ...]) -> None:
        self._named = named
        self._bounds = bounds
        self._names: list[str] = [_told(bound) for bound in (*bounds, float("inf"))]
        self._spreads: dict[Labels, _Spread] = {}

    def add(self, labels: Labels, value: float) -> None:
        """Count *value*."""
        spread = self._spreads.get(labels)
        if spread is None:
            spread = self._spreads[labels] = _Spread([0] * len(self._names))
        spread.counts[bisect_left(self._bounds, value)] += 1
        spread.total += value

    def collect(self) -> Iterator[Metric]:
        """Give the family as prometheus_client's own Histogram would."""
        named = self._named
        family = HistogramMetricFamily(named.name, named.about, labels=named.labels)
        since = _told_since()
        for labels, spread in list(self._spreads.items()):
            family.add_metric(labels, self._buckets(spread), spread.total)
            if since:
                whose = dict(zip(named.labels, labels, strict=True))
                family.add_sample(f"{named.name}_created", whose, spread.since)
        yield family

    def _buckets(self, spread: _Spread) -> list[tuple[str, float]]:
        below, found = 0, []
        for name, count in zip(self._names, list(spread.counts), strict=True):
            below += count
            found.append((name, float(below)))
        return found


def _told(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # theirs has no types


def _told_since() -> bool:
    """Return whether it is to be told since when something is counted, as the library decides."""
    (family,) = Counter("probe", "None.", registry=None).collect()
    return any(sample.name.endswith("_created") for sample in family.samples)
