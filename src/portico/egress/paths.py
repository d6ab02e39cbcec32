"""Egress paths as types: a tunnelled path has no value that means direct."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Direct:
    """Straight out of this host."""

    name: str = "direct"


@dataclass(frozen=True, slots=True)
class Via:
    """
    The listener of one tunnel. `kind` is socks5h or http; names are resolved at its far end.

    `name` is the operator's for the tunnel behind it; may be empty.
    """

    kind: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = ""

    @property
    def tunnel(self) -> str:
        """What the tunnel is called where it is told of: by its name, or by its listener."""
        return self.name or str(self)

    def __post_init__(self) -> None:
        if max(len(self.user.encode()), len(self.password.encode())) > 255:  # RFC 1929 §2
            raise ValueError("a tunnel's user and password have at most 255 bytes each")

    def __str__(self) -> str:
        return f"{self.kind}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Out through one of `via`, in this order, or not at all."""

    name: str
    via: tuple[Via, ...]

    def __post_init__(self) -> None:
        if not self.via:
            raise ValueError(f"the tunnelled path {self.name!r} names no tunnel")


type Path = Direct | Tunnel


def parse_via(url: str) -> Via:
    """
    Return the tunnel listener that *url* names; its fragment, if any, is the tunnel's name.

    Raises:
        ValueError: without echoing secrets.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("a tunnel's address has an impossible host or port") from None
    if parts.scheme not in ("socks5h", "http"):
        raise ValueError("a tunnel is reached by socks5h:// or http://")
    if not parts.hostname or not port:
        raise ValueError("a tunnel's address needs a host and a port")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Via(parts.scheme, parts.hostname, port, user, password, parts.fragment)
