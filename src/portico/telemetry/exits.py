"""What `/metrics` says of tunnels, in Prometheus' words: gauges of now, counters kept elsewhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_OF_TUNNELS = ("path", "tunnel")


@dataclass(frozen=True, slots=True)
class TunnelNow:
    """One tunnel of a path. `exit_age` is in seconds, None where nobody has looked."""

    path: str
    tunnel: str
    state: str
    usable: bool
    answers: int = 0
    failures: int = 0
    exit: str = ""
    region: str = ""
    exit_age: float | None = None


@dataclass(frozen=True, slots=True)
class PathNow:
    """A tunnelled path: whether a request may be expected to get through, and its connections."""

    path: str
    up: bool
    connections: int
    tunnels: tuple[TunnelNow, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardNow:
    """
    What the last look around this process found, `age` seconds ago.

    `held_back` has the packets that each firewall has held back, by the file that it counts in.
    """

    leak_possible: bool
    age: float
    held_back: tuple[tuple[str, int], ...] = ()


def families(paths: Iterable[PathNow], guard: GuardNow | None = None) -> Iterator[Metric]:
    """Give the metrics of *paths*, and of what is around them."""
    known = tuple(paths)
    leak = GaugeMetricFamily("portico_egress_leak_possible", "1 while a leak is possible.")
    looked = GaugeMetricFamily("portico_egress_looked_seconds", "Since the last look around.")
    held_back = CounterMetricFamily(
        "portico_egress_leak_packets", "Packets that a firewall held back.", labels=("counters",)
    )
    if guard is not None:
        leak.add_metric((), guard.leak_possible)
        looked.add_metric((), guard.age)
        for counters, packets in guard.held_back:
            held_back.add_metric((counters,), packets)
    yield from (leak, looked, held_back)
    up = GaugeMetricFamily("portico_egress_up", "1 while a path is up.", labels=("path",))
    open_ = GaugeMetricFamily(
        "portico_egress_connections", "Connections that are open.", labels=("path",)
    )
    for path in known:
        up.add_metric((path.path,), path.up)
        open_.add_metric((path.path,), path.connections)
    yield up
    yield open_
    yield from _tunnels([tunnel for path in known for tunnel in path.tunnels])


def _tunnels(known: list[TunnelNow]) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "portico_egress_tunnel_up", "1 while a tunnel is used.", labels=_OF_TUNNELS
    )
    state = GaugeMetricFamily(
        "portico_egress_tunnel_state", "1 for its state.", labels=(*_OF_TUNNELS, "state")
    )
    answers = CounterMetricFamily(
        "portico_egress_answers", "Answers that came by it.", labels=_OF_TUNNELS
    )
    failures = CounterMetricFamily(
        "portico_egress_failures", "Connections it did not make, or lost.", labels=_OF_TUNNELS
    )
    exits = GaugeMetricFamily(
        "portico_egress_exit_info",
        "1 for where it came out when that was last verified.",
        labels=(*_OF_TUNNELS, "exit", "region"),
    )
    age = GaugeMetricFamily(
        "portico_egress_exit_age_seconds", "Since that was verified.", labels=_OF_TUNNELS
    )
    for each in known:
        whose = (each.path, each.tunnel)
        up.add_metric(whose, each.usable)
        state.add_metric((*whose, each.state), 1)
        answers.add_metric(whose, each.answers)
        failures.add_metric(whose, each.failures)
        if each.exit_age is not None:
            exits.add_metric((*whose, each.exit, each.region), 1)
            age.add_metric(whose, each.exit_age)
    yield from (up, state, answers, failures, exits, age)
