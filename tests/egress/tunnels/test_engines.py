"""The real programs: they accept what we render, and carry our requests, or nothing does."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.paths import Tunnel as TunnelledPath
from portico.egress.pool import Pool
from portico.egress.tunnels.engines import able, engine, render
from portico.egress.tunnels.inlets import Inlet, Listeners, vias
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
from tests.egress.servers import Server, answering, serving
from tests.egress.tunnels.engines import (
    Engines,
    NotStarted,
    believing,
    both,
    far_end,
    free_port,
    running,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first run installs the engines

HERE = Path(__file__).parents[1] / "certificates"
HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PRIVATE_KEY = "4GW9rLIyHz46gavNGsFcCMdiFMsdSKiSWvixeLSrEkY"
PUBLIC_KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
KEY_16 = "3W7L9U8N+oJhrjx7H10K3Q=="
KEY_32 = "YctPZ6U7xPPcU+gp3u+0tx/tRizJN9K8y+uKlW2qjlI="
TLS = Tls("upstream.test")
REALITY = Reality(PUBLIC_KEY, "upstream.test", "0123456789abcdef")
PASSWORDS = {
    "aes-128-gcm": "correct horse: battery",
    "aes-256-gcm": "correct horse",
    "chacha20-ietf-poly1305": "лошадь",
    "2022-blake3-aes-128-gcm": KEY_16,
    "2022-blake3-aes-256-gcm": KEY_32,
    "2022-blake3-chacha20-poly1305": KEY_32,
}


def vless(
    security: Security, transport: Transport | None = None, flow: str = ""
) -> Callable[[int], Vless]:
    return lambda port: Vless("127.0.0.1", port, UUID, security, transport or Tcp(), flow)


def shadowsocks(method: str) -> Callable[[int], Shadowsocks]:
    return lambda port: Shadowsocks("127.0.0.1", port, method, PASSWORDS[method])


TUNNELS: dict[str, Callable[[int], Tunnel]] = {
    "vless": vless(Plain()),
    "vless-ws": vless(Plain(), WebSocket("/w", "cdn.test")),
    "vless-tls-vision": vless(TLS, flow=VISION),
    "vless-tls-ws": vless(Tls("upstream.test", ("h2", "http/1.1")), WebSocket("/w")),
    "vless-tls-grpc": vless(TLS, Grpc("svc")),
    "vless-tls-grpc-multi": vless(TLS, Grpc("svc", multi=True)),
    "vless-tls-xhttp": vless(Tls("upstream.test", ("h2",), "firefox"), Xhttp("/x")),
    "vless-tls-xhttp-extra": vless(TLS, Xhttp("/x", "", "packet-up", "100-200", "100000", "10")),
    "vless-reality-vision": vless(REALITY, flow=VISION),
    "vless-reality-grpc": vless(REALITY, Grpc("svc")),
    "vless-reality-xhttp": vless(REALITY, Xhttp("/x", mode="stream-one")),
    **{method: shadowsocks(method) for method in PASSWORDS},
}


def server_side(tunnel: Tunnel, decoy: int) -> tuple[str, dict[str, Any]]:
    """Return the engine that serves *tunnel* and its inbound, written without our renderers."""
    if isinstance(tunnel, Shadowsocks):
        inbound = {"type": "shadowsocks", "listen": "127.0.0.1", "listen_port": tunnel.port}
        return "sing-box", {**inbound, "method": tunnel.method, "password": tunnel.password}
    stream: dict[str, Any]
    match tunnel.transport:
        case Tcp():
            stream = {"network": "raw"}
        case WebSocket():
            stream = {"network": "ws", "wsSettings": {"path": "/w"}}
        case Grpc(multi=multi):
            stream = {"network": "grpc", "grpcSettings": {"serviceName": "svc", "multiMode": multi}}
        case Xhttp():
            stream = {"network": "xhttp", "xhttpSettings": {"path": "/x"}}
    match tunnel.security:
        case Tls():
            files = {"certificateFile": f"{HERE}/certificate.pem", "keyFile": f"{HERE}/key.pem"}
            stream |= {"security": "tls", "tlsSettings": {"certificates": [files]}}
        case Reality():
            reality = {"target": f"127.0.0.1:{decoy}", "serverNames": ["upstream.test"]}
            reality |= {"privateKey": PRIVATE_KEY, "shortIds": ["0123456789abcdef"]}
            stream |= {"security": "reality", "realitySettings": reality}
    settings = {"clients": [{"id": tunnel.uuid, "flow": tunnel.flow}], "decryption": "none"}
    inbound = {"listen": "127.0.0.1", "port": tunnel.port, "protocol": "vless"}
    return "xray", {**inbound, "settings": settings, "streamSettings": stream}


async def shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The site that REALITY looks like: it shakes hands and has nothing to say."""
    writer.close()
    await writer.wait_closed()


@dataclass
class Line:
    """A tunnel that runs: our client, the origin behind the far end, and the two programs."""

    pool: Pool
    origin: Server
    near: asyncio.subprocess.Process
    far: asyncio.subprocess.Process

    async def ask(self, url: str = "https://upstream.test/v1", connect: float = 20.0) -> bytes:
        async with self.pool.send(HTTPRequest(url, body=b"{}", connect=connect)) as answer:
            return await answer.read()


@dataclass(frozen=True)
class Bench:
    engines: Engines
    folder: Path
    tls: ssl.SSLContext
    trust: Path
    listeners: Listeners = field(default_factory=Listeners)

    @asynccontextmanager
    async def line(
        self, client: str, name: str, listeners: Listeners | None = None
    ) -> AsyncIterator[Line]:
        listeners = listeners or self.listeners
        tunnel = TUNNELS[name](free_port())
        inlets = (Inlet("one", free_port(), tunnel),)
        configured = render(inlets, listeners, client)
        if client == "xray":
            configured = believing(configured, self.trust)
        near = self.engines.command(client, configured, self.folder)
        async with answering(HI, tls=self.tls) as origin, serving(shut, self.tls) as site:
            kind, inbound = server_side(tunnel, site.port)
            server = far_end(kind, inbound, origin.port)
            far_folder = self.folder / "far"
            far_folder.mkdir()
            far = self.engines.command(kind, server, far_folder)
            ends = ((near, inlets[0].port), (far, tunnel.port))
            async with both(*ends, self.trust) as processes:
                pool = Pool(TunnelledPath("google", vias(inlets, listeners)), self.trust)
                try:
                    yield Line(pool, origin, *processes)
                finally:
                    await pool.aclose()


@pytest.fixture
def bench(engines: Engines, tmp_path: Path, tls: ssl.SSLContext, trust: Path) -> Bench:
    return Bench(engines, tmp_path, tls, trust)


NO_UTLS = {"vless-reality-vision", "vless-reality-grpc", "vless-tls-xhttp"}
"""What needs uTLS: this build of sing-box has none, the official one does."""


@pytest.mark.parametrize("name", TUNNELS)
async def test_xray_carries_a_request_to_a_name_that_only_the_far_end_knows(
    bench: Bench, name: str
) -> None:
    async with bench.line("xray", name) as line:
        assert [await line.ask() for _ in range(2)] == [b"hi"] * 2
        assert line.origin.accepted == 1, "the second request took the kept connection"


@pytest.mark.parametrize(
    "name",
    [name for name in TUNNELS if "sing-box" in able(TUNNELS[name](1)) and name not in NO_UTLS],
)
async def test_sing_box_carries_a_request_to_a_name_that_only_the_far_end_knows(
    bench: Bench, name: str
) -> None:
    async with bench.line("sing-box", name) as line:
        assert await line.ask() == b"hi"


@pytest.mark.parametrize("client", ["xray", "sing-box"])
async def test_socks_listeners_carry_as_well(bench: Bench, client: str) -> None:
    listeners = Listeners(kind="socks5h", user="gateway", password="s3cret")
    async with bench.line(client, "aes-256-gcm", listeners) as line:
        assert await line.ask() == b"hi"


@pytest.mark.parametrize("client", ["xray", "sing-box"])
async def test_a_listener_with_a_password_lets_nobody_else_in(bench: Bench, client: str) -> None:
    listeners = Listeners(user="gateway", password="s3cret")
    async with bench.line(client, "vless", listeners) as line:
        assert await line.ask() == b"hi"
        (way,) = line.pool.path.via  # type: ignore[union-attr]
        stranger = Pool(
            TunnelledPath("google", (type(way)(way.kind, way.host, way.port),)), bench.trust
        )
        with pytest.raises(EgressError):
            await Line(stranger, line.origin, line.near, line.far).ask(connect=5)
        assert line.origin.accepted == 1
        await stranger.aclose()


@pytest.mark.parametrize("client", ["xray", "sing-box"])
async def test_a_host_or_port_out_of_reach_is_not_carried(bench: Bench, client: str) -> None:
    listeners = Listeners(reach=(("upstream.test", 443), ("other.test", 8443)))
    async with bench.line(client, "vless", listeners) as line:
        assert await line.ask() == b"hi"
        for host in ("elsewhere.test", "upstream.test:8443", "other.test", "127.0.0.1"):
            with pytest.raises(EgressError):
                await line.ask(f"https://{host}/", connect=3)
        assert line.origin.accepted == 1


@pytest.mark.parametrize("client", ["xray", "sing-box"])
async def test_when_the_far_end_dies_nothing_goes_another_way(bench: Bench, client: str) -> None:
    async with bench.line(client, "vless") as line:
        assert await line.ask() == b"hi"
        line.far.kill()
        await line.far.wait()
        # This address would be reached at once by anything that went direct.
        for url in ("https://upstream.test/v1", f"https://127.0.0.1:{line.origin.port}/"):
            with pytest.raises(EgressError):
                await line.ask(url, connect=5)
        assert line.origin.accepted == 1


async def test_an_engine_accepts_every_kind_of_tunnel_in_one_configuration(
    engines: Engines, tmp_path: Path
) -> None:
    inlets = tuple(Inlet(name, free_port(), make(443)) for name, make in TUNNELS.items())
    listeners = Listeners("127.0.0.1", "http", "u", "p", (("a.test", 443), ("b.test", 443)))
    command = engines.command("xray", render(inlets, listeners, "xray"), tmp_path)
    async with running(command, [inlet.port for inlet in inlets]):
        pass
    fit = tuple(
        inlet
        for inlet in inlets
        if inlet.name not in NO_UTLS and not engine("sing-box").obstacle(inlet.tunnel)
    )
    assert engines.check(render(fit, listeners, "sing-box"), tmp_path) == ""


@pytest.mark.parametrize("name", sorted(NO_UTLS - {"vless-tls-xhttp"}))
async def test_of_what_this_build_lacks_sing_box_misses_nothing_else(
    engines: Engines, tmp_path: Path, name: str
) -> None:
    said = engines.check(render((Inlet("one", 1, TUNNELS[name](443)),), None, "sing-box"), tmp_path)
    assert "rebuild with -tags with_utls" in said


async def test_the_engines_refuse_what_they_do_not_know(engines: Engines, tmp_path: Path) -> None:
    good = render((Inlet("one", free_port(), TUNNELS["vless"](443)),), None, "xray")
    bad = good.replace('"blackhole"', '"blackhull"')
    with pytest.raises(NotStarted):
        async with running(engines.command("xray", bad, tmp_path), [1]):
            pass
    assert engines.check(good, tmp_path)
