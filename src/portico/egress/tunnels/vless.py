"""`vless://` links, after the community's standard (XTLS/Xray-core issue 91, discussion 716)."""

from collections.abc import Callable

import msgspec

from portico.egress.tunnels.parts import Parts, left_over
from portico.egress.tunnels.reasons import Caution, Reason, Refused
from portico.egress.tunnels.values import (
    Grpc,
    Plain,
    Reality,
    Security,
    Tcp,
    Tls,
    Transport,
    Vless,
    WebSocket,
    Xhttp,
)

INSECURE = frozenset(("allowinsecure", "allow_insecure", "insecure", "skip-cert-verify"))
WEIGHTY = frozenset(("pqv", "ech", "pcs", "vcn", "fm", "seed", "key", "ed", "eh", "quicSecurity"))
"""Pinned certificates, post-quantum checks, early data, masks: a tunnel without is another one."""

KNOWN = frozenset(
    ("path", "host", "mode", "serviceName", "authority", "extra", "headerType", "flow")
).union(("sni", "alpn", "fp", "pbk", "sid", "spx"))
EXTRA = {
    "xPaddingBytes": "padding",
    "scMaxEachPostBytes": "post_bytes",
    "scMinPostsIntervalMs": "post_interval",
}
"""XHTTP's extra: its names and ours. Others move the download elsewhere, or are the server's."""

type _Left = dict[str, str]


def read(parts: Parts) -> tuple[Vless, tuple[Caution, ...]]:
    """Return the tunnel that *parts* describe; raises Refused."""
    left = dict(parts.parameters)
    _refuse_weighty(left)
    if _chosen(left, "encryption", "none") != "none":
        raise Refused(Reason.UNSUPPORTED_ENCRYPTION)
    tunnel = Vless(
        address=parts.host,
        port=parts.port,
        uuid=parts.user.lower(),
        transport=_transport(left),
        security=_security(left, parts.host),
        flow=left.pop("flow", ""),
    )
    meant = {name: value for name, value in left.items() if value}
    return tunnel, left_over(meant, KNOWN)


def parameters(tunnel: Vless) -> dict[str, str]:
    """Return the parameters of *tunnel*'s link, those that say nothing left out."""
    said = {"encryption": "none", "flow": tunnel.flow}
    said |= _said_of_transport(tunnel.transport) | _said_of_security(tunnel.security)
    return {name: value for name, value in said.items() if value}


def _refuse_weighty(left: _Left) -> None:
    for name, value in list(left.items()):
        if name.lower() in INSECURE:
            if left.pop(name).lower() not in ("", "0", "false"):
                raise Refused(Reason.INSECURE, name)
        elif name in WEIGHTY and value:
            raise Refused(Reason.UNSUPPORTED_PARAMETER, name)


def _chosen(left: _Left, name: str, default: str) -> str:
    """Take a parameter that may be left out and must not be empty (issue 91, §4.2)."""
    value = left.pop(name, default)
    if not value:
        raise Refused(Reason.EMPTY_PARAMETER, name)
    return value


def _required(left: _Left, name: str) -> str:
    value = left.pop(name, "")
    if not value:
        raise Refused(Reason.MISSING_PARAMETER, name)
    return value


def _transport(left: _Left) -> Transport:
    readers: dict[str, Callable[[_Left], Transport]] = {
        "tcp": _tcp,
        "raw": _tcp,
        "ws": _websocket,
        "grpc": _grpc,
        "xhttp": _xhttp,
        "splithttp": _xhttp,
    }
    read_it = readers.get(_chosen(left, "type", "tcp"))
    if read_it is None:
        raise Refused(Reason.UNSUPPORTED_TRANSPORT)
    return read_it(left)


def _tcp(left: _Left) -> Tcp:
    if left.pop("headerType", "none") not in ("", "none"):
        raise Refused(Reason.UNSUPPORTED_PARAMETER, "headerType")
    return Tcp()


def _websocket(left: _Left) -> WebSocket:
    return WebSocket(path=left.pop("path", "") or "/", host=left.pop("host", ""))


def _grpc(left: _Left) -> Grpc:
    mode = left.pop("mode", "") or "gun"
    if mode not in ("gun", "multi"):
        raise Refused(Reason.BAD_MODE)
    service, authority = left.pop("serviceName", ""), left.pop("authority", "")
    return Grpc(service=service, multi=mode == "multi", authority=authority)


def _xhttp(left: _Left) -> Xhttp:
    return Xhttp(
        path=left.pop("path", "") or "/",
        host=left.pop("host", ""),
        mode=left.pop("mode", "") or "auto",
        **_extra(left.pop("extra", "")),
    )


def _extra(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = msgspec.json.decode(text, type=dict[str, str | int])
    except (msgspec.DecodeError, RecursionError):
        raise Refused(Reason.BAD_EXTRA) from None
    if not found.keys() <= EXTRA.keys():
        raise Refused(Reason.BAD_EXTRA)
    return {EXTRA[name]: str(value) for name, value in found.items()}


def _security(left: _Left, host: str) -> Security:
    match _chosen(left, "security", "none"):
        case "none":
            return Plain()
        case "tls":
            alpn = left.pop("alpn", "")
            return Tls(
                sni=left.pop("sni", "").lower() or host,
                alpn=tuple(alpn.split(",")) if alpn else (),
                fingerprint=left.pop("fp", ""),
            )
        case "reality":
            return Reality(
                public_key=_required(left, "pbk"),
                sni=_required(left, "sni").lower(),
                short_id=left.pop("sid", "").lower(),
                fingerprint=left.pop("fp", "") or "chrome",
                spider=left.pop("spx", "") or "/",
            )
        case _:
            raise Refused(Reason.UNSUPPORTED_SECURITY)


def _said_of_transport(transport: Transport) -> dict[str, str]:
    match transport:
        case Tcp():
            return {"type": "tcp"}
        case WebSocket(path=path, host=host):
            return {"type": "ws", "path": path, "host": host}
        case Grpc(service=service, multi=multi, authority=authority):
            mode = "multi" if multi else "gun"
            return {"type": "grpc", "serviceName": service, "mode": mode, "authority": authority}
        case Xhttp(path=path, host=host, mode=mode):
            said = {name: getattr(transport, ours) for name, ours in EXTRA.items()}
            extra = {name: value for name, value in said.items() if value}
            written = msgspec.json.encode(extra).decode() if extra else ""
            return {"type": "xhttp", "path": path, "host": host, "mode": mode, "extra": written}


def _said_of_security(security: Security) -> dict[str, str]:
    match security:
        case Plain():
            return {"security": "none"}
        case Tls(sni=sni, alpn=alpn, fingerprint=fingerprint):
            return {"security": "tls", "sni": sni, "alpn": ",".join(alpn), "fp": fingerprint}
        case Reality():
            return {
                "security": "reality",
                "sni": security.sni,
                "fp": security.fingerprint,
                "pbk": security.public_key,
                "sid": security.short_id,
                "spx": security.spider,
            }
