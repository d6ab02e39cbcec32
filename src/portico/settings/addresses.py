"""Addresses in the configuration: which are possible, and how they look without secrets."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from portico.settings.fields import NAME

STORES: Mapping[str, tuple[str, ...]] = {
    "ledger": ("sqlite", "postgresql"),
    "traces": ("sqlite", "mongodb", "mongodb+srv", "postgresql"),
    "artifacts": ("file", "s3"),
    "memory": ("local", "http", "https"),
    "shared": ("redis", "rediss", "valkey", "valkeys"),
}
"""What each store can be made of."""

HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FRAMING = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host"}
    | {"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)
PLAIN = frozenset({"authsource", "endpoint", "region", "replicaset", "sslmode", "tls"})

LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")

type Wrong = tuple[str, str] | None
"""What is wrong with an address and how to mend it; None if nothing is."""


def base_url(text: str) -> Wrong:
    """Judge the base URL of an upstream."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not an http:// or https:// address", "write https://host/path"
    if "@" in parts.netloc:
        return "must not hold a user or password", "write the key as api_key"
    if parts.query or parts.fragment:
        return "must end with its path", "remove everything from `?` or `#` on"
    return None


def host(text: str) -> Wrong:
    """Judge the name of a host that belongs to a path."""
    parts = _split(f"//{text}")
    if parts is None or parts.netloc != text or parts.port or "@" in text or not parts.hostname:
        return "is not the name of a host", "write it without scheme, port and path"
    return None


def proxy(text: str) -> Wrong:
    """Judge a proxy of a tunnel."""
    parts = _split(text)
    if parts is not None and parts.scheme == "socks5":
        return "would resolve names outside the tunnel", "write socks5h://"
    if parts is None or parts.scheme not in ("socks5h", "http"):
        return "is not a socks5h:// or http:// proxy", "write socks5h://host:port"
    if not parts.hostname or not parts.port:
        return "must name a host and a port", f"write {parts.scheme}://host:port"
    if parts.path.strip("/") or parts.query:
        return "must end with its port", f"write {parts.scheme}://host:port"
    if parts.fragment and not re.fullmatch(NAME, parts.fragment):
        return "has after its `#` what cannot be a name", f"write {parts.scheme}://host:port#name"
    return None


def page(text: str) -> Wrong:
    """Judge the address of a page that says where a request comes from."""
    parts = _split(text)
    if parts is None or parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return "is not an https:// address", "write https://host/path"
    return None


def network(text: str) -> Wrong:
    """Judge an address, or a network of them."""
    try:
        ip_network(text)
    except ValueError:
        return "is no address and no network", "write 203.0.113.7 or 203.0.113.0/24"
    return None


def store(name: str, text: str) -> Wrong:
    """Judge the address of the store called *name*."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in STORES[name]:
        known = ", ".join(f"{scheme}://" for scheme in STORES[name])
        return f"must begin with one of {known}", "the embedded default needs no line at all"
    if not rest.strip("/"):
        return "names no place", f"write what follows {scheme}://"
    return None


def inside(text: str) -> Wrong:
    """Judge an address inside that links to pictures may lead to."""
    try:
        endpoint(text)
    except ValueError:
        return "is no address and port", "write 10.0.0.5:9000 or [fd00::5]:9000"
    return None


def named(text: str) -> Wrong:
    """Judge a host, by name or number, with its port."""
    parts = _split(f"//{text}")
    if parts is None or parts.netloc != text or not parts.port or "@" in text:
        return "is no host and port", "write control:3129"
    return None


def endpoint(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """Return the address and the port of `10.0.0.5:9000` or `[fd00::5]:9000`; raises ValueError."""
    parts = urlsplit(f"//{text}")
    if parts.netloc != text or not parts.port or "@" in text:
        raise ValueError("no address and port")
    return ip_address(parts.hostname or ""), parts.port


def header(name: str, value: str) -> Wrong:
    """Judge an extra header of an upstream."""
    if not HEADER.fullmatch(name):
        return "is not the name of a header", "use letters, digits and `-`"
    if name.lower() in FRAMING:
        return "is a header that only the client may set", "remove it"
    return _sendable(value)


def api_key(text: str) -> Wrong:
    """Judge a key, which travels in a header."""
    if " " in text:
        return "has a space in it", "copy the key again"
    return _sendable(text)


def local(text: str) -> bool:
    """Say whether the address leads to this machine."""
    parts = _split(text)
    return parts is not None and LOOPBACK.fullmatch(parts.hostname or "") is not None


def shown(text: str) -> str:
    """
    Return an address without its user, its password and what its query may hide.

    Everything up to the last `@` goes, however odd the password: rather too much than too little.
    """
    masked = re.sub(r"//.*@", "//***@", text)
    return re.sub(r"([?&])([^=&]+)=([^&]*)", _shown_parameter, masked)


def _shown_parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={value if name.lower() in PLAIN else '***'}"


def _sendable(text: str) -> Wrong:
    if text.isascii() and text.isprintable():
        return None
    return "has characters that no header can carry", "copy it again, as plain ASCII"


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return None if re.search(r"[\s\x00-\x1f]", text) else parts
