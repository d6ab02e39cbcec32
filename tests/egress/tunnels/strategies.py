"""Every tunnel that our values can say."""

from base64 import b64encode, urlsafe_b64encode

from hypothesis import strategies as st

from portico.egress.tunnels import fields
from portico.egress.tunnels.values import (
    VISION,
    Grpc,
    Plain,
    Reality,
    Security,
    Shadowsocks,
    Tcp,
    Tls,
    Transport,
    Tunnel,
    Vless,
    WebSocket,
    Xhttp,
)

LABELS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


def _inside(*blocks: str) -> st.SearchStrategy[str]:
    return st.sampled_from(blocks).flatmap(lambda block: st.ip_addresses(network=block).map(str))


PUBLIC = _inside("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/64")
PRIVATE = _inside("10.0.0.0/8", "127.0.0.0/8", "fc00::/7")
SERVERS = PUBLIC | PRIVATE | NAMES
PORTS = st.integers(1, 65535)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)
PATHS = VISIBLE.map(lambda rest: f"/{rest}")
MAYBE_HOSTS = st.just("") | NAMES
SPANS = st.just("") | st.tuples(st.integers(0, 999), st.integers(999, 10**6)).map(
    lambda ends: f"{ends[0]}-{ends[1]}"
)
FINGERPRINTS = st.sampled_from(sorted(fields.FINGERPRINTS))

TCP = st.just(Tcp())
WEBSOCKETS = st.builds(WebSocket, path=PATHS, host=MAYBE_HOSTS)
GRPCS = st.builds(Grpc, service=VISIBLE, multi=st.booleans(), authority=VISIBLE)
XHTTPS = st.builds(
    Xhttp,
    path=PATHS,
    host=MAYBE_HOSTS,
    mode=st.sampled_from(["auto", "packet-up", "stream-up", "stream-one"]),
    padding=SPANS,
    post_bytes=SPANS,
    post_interval=SPANS,
)
ALPNS = st.sampled_from([(), ("h2",), ("http/1.1",), ("h2", "http/1.1"), ("http/1.1", "h2")])
TLSES = st.builds(Tls, sni=NAMES | PUBLIC, alpn=ALPNS, fingerprint=st.just("") | FINGERPRINTS)
REALITIES = st.builds(
    Reality,
    public_key=st.binary(min_size=32, max_size=32).map(
        lambda key: urlsafe_b64encode(key).decode().rstrip("=")
    ),
    sni=NAMES,
    short_id=st.binary(max_size=8).map(bytes.hex),
    fingerprint=FINGERPRINTS,
    spider=PATHS,
)


def _vless(
    servers: st.SearchStrategy[str],
    securities: st.SearchStrategy[Security],
    transports: st.SearchStrategy[Transport],
    flows: tuple[str, ...] = ("",),
) -> st.SearchStrategy[Vless]:
    return st.builds(
        Vless,
        address=servers,
        port=PORTS,
        uuid=st.uuids().map(str),
        security=securities,
        transport=transports,
        flow=st.sampled_from(flows),
    )


VLESSES = (
    _vless(PRIVATE, st.just(Plain()), TCP | WEBSOCKETS | GRPCS | XHTTPS)
    | _vless(SERVERS, TLSES | REALITIES, TCP, ("", VISION))
    | _vless(SERVERS, TLSES, XHTTPS)
    | _vless(SERVERS, TLSES.filter(lambda tls: tls.alpn != ("h2",)), WEBSOCKETS)
    | _vless(SERVERS, TLSES.filter(lambda tls: tls.alpn != ("http/1.1",)), GRPCS)
    | _vless(SERVERS, REALITIES, GRPCS | XHTTPS)
)


@st.composite
def _shadowsocks(draw: st.DrawFn) -> Shadowsocks:
    method = draw(st.sampled_from(sorted(fields.AEAD | fields.KEY_BYTES.keys())))
    size = fields.KEY_BYTES.get(method)
    if size is None:
        letters = st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8")
        password = draw(st.text(letters, min_size=1))
    else:
        most = 3 if "aes" in method else 1
        binary = st.binary(min_size=size, max_size=size).map(lambda key: b64encode(key).decode())
        password = ":".join(draw(st.lists(binary, min_size=1, max_size=most)))
    return Shadowsocks(draw(SERVERS), draw(PORTS), method, password)


TUNNELS: st.SearchStrategy[Tunnel] = VLESSES | _shadowsocks()
