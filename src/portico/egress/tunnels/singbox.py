"""
Tunnels as a configuration of sing-box (1.14).

Nothing in it can go direct: `block` is the first outbound and the final one, the last rule rejects,
and there is no `direct` and no DNS. An edition without `block` refuses to start rather than leaks.
"""

import re
from typing import Any

from portico.egress.tunnels import fields
from portico.egress.tunnels.inlets import Inlet, Listeners, distinct
from portico.egress.tunnels.reasons import Reason, Refused
from portico.egress.tunnels.values import (
    Grpc,
    Plain,
    Reality,
    Shadowsocks,
    Tls,
    Transport,
    Tunnel,
    Vless,
    WebSocket,
    Xhttp,
    alpn,
    host_header,
)

DENY = "deny"

_SERVICE = re.compile(r"[A-Za-z0-9._-]*")

type Json = dict[str, Any]


def obstacle(tunnel: Tunnel) -> str:
    """Return why sing-box cannot carry *tunnel* exactly as it is; empty: it can."""
    if fields.ip(tunnel.address) is None:
        return "sing-box would need a DNS of its own for a server's name; pin its IP address"
    if isinstance(tunnel, Shadowsocks):
        return ""
    if isinstance(tunnel.security, Reality) and tunnel.security.spider != "/":
        return "sing-box has no spiderX for REALITY; use xray"
    return _missing(tunnel.transport)


def _missing(transport: Transport) -> str:
    match transport:
        case Xhttp():
            return "sing-box has no XHTTP; use xray"
        case Grpc(multi=True):
            return "sing-box has no multi mode for gRPC; use xray"
        case Grpc(authority=authority) if authority:
            return "sing-box sets no authority for gRPC; use xray"
        case Grpc(service=service) if not _SERVICE.fullmatch(service):
            return "sing-box writes such a gRPC service name in another way; use xray"
        case WebSocket(path=path) if "?" in path:
            return "sing-box reads no early data from a WebSocket's path; use xray"
        case _:
            return ""


def render(inlets: tuple[Inlet, ...], listeners: Listeners) -> Json:
    """Return the whole configuration, with its secrets; raises Refused."""
    distinct(inlets)
    for inlet in inlets:
        if missing := obstacle(inlet.tunnel):
            raise Refused(Reason.ENGINE_CANNOT, f"{inlet.name}: {missing}")
    rules = [rule for inlet in inlets for rule in _rules(inlet, listeners)]
    return {
        "log": {"level": "warn", "timestamp": True},
        "inbounds": [_inbound(inlet, listeners) for inlet in inlets],
        "outbounds": [
            {"type": "block", "tag": DENY},
            *(_outbound(inlet) for inlet in inlets),
        ],
        "route": {"rules": [*rules, {"action": "reject"}], "final": DENY},
    }


def _inbound(inlet: Inlet, listeners: Listeners) -> Json:
    inbound = {
        "type": "http" if listeners.kind == "http" else "socks",
        "tag": f"in-{inlet.name}",
        "listen": listeners.host,
        "listen_port": inlet.port,
    }
    if not listeners.user:
        return inbound
    return {
        **inbound,
        "users": [{"username": listeners.user, "password": listeners.password}],
    }


def _rules(inlet: Inlet, listeners: Listeners) -> list[Json]:
    rule = {
        "inbound": [f"in-{inlet.name}"],
        "network": ["tcp"],
        "action": "route",
        "outbound": f"out-{inlet.name}",
    }
    if not listeners.reach:
        return [rule]
    return [
        {**rule, "port": [port], "domain": list(hosts)} for port, hosts in listeners.ports.items()
    ]


def _outbound(inlet: Inlet) -> Json:
    tunnel = inlet.tunnel
    outbound: Json = {
        "type": "shadowsocks" if isinstance(tunnel, Shadowsocks) else "vless",
        "tag": f"out-{inlet.name}",
        "server": tunnel.address,
        "server_port": tunnel.port,
    }
    match tunnel:
        case Shadowsocks():
            outbound |= {"method": tunnel.method, "password": tunnel.password}
        case Vless():
            outbound |= {"uuid": tunnel.uuid}
            outbound |= {"flow": tunnel.flow} if tunnel.flow else {}
            outbound |= _transport(tunnel) | _security(tunnel)
    return outbound


def _transport(tunnel: Vless) -> Json:
    match tunnel.transport:
        case WebSocket(path=path, host=host):
            # Left out, sing-box would send the address and port, where Xray sends the name of TLS.
            headers = {"Host": host_header(tunnel, host)}
            return {"transport": {"type": "ws", "path": path, "headers": headers}}
        case Grpc(service=service):
            return {"transport": {"type": "grpc", "service_name": service}}
        case _:
            return {}


def _security(tunnel: Vless) -> Json:
    security = tunnel.security
    if isinstance(security, Plain):
        return {}
    tls: Json = {"enabled": True, "server_name": security.sni}
    if security.fingerprint:
        tls["utls"] = {"enabled": True, "fingerprint": security.fingerprint}
    match security:
        case Tls():
            agreed = alpn(tunnel)
            return {"tls": {**tls, "alpn": list(agreed)} if agreed else tls}
        case Reality(public_key=key, short_id=short_id):
            return {"tls": {**tls, "reality": _reality(key, short_id)}}


def _reality(key: str, short_id: str) -> Json:
    return {"enabled": True, "public_key": key, "short_id": short_id}
