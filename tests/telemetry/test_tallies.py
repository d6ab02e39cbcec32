"""Numbers of our own are told as prometheus_client tells its own."""

import re
from random import Random

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as TheirHistogram

from portico.telemetry.tallies import Histogram, Named, Tally

NAMES = ("a", "b", 'with "quotes"', "ж")
BOUNDS = (0.05, 0.1, 1, 2.5, 600)


def told(registry: CollectorRegistry) -> str:
    """What a scrape gets; when something was counted first is another moment each time."""
    text = generate_latest(registry).decode()
    return re.sub(r"(?m)^(\S+_created\{.*\}) .*$", r"\1", text)


@pytest.mark.parametrize("often", [0, 1, 200])
def test_counts_are_told_as_a_counter_tells_them(often: int) -> None:
    ours, theirs, dice = CollectorRegistry(), CollectorRegistry(), Random(often)
    tally = Tally(Named("x_total", "What it is.", ("one", "two")))
    ours.register(tally)
    counter = Counter("x_total", "What it is.", ("one", "two"), registry=theirs)
    for _ in range(often):
        labels, count = (dice.choice(NAMES), dice.choice(NAMES)), dice.randrange(1000)
        tally.add(labels, count)
        counter.labels(*labels).inc(count)
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("often", [0, 1, 200])
def test_values_are_told_as_a_histogram_tells_them(often: int) -> None:
    ours, theirs, dice = CollectorRegistry(), CollectorRegistry(), Random(often)
    spread = Histogram(Named("x_seconds", "What it is.", ("one",)), BOUNDS)
    ours.register(spread)
    known = TheirHistogram("x_seconds", "What it is.", ("one",), registry=theirs, buckets=BOUNDS)
    for _ in range(often):
        name, value = dice.choice(NAMES), dice.choice((*BOUNDS, 0, dice.random(), 1e6))
        spread.add((name,), value)
        known.labels(name).observe(value)
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("way", ["enable_created_metrics", "disable_created_metrics"])
def test_since_when_something_is_counted_is_told_where_the_library_does(way: str) -> None:
    registry, tally = CollectorRegistry(), Tally(Named("x_total", "What it is.", ()))
    registry.register(tally)
    tally.add(())
    try:
        getattr(prometheus_client, way)()
        assert ("x_created" in generate_latest(registry).decode()) is way.startswith("enable")
    finally:
        prometheus_client.enable_created_metrics()  # type: ignore[no-untyped-call]
