"""What is told of an egress path: to whoever got an answer by it, and to its operator."""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How far a probe goes."""

    LISTENER = "listener"  # TCP to the listener
    PROVIDER = "provider"  # through it, to TLS with the provider
    EXIT = "exit"  # an HTTP request that shows where it comes out
    REGION = "region"  # an HTTP request that shows whether the provider serves there


class Exit(Struct, frozen=True):
    """Where packets come out: an address, and a region as whoever saw it calls it (`SG`)."""

    address: str
    region: str = ""


class Seen(Struct, frozen=True):
    """The last probe of one level. `age` and `took` are in seconds."""

    level: Level
    ok: bool
    age: float
    took: float
    detail: str = ""


class Listener(Struct, frozen=True):
    """
    One tunnel's listener as it is now; all times are in seconds.

    `age` is how long it has been in its state, `retry_in` when somebody finds out anew (None:
    nothing to find out), `connects_in` what a connection through it usually takes. `answers` are
    the requests whose answer came by it, `failures` what was lost on the way there or back.
    """

    tunnel: str
    listener: str
    state: str
    age: float
    reason: str = ""
    retry_in: float | None = None
    connects_in: float | None = None
    kept: int = 0
    exit: Exit | None = None
    exit_age: float | None = None
    probes: tuple[Seen, ...] = ()
    answers: int = 0
    failures: int = 0


class PathStatus(Struct, frozen=True):
    """
    An egress path as it is now; a direct one has no listeners.

    `closed` says why nothing may leave by it although it might, `on_down` what becomes of requests
    while it is not up.
    """

    name: str
    kind: str  # direct | tunnel
    up: bool
    connections: int
    listeners: tuple[Listener, ...] = ()
    closed: str = ""
    on_down: str = "reroute"  # reroute | fail


class Receipt(Struct, frozen=True):
    """
    By which way one answer came. `exit` is where that tunnel came out when it was last verified,
    `age` seconds before; both None where nobody has looked, and on a direct path.
    """

    path: str
    tunnel: str | None = None
    exit: Exit | None = None
    age: float | None = None
