import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.tunnels.links import link, parse, read
from portico.egress.tunnels.parts import LONGEST
from portico.egress.tunnels.reasons import Advice, Reason, Refused
from portico.egress.tunnels.values import (
    SECRETS,
    VISION,
    Grpc,
    Plain,
    Reality,
    Shadowsocks,
    Tcp,
    Tls,
    Tunnel,
    Vless,
    WebSocket,
    Xhttp,
)
from tests.egress.tunnels.strategies import TUNNELS

TOLD = Path(__file__).parents[3] / "docs/egress.md"
MALFORMED = [
    json.loads(line)
    for line in (Path(__file__).parent / "malformed.jsonl").read_text().splitlines()
]
UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PUBLIC_KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
TLS = Tls("example.com")
HIDDEN = (UUID, PUBLIC_KEY, "correct-horse-battery", "Y29ycmVjdC1ob3", "oJhrjx7H10K3Q", "xPPcU")
"""The secrets of the corpus."""

LEFT_FOR_CODE = {Reason.TOO_LONG}
"""Reasons of links that a file would not want to hold."""


def vless(query: str, server: str = "example.com:443") -> Vless:
    tunnel = parse(f"vless://{UUID}@{server}?{query}")
    assert isinstance(tunnel, Vless)
    return tunnel


@pytest.mark.parametrize(("reason", "text"), MALFORMED)
def test_a_malformed_link_is_refused_for_its_reason_and_not_echoed(reason: str, text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.reason is Reason[reason]
    said = f"{refused.value} {refused.value!r}"
    assert not [secret for secret in HIDDEN if secret in said]
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_corpus_has_a_link_for_every_reason_of_a_link() -> None:
    every = list(Reason)
    of_links = set(every[: every.index(Reason.ENGINE_CANNOT)]) - LEFT_FOR_CODE
    assert {Reason[reason] for reason, _ in MALFORMED} == of_links
    assert len({text for _, text in MALFORMED}) == len(MALFORMED) >= 60
    assert f"| {len(MALFORMED)} of them" in TOLD.read_text()


def test_a_link_of_any_length_is_not_read() -> None:
    with pytest.raises(Refused) as refused:
        parse(f"vless://{UUID}@example.com:443?security=tls#" + "a" * LONGEST)
    assert refused.value.reason is Reason.TOO_LONG


@given(TUNNELS)
def test_a_tunnel_is_the_same_after_its_link(tunnel: Tunnel) -> None:
    assert parse(link(tunnel)) == tunnel


@given(TUNNELS, st.text(st.characters(min_codepoint=33, exclude_categories=("Cs", "Cc"))))
def test_a_name_is_the_same_after_its_link(tunnel: Tunnel, name: str) -> None:
    assert read(link(tunnel, name)).name == name.strip()


@given(TUNNELS)
def test_no_secret_is_in_a_repr(tunnel: Tunnel) -> None:
    said = repr(read(link(tunnel)))
    for value in (tunnel, getattr(tunnel, "security", None)):
        for name in SECRETS:
            secret = getattr(value, name, "")
            assert len(secret) < 8 or repr(secret) not in said


@given(TUNNELS, st.data())
def test_a_damaged_link_is_read_or_refused_and_nothing_else(
    tunnel: Tunnel, data: st.DataObject
) -> None:
    whole = link(tunnel)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    damaged = whole[:start] + data.draw(st.text(max_size=5)) + whole[end:]
    secret = tunnel.password if isinstance(tunnel, Shadowsocks) else tunnel.uuid
    said = ""
    try:
        again = link(parse(damaged))
    except Refused as refused:
        said = str(refused)
    else:
        assert parse(again) == parse(damaged)
    assert len(secret) < 8 or secret not in said


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for scheme in ("", "vless://", "ss://"):
        try:
            parse(scheme + text)
        except Refused:
            continue


def test_a_link_of_reality_and_vision_says_all_of_it() -> None:
    read_ = read(
        f"vless://{UUID.upper()}@203.0.113.7:443?encryption=none&flow=xtls-rprx-vision&type=tcp"
        f"&security=reality&sni=www.Example.com&fp=firefox&pbk={PUBLIC_KEY}&sid=01AB&spx=%2Fs"
        "&headerType=none#SG%20%F0%9F%87%B8%F0%9F%87%AC"
    )
    reality = Reality(PUBLIC_KEY, "www.example.com", "01ab", "firefox", "/s")
    assert read_.tunnel == Vless("203.0.113.7", 443, UUID, reality, Tcp(), VISION)
    assert (read_.name, read_.cautions) == ("SG 🇸🇬", ())


def test_what_a_link_leaves_out_has_the_standards_defaults() -> None:
    assert vless("security=tls") == Vless("example.com", 443, UUID, TLS)
    reality = vless(f"security=reality&sni=a.test&pbk={PUBLIC_KEY}").security
    assert reality == Reality(PUBLIC_KEY, "a.test", "", "chrome", "/")
    assert vless("", "10.1.2.3:80").security == Plain()


@pytest.mark.parametrize(
    ("query", "transport"),
    [
        ("type=raw", Tcp()),
        ("type=ws", WebSocket()),
        ("type=ws&path=%2Fa%3Fed%3D2048&host=cdn.test", WebSocket("/a?ed=2048", "cdn.test")),
        ("type=grpc&serviceName=s&mode=multi&authority=a.test", Grpc("s", True, "a.test")),
        ("type=xhttp&path=%2Fx&mode=packet-up", Xhttp("/x", "", "packet-up")),
        (
            "type=splithttp&extra=%7B%22xPaddingBytes%22%3A%22100-1000%22%2C"
            "%22scMaxEachPostBytes%22%3A1000000%7D",
            Xhttp(padding="100-1000", post_bytes="1000000"),
        ),
    ],
)
def test_every_transport_is_read(query: str, transport: object) -> None:
    assert vless(f"security=tls&{query}").transport == transport


def test_a_plus_sign_is_one() -> None:
    assert vless("security=tls&type=ws&path=/a+b").transport == WebSocket("/a+b")


def test_certificates_that_are_checked_may_say_so() -> None:
    assert vless("security=tls&allowInsecure=0").security == TLS


@pytest.mark.parametrize(
    ("query", "advice", "about"),
    [
        ("security=tls&packetEncoding=xudp", Advice.UNKNOWN_PARAMETER, "packetEncoding"),
        ("security=tls&sid=01", Advice.IDLE_PARAMETER, "sid"),
        ("security=tls&type=ws&serviceName=s", Advice.IDLE_PARAMETER, "serviceName"),
    ],
)
def test_a_parameter_that_says_nothing_is_told(query: str, advice: Advice, about: str) -> None:
    (caution,) = read(f"vless://{UUID}@203.0.113.7:443?{query}").cautions
    assert (caution.advice, caution.about) == (advice, about)
    assert about in str(caution)


def test_empty_parameters_that_say_nothing_are_not_worth_a_word() -> None:
    assert not read(f"vless://{UUID}@203.0.113.7:443?security=tls&host=&path=&foo=").cautions


@pytest.mark.parametrize(
    ("server", "security", "advice"),
    [
        ("example.com:443", "tls", Advice.NAMED_SERVER),
        ("192.168.1.7:443", "none", Advice.READABLE),
        ("[fd00::7]:443", "none", Advice.READABLE),
    ],
)
def test_an_operator_hears_of_a_risk(server: str, security: str, advice: Advice) -> None:
    (caution,) = read(f"vless://{UUID}@{server}?security={security}").cautions
    assert caution.advice is advice


@pytest.mark.parametrize(
    "text",
    [
        "ss://YWVzLTI1Ni1nY206cGE6c3M@192.0.2.7:8388",
        "ss://YWVzLTI1Ni1nY206cGE6c3M%3D@192.0.2.7:8388/",
        "ss://aes-256-gcm:pa%3Ass@192.0.2.7:8388#name",
        "ss://AES-256-GCM:pa:ss@192.0.2.7:8388?type=tcp&security=none",
        "SS://" + b64encode(b"aes-256-gcm:pa:ss@192.0.2.7:8388").decode() + "#old%20form",
        "ss://" + b64encode(b"aes-256-gcm:pa:ss@192.0.2.7:8388").decode().rstrip("="),
    ],
)
def test_every_form_of_a_shadowsocks_link_is_read(text: str) -> None:
    assert parse(text) == Shadowsocks("192.0.2.7", 8388, "aes-256-gcm", "pa:ss")


def test_the_old_form_escapes_nothing() -> None:
    whole = b64encode(b"chacha20-poly1305:p@s/s%41?#@[2001:db8::1]:8388").decode()
    tunnel = Shadowsocks("2001:db8::1", 8388, "chacha20-ietf-poly1305", "p@s/s%41?#")
    assert parse(f"ss://{whole}") == parse(f"ss://{whole}/?x=1#n") == tunnel


def test_2022_is_written_plainly_and_its_base64_is_noted() -> None:
    key = "3W7L9U8N+oJhrjx7H10K3Q=="
    tunnel = Shadowsocks("192.0.2.7", 8388, "2022-blake3-aes-128-gcm", f"{key}:{key}")
    assert link(tunnel).startswith("ss://2022-blake3-aes-128-gcm:3W7L9U8N%2B")
    encoded = b64encode(f"{tunnel.method}:{tunnel.password}".encode()).decode()
    reading = read(f"ss://{encoded}@192.0.2.7:8388")
    assert reading.tunnel == tunnel
    assert [caution.advice for caution in reading.cautions] == [Advice.ENCODED_2022]
