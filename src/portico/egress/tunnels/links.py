"""Share links: text to tunnels and back. No link, and nothing secret in one, is ever echoed."""

from dataclasses import dataclass
from urllib.parse import quote

from portico.egress.tunnels import shadowsocks, vless
from portico.egress.tunnels.parts import LONGEST, split
from portico.egress.tunnels.reasons import Caution, Reason, Refused
from portico.egress.tunnels.values import Shadowsocks, Tunnel, Vless, cautions


@dataclass(frozen=True, slots=True)
class Reading:
    """A link that was taken: its tunnel, the name it gave, and what one should know."""

    tunnel: Tunnel
    name: str
    cautions: tuple[Caution, ...]


def read(text: str) -> Reading:
    """Return what the link *text* says; raises Refused, which says why and echoes nothing."""
    if len(text) > LONGEST:
        raise Refused(Reason.TOO_LONG)
    scheme, _, rest = text.partition("://")
    tunnel: Tunnel
    match scheme.lower():
        case "vless":
            parts = split(rest)
            tunnel, found = vless.read(parts)
        case "ss":
            parts = split(shadowsocks.unfold(rest))
            tunnel, found = shadowsocks.read(parts)
        case "http" | "https" | "sub":
            raise Refused(Reason.SUBSCRIPTION)
        case _:
            raise Refused(Reason.UNKNOWN_SCHEME)
    return Reading(tunnel, parts.name, (*cautions(tunnel), *found))


def parse(link: str) -> Tunnel:
    """Return the tunnel that *link* describes; raises Refused."""
    return read(link).tunnel


def link(tunnel: Tunnel, name: str = "") -> str:
    """Return the share link of *tunnel*: `parse` gives the same tunnel. It holds its secrets."""
    host = f"[{tunnel.address}]" if ":" in tunnel.address else tunnel.address
    server = f"{host}:{tunnel.port}"
    tag = f"#{quote(name, safe='')}" if name else ""
    match tunnel:
        case Shadowsocks():
            return f"ss://{shadowsocks.user(tunnel)}@{server}{tag}"
        case Vless():
            said = vless.parameters(tunnel).items()
            query = "&".join(f"{key}={quote(value, safe='')}" for key, value in said)
            return f"vless://{tunnel.uuid}@{server}?{query}{tag}"
