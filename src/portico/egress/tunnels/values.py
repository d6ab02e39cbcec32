"""Tunnels as values. One that exists is sound: whatever is not raises Refused at construction."""

from typing import Any

from msgspec import Struct, structs

from portico.egress.tunnels import fields
from portico.egress.tunnels.reasons import Advice, Caution, Reason, Refused

SECRETS = frozenset(("uuid", "password", "public_key", "short_id"))
"""What lets somebody in; never in a repr. (REALITY's public key does: Xray calls it a password.)"""

VISION = "xtls-rprx-vision"


class _Discreet(Struct, frozen=True, forbid_unknown_fields=True):
    """Shows its fields except SECRETS."""

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({told})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        names = self.__struct_fields__
        return [(name, "…" if name in SECRETS else getattr(self, name)) for name in names]


class Tcp(_Discreet, frozen=True, tag_field="kind", tag="tcp"):
    """Nothing between VLESS and the wire's security."""


class WebSocket(_Discreet, frozen=True, tag_field="kind", tag="ws"):
    """A WebSocket. An empty `host` means the name that TLS asks for, else the server's address."""

    path: str = "/"
    host: str = ""

    def __post_init__(self) -> None:
        fields.path(self.path)
        _host(self.host)


class Grpc(_Discreet, frozen=True, tag_field="kind", tag="grpc"):
    """A gRPC stream; `multi` is Xray's own variant of it."""

    service: str = ""
    multi: bool = False
    authority: str = ""

    def __post_init__(self) -> None:
        fields.visible(self.service, Reason.BAD_SERVICE)
        fields.visible(self.authority, Reason.BAD_SERVICE)


class Xhttp(_Discreet, frozen=True, tag_field="kind", tag="xhttp"):
    """
    Xray's XHTTP. Ranges are written `100-1000`; empty ones are the engine's own.

    `padding` is in bytes, `post_bytes` the size of an upload, `post_interval` in milliseconds.
    """

    path: str = "/"
    host: str = ""
    mode: str = "auto"
    padding: str = ""
    post_bytes: str = ""
    post_interval: str = ""

    def __post_init__(self) -> None:
        fields.path(self.path)
        _host(self.host)
        if self.mode not in ("auto", "packet-up", "stream-up", "stream-one"):
            raise Refused(Reason.BAD_MODE)
        for text in (self.padding, self.post_bytes, self.post_interval):
            fields.span(text)


class Plain(_Discreet, frozen=True, tag_field="kind", tag="none"):
    """No protection at all: inside a private network only."""


class Tls(_Discreet, frozen=True, tag_field="kind", tag="tls"):
    """TLS with the system's roots; an empty `fingerprint` is the engine's own."""

    sni: str
    alpn: tuple[str, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        _canonical(self.sni, Reason.BAD_SNI)
        # h3 would be UDP, which nothing of ours lets out.
        if not set(self.alpn) <= {"h2", "http/1.1"} or len(set(self.alpn)) != len(self.alpn):
            raise Refused(Reason.BAD_ALPN)
        if self.fingerprint and self.fingerprint not in fields.FINGERPRINTS:
            raise Refused(Reason.BAD_FINGERPRINT)


class Reality(_Discreet, frozen=True, tag_field="kind", tag="reality"):
    """TLS that looks like somebody else's site (`sni`) to whoever has no key."""

    public_key: str
    sni: str
    short_id: str = ""
    fingerprint: str = "chrome"
    spider: str = "/"

    def __post_init__(self) -> None:
        fields.public_key(self.public_key)
        _canonical(self.sni, Reason.BAD_SNI)
        fields.short_id(self.short_id)
        fields.path(self.spider, Reason.BAD_SPIDER)
        if self.fingerprint not in fields.FINGERPRINTS:
            raise Refused(Reason.BAD_FINGERPRINT)


type Transport = Tcp | WebSocket | Grpc | Xhttp
type Security = Plain | Tls | Reality


class Vless(_Discreet, frozen=True, tag_field="kind", tag="vless"):
    """VLESS with encryption `none`: what protects it is its `security`."""

    address: str
    port: int
    uuid: str
    security: Security
    transport: Transport = Tcp()
    flow: str = ""

    def __post_init__(self) -> None:
        _canonical(self.address, Reason.BAD_HOST)
        fields.port(self.port)
        fields.uuid(self.uuid)
        if self.flow not in ("", VISION):
            raise Refused(Reason.UNSUPPORTED_FLOW)
        match self.security:
            case Tls(alpn=alpn) if alpn and not _speaks(self.transport, alpn):
                raise Refused(Reason.ALPN_MISPLACED)
            case Plain() if not fields.private(self.address):  # Xray refuses these as well
                raise Refused(Reason.UNPROTECTED)
            case Reality() if isinstance(self.transport, WebSocket):
                raise Refused(Reason.REALITY_MISPLACED)
        bare = isinstance(self.transport, Tcp) and not isinstance(self.security, Plain)
        if self.flow and not bare:
            raise Refused(Reason.FLOW_MISPLACED)


class Shadowsocks(_Discreet, frozen=True, tag_field="kind", tag="shadowsocks"):
    """Shadowsocks with an AEAD method or one of the edition of 2022; no plugin."""

    address: str
    port: int
    method: str
    password: str

    def __post_init__(self) -> None:
        _canonical(self.address, Reason.BAD_HOST)
        fields.port(self.port)
        fields.cipher(self.method)
        fields.password(self.method, self.password)


type Tunnel = Vless | Shadowsocks


def cautions(tunnel: Tunnel) -> tuple[Caution, ...]:
    """Return what an operator should know about *tunnel*, however it was written down."""
    found = []
    if fields.ip(tunnel.address) is None:
        found.append(Caution(Advice.NAMED_SERVER))
    if isinstance(tunnel, Vless) and isinstance(tunnel.security, Plain):
        found.append(Caution(Advice.READABLE))
    return tuple(found)


def secrets_of(value: Struct) -> tuple[str, ...]:
    """Return every secret text in *value*, also the single keys of a chain, none of them empty."""
    found = list[str]()
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, Struct):
            found += secrets_of(inner)
        elif name in SECRETS:
            found += (inner, *inner.split(":"))
    return tuple(text for text in found if text)


def pinned(tunnel: Tunnel, address: str) -> Tunnel:
    """
    Return *tunnel* with its server at the IP *address*; the names that it shows stay.

    Raises:
        Refused: *address* is no IP address, or the tunnel must not leave a private network.
    """
    if fields.ip(address) is None:
        raise Refused(Reason.BAD_HOST)
    return structs.replace(_explicit(tunnel), address=fields.address(address))


def host_header(tunnel: Vless, host: str) -> str:
    """Return the HTTP host of *tunnel*: Xray's order is host, server name of TLS, address."""
    return host or (tunnel.address if isinstance(tunnel.security, Plain) else tunnel.security.sni)


def _explicit(tunnel: Tunnel) -> Tunnel:
    """Write down the host that would otherwise be taken from the address."""
    if not isinstance(tunnel, Vless) or not isinstance(tunnel.transport, WebSocket | Xhttp):
        return tunnel
    host = host_header(tunnel, tunnel.transport.host)
    return structs.replace(tunnel, transport=structs.replace(tunnel.transport, host=host))


def alpn(tunnel: Vless) -> tuple[str, ...]:
    """Return what TLS may agree on; a WebSocket opens over HTTP/1.1, whatever its link says."""
    if not isinstance(tunnel.security, Tls):
        return ()
    said = tunnel.security.alpn
    return ("http/1.1",) if said and isinstance(tunnel.transport, WebSocket) else said


def _speaks(transport: Transport, alpn: tuple[str, ...]) -> bool:
    match transport:
        case WebSocket():
            return "http/1.1" in alpn
        case Grpc():
            return "h2" in alpn
        case _:
            return True


def _canonical(text: str, reason: Reason) -> None:
    if not text:
        raise Refused(Reason.MISSING_HOST if reason is Reason.BAD_HOST else reason)
    if fields.address(text, reason) != text:
        raise Refused(reason)


def _host(text: str) -> None:
    if text:
        fields.address(text)
