import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from portico.egress.paths import Via
from portico.egress.tunnels.engines import ENGINES, able, engine, render
from portico.egress.tunnels.firewall import exits
from portico.egress.tunnels.inlets import Inlet, Listeners, vias
from portico.egress.tunnels.reasons import Reason, Refused
from portico.egress.tunnels.values import (
    VISION,
    Grpc,
    Plain,
    Reality,
    Shadowsocks,
    Tls,
    Tunnel,
    Vless,
    WebSocket,
    Xhttp,
    alpn,
    pinned,
)
from tests.egress.tunnels.strategies import TUNNELS

UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PUBLIC_KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
TLS = Tls("a.test")
REALITY = Reality(PUBLIC_KEY, "www.example.com", "01")
SHADOWSOCKS = Shadowsocks("203.0.113.7", 8388, "aes-256-gcm", "correct horse")
VISIONARY = Vless("203.0.113.7", 443, UUID, REALITY, flow=VISION)
GOOGLE = ("generativelanguage.googleapis.com", 443)
SIDECAR = Listeners("0.0.0.0", "http", "gateway", "s3cret", (GOOGLE,))


def vless(transport: Any, security: Any = TLS, address: str = "203.0.113.7") -> Vless:
    return Vless(address, 443, UUID, security, transport)


def listed(*tunnels: Tunnel) -> tuple[Inlet, ...]:
    return tuple(Inlet(f"t{n}", 21001 + n, tunnel) for n, tunnel in enumerate(tunnels))


def configured(name: str, *tunnels: Tunnel, listeners: Listeners | None = None) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(render(listed(*tunnels), listeners, name))
    return whole


def walk(value: object) -> list[object]:
    """Return every key and every plain value inside *value*."""
    if isinstance(value, dict):
        return [*value, *(inner for part in value.values() for inner in walk(part))]
    if isinstance(value, list):
        return [inner for part in value for inner in walk(part)]
    return [value]


SOME = st.lists(TUNNELS, min_size=1, max_size=4)
LISTENERS = st.sampled_from([Listeners(), SIDECAR, Listeners(kind="socks5h", reach=(GOOGLE,))])


@given(SOME, LISTENERS)
def test_nothing_that_xray_is_told_can_go_direct(
    tunnels: list[Tunnel], listeners: Listeners
) -> None:
    told = configured("xray", *tunnels, listeners=listeners)
    assert told.keys() == {"log", "inbounds", "outbounds", "routing"}
    assert told["outbounds"][0] == {"tag": "deny", "protocol": "blackhole"}
    protocols = {outbound["protocol"] for outbound in told["outbounds"][1:]}
    assert protocols <= {"vless", "shadowsocks"}
    assert told["routing"].keys() == {"domainStrategy", "rules"}
    assert told["routing"]["domainStrategy"] == "AsIs"
    *rules, last = told["routing"]["rules"]
    assert last == {"network": "tcp,udp", "outboundTag": "deny"}
    ways = {(tuple(rule["inboundTag"]), rule["outboundTag"]) for rule in rules}
    assert ways == {((f"in-t{n}",), f"out-t{n}") for n in range(len(tunnels))}
    assert told["log"] == {"loglevel": "warning", "access": "none", "dnsLog": False}
    assert "allowInsecure" not in walk(told)


@given(SOME, LISTENERS)
def test_nothing_that_sing_box_is_told_can_go_direct(
    tunnels: list[Tunnel], listeners: Listeners
) -> None:
    fit = [tunnel for tunnel in tunnels if "sing-box" in able(tunnel)]
    if len(fit) < len(tunnels):
        with pytest.raises(Refused) as refused:
            configured("sing-box", *tunnels, listeners=listeners)
        assert refused.value.reason is Reason.ENGINE_CANNOT
    if not fit:
        return
    told = configured("sing-box", *fit, listeners=listeners)
    assert told.keys() == {"log", "inbounds", "outbounds", "route"}
    assert told["outbounds"][0] == {"type": "block", "tag": "deny"}
    assert {outbound["type"] for outbound in told["outbounds"][1:]} <= {"vless", "shadowsocks"}
    assert told["route"].keys() == {"rules", "final"}
    assert told["route"]["final"] == "deny"
    *rules, last = told["route"]["rules"]
    assert last == {"action": "reject"}
    ways = {(tuple(rule["inbound"]), rule["outbound"]) for rule in rules}
    assert ways == {((f"in-t{n}",), f"out-t{n}") for n in range(len(fit))}
    assert told["log"]["level"] == "warn"
    assert not {"insecure", "direct", "dns"} & {*map(str, walk(told))}


@given(TUNNELS)
def test_everything_that_a_tunnel_says_reaches_xray(tunnel: Tunnel) -> None:
    outbound = configured("xray", tunnel)["outbounds"][1]
    told = set(map(str, walk(outbound)))
    for value in (tunnel, getattr(tunnel, "transport", None), getattr(tunnel, "security", None)):
        for name in getattr(value, "__struct_fields__", ()):
            said = getattr(value, name)
            if isinstance(said, str | int) and said not in ("", False):
                assert str(said) in told
    if isinstance(tunnel, Vless):
        assert set(alpn(tunnel)) <= told


def test_the_sidecar_of_the_design_is_rendered() -> None:
    told = configured("xray", VISIONARY, listeners=SIDECAR)
    assert told["inbounds"] == [
        {
            "tag": "in-t0",
            "listen": "0.0.0.0",
            "port": 21001,
            "protocol": "http",
            "settings": {"accounts": [{"user": "gateway", "pass": "s3cret"}]},
        }
    ]
    assert told["routing"]["rules"][0] == {
        "inboundTag": ["in-t0"],
        "network": "tcp",
        "port": "443",
        "domain": ["full:generativelanguage.googleapis.com"],
        "outboundTag": "out-t0",
    }
    assert told["outbounds"][1]["settings"] == {
        "address": "203.0.113.7",
        "port": 443,
        "id": UUID,
        "encryption": "none",
        "flow": VISION,
    }


def test_the_gateway_is_told_of_the_same_listeners() -> None:
    inlets = listed(VISIONARY, SHADOWSOCKS)
    assert vias(inlets, Listeners()) == (
        Via("http", "127.0.0.1", 21001, name="t0"),
        Via("http", "127.0.0.1", 21002, name="t1"),
    )
    assert vias(inlets, SIDECAR, "egress-google")[1] == Via(
        "http", "egress-google", 21002, "gateway", "s3cret", "t1"
    )


@pytest.mark.parametrize(
    ("tunnel", "words"),
    [
        (vless(Xhttp()), "no XHTTP"),
        (vless(Grpc(multi=True)), "no multi mode"),
        (vless(Grpc(authority="a.test")), "no authority"),
        (vless(Grpc(service="/custom/Tun")), "service name"),
        (vless(WebSocket("/?ed=2048")), "no early data"),
        (Vless("203.0.113.7", 443, UUID, Reality(PUBLIC_KEY, "a.test", spider="/s")), "spiderX"),
        (vless(Grpc(), address="vpn.test"), "pin its IP address"),
    ],
)
def test_what_sing_box_cannot_do_is_refused_by_name(tunnel: Vless, words: str) -> None:
    assert able(tunnel) == ("xray",)
    with pytest.raises(Refused, match=words) as refused:
        render(listed(SHADOWSOCKS, tunnel), None, "sing-box")
    assert refused.value.reason is Reason.ENGINE_CANNOT


def test_sing_box_names_the_host_that_xray_would() -> None:
    def header(tunnel: Vless) -> str:
        outbound = configured("sing-box", tunnel)["outbounds"][1]
        return str(outbound["transport"]["headers"]["Host"])

    assert header(vless(WebSocket(host="cdn.test"))) == "cdn.test"
    assert header(vless(WebSocket())) == "a.test"
    assert header(vless(WebSocket(), Plain(), "10.0.0.7")) == "10.0.0.7"


def test_a_websocket_is_opened_over_http_1_whatever_its_link_says() -> None:
    tunnel = vless(WebSocket(), Tls("a.test", ("h2", "http/1.1")))
    assert configured("sing-box", tunnel)["outbounds"][1]["tls"]["alpn"] == ["http/1.1"]
    stream = configured("xray", tunnel)["outbounds"][1]["streamSettings"]
    assert stream["tlsSettings"]["alpn"] == ["http/1.1"]


@pytest.mark.parametrize("name", ["xray", "sing-box"])
def test_a_sidecar_needs_tunnels_that_can_be_told_apart(name: str) -> None:
    one = Inlet("one", 21001, SHADOWSOCKS)
    for inlets, reason in [
        ((), Reason.NO_TUNNELS),
        ((one, Inlet("one", 21002, VISIONARY)), Reason.SAME_LABEL),
        ((one, Inlet("two", 21001, VISIONARY)), Reason.SAME_PORT),
    ]:
        with pytest.raises(Refused) as refused:
            render(inlets, None, name)
        assert refused.value.reason is reason


def test_no_sidecar_is_an_open_proxy() -> None:
    for host in ("0.0.0.0", "192.168.1.2", "::"):
        with pytest.raises(Refused) as refused:
            Listeners(host, user="me")
        assert refused.value.reason is Reason.OPEN_LISTENER
    assert "s3cret" not in repr(SIDECAR)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"kind": "socks4"}, Reason.BAD_LISTENER),
        ({"host": "localhost"}, Reason.BAD_LISTENER),
        ({"reach": (("Example.com", 443),)}, Reason.BAD_HOST),
        ({"reach": (("a,b", 443),)}, Reason.BAD_HOST),
        ({"reach": (("a.test", 0),)}, Reason.BAD_PORT),
    ],
)
def test_impossible_listeners_are_refused(arguments: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        Listeners(**arguments)
    assert refused.value.reason is reason


def test_inlets_have_names_that_an_engine_can_use() -> None:
    for name in ("", "SG", "-a", "a b", "a" * 33, "a\n"):
        with pytest.raises(Refused) as refused:
            Inlet(name, 21001, SHADOWSOCKS)
        assert refused.value.reason is Reason.BAD_LABEL


def test_engines_are_found_by_name_and_say_how_they_check_a_file() -> None:
    assert [known.name for known in ENGINES] == ["xray", "sing-box"]
    file = Path("/run/a b.json")
    assert engine("xray").check_command(file) == ("xray", "run", "-test", "-c", "/run/a b.json")
    assert engine("sing-box").run_command(file) == ("sing-box", "run", "-c", "/run/a b.json")
    with pytest.raises(Refused) as refused:
        engine("v2ray")
    assert refused.value.reason is Reason.UNKNOWN_ENGINE


def test_a_pinned_server_still_goes_by_its_names() -> None:
    told = pinned(vless(WebSocket(), address="vpn.test"), "203.0.113.9")
    assert told == vless(WebSocket(host="a.test"), address="203.0.113.9")
    assert pinned(SHADOWSOCKS, "2001:DB8::0").address == "2001:db8::"
    with pytest.raises(Refused):
        pinned(SHADOWSOCKS, "vpn.test")
    with pytest.raises(Refused) as refused:
        pinned(vless(WebSocket(), Plain(), "10.0.0.7"), "203.0.113.9")
    assert refused.value.reason is Reason.UNPROTECTED


def test_a_firewall_is_told_of_every_server_once_by_its_family() -> None:
    servers = [("203.0.113.7", 443), ("203.0.113.7", 443), ("2001:db8::7", 8388)]
    tunnels = [Shadowsocks(host, port, "aes-256-gcm", "canary") for host, port in servers]
    inlets = tuple(Inlet(f"n{port}", port, one) for port, one in enumerate(tunnels, 21001))
    told = exits(inlets).splitlines()
    assert told[1:] == [
        "add element inet portico_egress exits4 { 203.0.113.7 . 443 }",
        "add element inet portico_egress exits6 { 2001:db8::7 . 8388 }",
    ]
    with pytest.raises(Refused, match="the server of far is given by name"):
        exits((Inlet("far", 21001, structs.replace(tunnels[0], address="far.test")),))
