"""Where a sidecar listens: one port for each tunnel, so that every exit can be told apart."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portico.egress.paths import Via
from portico.egress.tunnels import fields
from portico.egress.tunnels.reasons import Reason, Refused
from portico.egress.tunnels.values import Tunnel


@dataclass(frozen=True, slots=True)
class Inlet:
    """A tunnel, the operator's name for it, and the port of its own listener."""

    name: str
    port: int
    tunnel: Tunnel

    def __post_init__(self) -> None:
        fields.label(self.name)
        fields.port(self.port)


@dataclass(frozen=True, slots=True)
class Listeners:
    """
    How all inlets of a sidecar are reached. `kind` is http (CONNECT) or socks5h.

    `reach` lists hosts and ports that may be asked for; empty, any. Raises Refused for a listener
    beyond loopback without user and password.
    """

    host: str = "127.0.0.1"
    kind: str = "http"
    user: str = ""
    password: str = field(default="", repr=False)
    reach: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        literal = fields.ip(self.host)
        if self.kind not in ("http", "socks5h") or literal is None:
            raise Refused(Reason.BAD_LISTENER)
        if not literal.is_loopback and not (self.user and self.password):
            raise Refused(Reason.OPEN_LISTENER)
        if not _signs_in(self.user, self.password):
            raise Refused(Reason.BAD_SIGN_IN)
        for name, port in self.reach:
            if fields.address(name) != name:
                raise Refused(Reason.BAD_HOST)
            fields.port(port)

    @property
    def ports(self) -> Mapping[int, tuple[str, ...]]:
        """The hosts of `reach` by their port."""
        ports = dict.fromkeys(port for _, port in self.reach)
        return {port: tuple(host for host, at in self.reach if at == port) for port in ports}


def vias(inlets: tuple[Inlet, ...], listeners: Listeners, host: str = "") -> tuple[Via, ...]:
    """Return the gateway's side of *inlets*; *host* is the sidecar's name, if it is not here."""
    at, user, password = host or listeners.host, listeners.user, listeners.password
    return tuple(
        Via(listeners.kind, at, inlet.port, user, password, inlet.name) for inlet in inlets
    )


def distinct(inlets: tuple[Inlet, ...]) -> None:
    """Check that there are inlets, and that no two share a name or a port; raises Refused."""
    if not inlets:
        raise Refused(Reason.NO_TUNNELS)
    name, times = Counter(inlet.name for inlet in inlets).most_common(1)[0]
    if times > 1:
        raise Refused(Reason.SAME_LABEL, name)
    port, times = Counter(inlet.port for inlet in inlets).most_common(1)[0]
    if times > 1:
        raise Refused(Reason.SAME_PORT, str(port))


def rebased(inlets: tuple[Inlet, ...], first: int) -> tuple[Inlet, ...]:
    """Return *inlets* at the ports from *first* on, in their order; raises Refused."""
    return tuple(replace(inlet, port=first + number) for number, inlet in enumerate(inlets))


def parse_reach(text: str) -> tuple[str, int]:
    """Return the host and the port of `host:port`; raises Refused for all but a name's."""
    host, _, digits = text.rpartition(":")
    try:
        name = fields.address(host, Reason.BAD_REACH)
        port = int(digits) if digits.isascii() and digits.isdigit() else 0
        fields.port(port)
    except ValueError:
        raise Refused(Reason.BAD_REACH) from None
    if fields.ip(name) is not None:  # the engines' rules tell names from addresses
        raise Refused(Reason.BAD_REACH)
    return name, port


def _signs_in(user: str, password: str) -> bool:
    """Say whether Basic (RFC 7617 §2) and SOCKS5 (RFC 1929 §2) can carry both."""
    both = (user, password)
    sound = all(text.isprintable() and len(text.encode()) <= 255 for text in both)
    return sound and ":" not in user
