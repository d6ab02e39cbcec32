"""
Tunnels as a configuration of Xray-core (written for 26.x, settings without `vnext`).

Nothing in it can go direct: the first outbound, which Xray falls back to, is a black hole, and so
is the last rule; there is no `freedom`, no balancer, no DNS. `AsIs` keeps names unresolved.
"""

from typing import Any

from portico.egress.tunnels.inlets import Inlet, Listeners, distinct
from portico.egress.tunnels.values import (
    Grpc,
    Plain,
    Reality,
    Shadowsocks,
    Tcp,
    Tls,
    Transport,
    Tunnel,
    Vless,
    WebSocket,
    Xhttp,
    alpn,
)

DENY = "deny"

type Json = dict[str, Any]


def obstacle(tunnel: Tunnel) -> str:
    """Return why Xray cannot carry *tunnel*; empty: it can, whatever our values can say."""
    return ""


def render(inlets: tuple[Inlet, ...], listeners: Listeners) -> Json:
    """Return the whole configuration, with its secrets; raises Refused."""
    distinct(inlets)
    rules = [rule for inlet in inlets for rule in _rules(inlet, listeners)]
    return {
        "log": {"loglevel": "warning", "access": "none", "dnsLog": False},
        "inbounds": [_inbound(inlet, listeners) for inlet in inlets],
        "outbounds": [
            {"tag": DENY, "protocol": "blackhole"},
            *(_outbound(inlet) for inlet in inlets),
        ],
        "routing": {
            "domainStrategy": "AsIs",
            "rules": [*rules, {"network": "tcp,udp", "outboundTag": DENY}],
        },
    }


def _inbound(inlet: Inlet, listeners: Listeners) -> Json:
    accounts = [{"user": listeners.user, "pass": listeners.password}] if listeners.user else []
    settings: Json
    if listeners.kind == "http":
        protocol, settings = "http", {"accounts": accounts}
    else:
        protocol = "socks"
        settings = {"auth": "password" if accounts else "noauth", "accounts": accounts}
        settings["udp"] = False
    return {
        "tag": f"in-{inlet.name}",
        "listen": listeners.host,
        "port": inlet.port,
        "protocol": protocol,
        "settings": settings,
    }


def _rules(inlet: Inlet, listeners: Listeners) -> list[Json]:
    rule = {
        "inboundTag": [f"in-{inlet.name}"],
        "network": "tcp",
        "outboundTag": f"out-{inlet.name}",
    }
    if not listeners.reach:
        return [rule]
    return [
        {**rule, "port": str(port), "domain": [f"full:{host}" for host in hosts]}
        for port, hosts in listeners.ports.items()
    ]


def _outbound(inlet: Inlet) -> Json:
    tunnel = inlet.tunnel
    settings: Json = {"address": tunnel.address, "port": tunnel.port}
    stream: Json
    match tunnel:
        case Shadowsocks():
            protocol, stream = "shadowsocks", {"network": "raw", "security": "none"}
            settings |= {"method": tunnel.method, "password": tunnel.password}
        case Vless():
            protocol, stream = "vless", _transport(tunnel.transport) | _security(tunnel)
            settings |= {"id": tunnel.uuid, "encryption": "none"}
            settings |= {"flow": tunnel.flow} if tunnel.flow else {}
    return {
        "tag": f"out-{inlet.name}",
        "protocol": protocol,
        "settings": settings,
        "streamSettings": stream,
    }


def _transport(transport: Transport) -> Json:
    match transport:
        case Tcp():
            return {"network": "raw"}
        case WebSocket(path=path, host=host):
            return {"network": "ws", "wsSettings": {"path": path} | _filled(host=host)}
        case Grpc(service=service, multi=multi, authority=authority):
            settings = {"serviceName": service, "multiMode": multi} | _filled(authority=authority)
            return {"network": "grpc", "grpcSettings": settings}
        case Xhttp(path=path, host=host, mode=mode):
            extra = _filled(
                xPaddingBytes=transport.padding,
                scMaxEachPostBytes=transport.post_bytes,
                scMinPostsIntervalMs=transport.post_interval,
            )
            http: Json = {"path": path, "mode": mode} | _filled(host=host)
            http |= {"extra": extra} if extra else {}
            return {"network": "xhttp", "xhttpSettings": http}


def _security(tunnel: Vless) -> Json:
    security = tunnel.security
    match security:
        case Plain():
            return {"security": "none"}
        case Tls(sni=sni, fingerprint=fingerprint):
            settings: Json = {"serverName": sni} | _filled(fingerprint=fingerprint)
            if agreed := alpn(tunnel):
                settings["alpn"] = list(agreed)
            return {"security": "tls", "tlsSettings": settings}
        case Reality():
            return {
                "security": "reality",
                "realitySettings": {
                    "serverName": security.sni,
                    "publicKey": security.public_key,
                    "shortId": security.short_id,
                    "fingerprint": security.fingerprint,
                    "spiderX": security.spider,
                },
            }


def _filled(**texts: str) -> Json:
    return {name: text for name, text in texts.items() if text}
