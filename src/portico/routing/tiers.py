"""Targets and the tiers they stand in."""

from dataclasses import dataclass, field

from portico.chat.messages import Modality


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; `cached_input` defaults to the price of input."""

    input: float
    output: float
    cached_input: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, to the first delta, between deltas, for a non-streamed answer."""

    connect: float = 5.0
    first_delta: float = 20.0
    idle: float = 15.0
    total: float = 300.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after `failures` in a row; one probing request per `recovery` seconds, doubling."""

    failures: int = 3
    recovery: float = 5.0
    max_recovery: float = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """One model at one upstream, reached over one egress path. What a route is made of."""

    name: str
    upstream: str
    model: str
    tier: int = 2
    accepts: frozenset[Modality] = frozenset({Modality.TEXT})
    features: frozenset[str] = frozenset()
    context_window: int = 128_000
    max_output: int | None = None
    price: Price | None = None
    boxes: str = "none"
    patience: Patience = field(default=Patience())
    breaker: Breaker = field(default=Breaker())
    max_concurrency: int = 64
    scarce: bool = False  # its quota is: never asked only to be faster
    egress: str = "direct"
    on_down: str = "reroute"  # or fail: what becomes of requests while its path is down
    simulated: bool = False
    dimensions: int | None = None  # numbers in a vector, of an embedding target; None: not known
    space: str = ""  # whose vectors can be compared with its own: nobody else's stand in
    project: str = ""  # whose quotas it shares; empty: nobody's but its upstream's
