import asyncio
import os
import ssl
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from portico.egress.clients import EgressError, HTTPRequest, TunnelDown
from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from portico.egress.tunnel import SOCKS_REPLIES
from tests.egress.servers import Connect, Server, Socks, Stall, answering, serving

pytestmark = pytest.mark.anyio

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
PROXIES = {"socks5h": Socks, "http": Connect}
URL = "http://upstream.test/v1"


def via(server: Server, kind: str, user: str = "", password: str = "") -> Via:
    return Via(kind, "127.0.0.1", server.port, user, password)


def tunnelled(*ways: Via, trust: Path | None = None) -> Pool:
    return Pool(Tunnel("google", ways), trust)


async def ask(pool: Pool, url: str = URL, connect: float = 5.0) -> bytes:
    async with pool.send(HTTPRequest(url, body=b"{}", connect=connect)) as answer:
        return await answer.read()


@pytest.mark.parametrize("kind", PROXIES)
@pytest.mark.parametrize("secure", [False, True])
async def test_a_name_is_resolved_at_the_far_end(
    kind: str, secure: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls if secure else None) as upstream:
        proxy = PROXIES[kind](upstream.port)
        async with serving(proxy) as listener:
            pool = tunnelled(via(listener, kind), trust=trust)
            url = f"{'https' if secure else 'http'}://upstream.test/v1"
            assert [await ask(pool, url) for _ in range(2)] == [b"hi"] * 2
            assert proxy.hosts == [("upstream.test", 443 if secure else 80)]
            assert b"host: upstream.test\r\n" in upstream.asked[0]
            await pool.aclose()
            await listener.left()


@pytest.mark.parametrize("kind", [1, 3, 4])
async def test_socks_may_tell_any_kind_of_address(kind: int) -> None:
    async with answering(HI) as upstream, serving(Socks(upstream.port, kind=kind)) as listener:
        pool = tunnelled(via(listener, "socks5h"))
        assert await ask(pool) == b"hi"
        await pool.aclose()
        await listener.left()


async def test_socks_signs_in_with_user_and_password() -> None:
    async with answering(HI) as upstream:
        proxy = Socks(upstream.port, credentials=("me", "päss"))
        async with serving(proxy) as listener:
            pool = tunnelled(via(listener, "socks5h", "me", "päss"))
            assert await ask(pool) == b"hi"
            with pytest.raises(TunnelDown, match=r"refused our name and password$"):
                await ask(tunnelled(via(listener, "socks5h", "me", "wrong")))
            with pytest.raises(TunnelDown, match="no way of signing in"):
                await ask(tunnelled(via(listener, "socks5h")))
            assert proxy.signed_in == [("me", "päss"), ("me", "wrong")]
            await pool.aclose()
            await listener.left()


async def test_connect_signs_in_with_basic() -> None:
    async with answering(HI) as upstream:
        proxy = Connect(upstream.port)
        async with serving(proxy) as listener:
            pool = tunnelled(via(listener, "http", "me", "p:w"))
            assert await ask(pool) == b"hi"
            assert proxy.heads == [
                b"CONNECT upstream.test:80 HTTP/1.1\r\nhost: upstream.test:80\r\n"
                b"proxy-authorization: Basic " + b64encode(b"me:p:w") + b"\r\n\r\n"
            ]
            assert b"authorization" not in upstream.asked[0]
            await pool.aclose()
            await listener.left()


async def test_an_address_in_brackets_stays_one_in_connect() -> None:
    proxy = Connect(0, refusal=b"HTTP/1.1 403 No\r\n\r\n")
    async with serving(proxy) as listener:
        with pytest.raises(TunnelDown):
            await ask(tunnelled(via(listener, "http")), "http://[2001:db8::1]:81/")
    assert proxy.heads[0].startswith(b"CONNECT [2001:db8::1]:81 HTTP/1.1\r\n")


@pytest.mark.parametrize("reply", [*SOCKS_REPLIES, 99])
async def test_a_refusal_of_socks_is_told_by_its_reason(reply: int) -> None:
    refusal = bytes([5, reply, 0, 1]) + bytes(6)
    async with serving(Socks(0, refusal=refusal)) as listener:
        with pytest.raises(TunnelDown, match=SOCKS_REPLIES.get(reply, "reply 99")):
            await ask(tunnelled(via(listener, "socks5h")))
        await listener.left()


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nout of turn",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000,
        b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_a_refusal_of_connect_is_a_tunnel_that_is_down(refusal: bytes) -> None:
    async with serving(Connect(0, refusal=refusal)) as listener:
        pool = tunnelled(via(listener, "http"))
        with pytest.raises(TunnelDown) as down:
            await ask(pool)
        assert "html" not in str(down.value)
        await listener.left()
        assert pool.connections == 0


@pytest.mark.parametrize("said", [b"", b"\x04\x00", b"\x05", b"\x05\x07", b"HTTP/1.1 400"])
async def test_a_listener_that_speaks_no_socks_is_a_tunnel_that_is_down(said: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with serving(other) as listener:
        with pytest.raises(TunnelDown):
            await ask(tunnelled(via(listener, "socks5h")))


async def test_another_version_of_socks_in_the_reply_is_refused() -> None:
    async with serving(Socks(0, refusal=b"\x04\x00\x00\x01" + bytes(6))) as listener:
        with pytest.raises(TunnelDown):
            await ask(tunnelled(via(listener, "socks5h")))
        await listener.left()


@pytest.mark.parametrize("kind", PROXIES)
async def test_a_silent_listener_is_given_up_in_time(kind: str) -> None:
    async with serving(Stall(listens=False)) as listener:
        pool = tunnelled(via(listener, kind))
        with pytest.raises(TunnelDown):
            await ask(pool, connect=0.1)
        await listener.left()
        assert pool.connections == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("socks5h", [b"\x05"]),
        ("socks5h", [b"\x05\x02"]),
        ("socks5h", [b"\x05\x02", b"\x01"]),
        ("socks5h", [b"\x05\x02", b"\x01\x00"]),
        ("socks5h", [b"\x05\x02", b"\x01\x00", b"\x05\x00\x00"]),
        ("socks5h", [b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x03\xff" + b"a" * 200]),
        ("http", [b"HTTP/1.1 200"]),
        ("http", [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 15_000]),
    ],
)
@pytest.mark.parametrize("drips", [False, True])
async def test_a_handshake_that_stops_on_its_way_is_given_up_in_time(
    kind: str, said: list[bytes], drips: bool
) -> None:
    """Also where a byte comes now and then: the clock is that of the whole handshake."""

    async def halting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in said:
            await reader.read(65536)
            writer.write(reply[:-1] if drips else reply)
            await writer.drain()
            if drips:
                await asyncio.sleep(0.02)
                writer.write(reply[-1:])
        while await reader.read(65536):
            pass

    async with serving(halting) as listener:
        pool = tunnelled(via(listener, kind, user="lab", password="word"))
        with pytest.raises(TunnelDown, match=r"within 0\.2 s"):
            await ask(pool, connect=0.2)
        await listener.left()
        assert pool.connections == 0


@pytest.mark.parametrize("kind", PROXIES)
async def test_a_tunnel_that_hangs_in_tls_is_given_up_in_time(kind: str) -> None:
    async with (
        serving(Stall(listens=False)) as upstream,
        serving(PROXIES[kind](upstream.port)) as listener,
    ):
        pool = tunnelled(via(listener, kind))
        with pytest.raises(TunnelDown):
            await ask(pool, "https://upstream.test/", connect=0.2)
        await listener.left()
        assert pool.connections == 0


@pytest.mark.parametrize("first", ["dead", "silent", "refuses"])
async def test_the_second_tunnel_serves_where_the_first_does_not(first: str) -> None:
    refusing = Connect(0, refusal=b"HTTP/1.1 503 No\r\n\r\n")
    async with (
        answering(HI) as upstream,
        serving(Socks(upstream.port)) as second,
        serving(refusing if first == "refuses" else Stall(listens=False)) as listener,
    ):
        ways = [via(listener, "http"), via(second, "socks5h")]
        if first == "dead":
            ways[0] = Via("http", "127.0.0.1", await unused())
        pool = tunnelled(*ways)
        assert await ask(pool, connect=1.0) == b"hi"
        await pool.aclose()
        await second.left()


async def unused() -> int:
    async with serving(Stall()) as server:
        return server.port


async def test_with_every_tunnel_dead_the_path_is_down_and_nothing_leaves_by_another() -> None:
    async with answering(HI) as upstream:
        ways = [Via(kind, "127.0.0.1", await unused()) for kind in PROXIES]
        with pytest.raises(TunnelDown, match=f"{ways[1]}: no connection"):
            await ask(tunnelled(*ways), upstream.url(host="localhost"))
        assert upstream.accepted == 0


async def test_a_stranger_at_the_far_end_is_not_believed(tls: ssl.SSLContext) -> None:
    async with answering(HI, tls=tls) as upstream, serving(Socks(upstream.port)) as listener:
        pool = tunnelled(via(listener, "socks5h"))
        with pytest.raises(TunnelDown, match="TLS failed: CERTIFICATE_VERIFY_FAILED"):
            await ask(pool, "https://upstream.test/")
        await listener.left()
        assert (upstream.asked, pool.connections) == ([], 0)


@pytest.mark.parametrize("kind", PROXIES)
@pytest.mark.parametrize("secure", [False, True])
async def test_cancelling_at_any_turn_of_the_loop_leaves_nothing_in_use(
    kind: str, secure: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    async with (
        answering(HI, tls=tls if secure else None) as upstream,
        serving(PROXIES[kind](upstream.port)) as listener,
    ):
        pool = tunnelled(via(listener, kind), trust=trust)
        url = f"{'https' if secure else 'http'}://upstream.test/"
        for turns in range(40):
            task = asyncio.create_task(ask(pool, url))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert await ask(pool, url) == b"hi"
        await pool.aclose()
        await listener.left()
        assert pool.connections == 0


async def test_a_listener_that_closes_right_after_its_yes_is_not_waited_for() -> None:
    async def fickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()

    async with serving(fickle) as listener:
        pool = tunnelled(via(listener, "http"))
        with pytest.raises(EgressError):
            await ask(pool)
        await listener.left()
        assert pool.connections == 0


PROBE = """
import asyncio, sys
from portico.egress.clients import HTTPRequest
from portico.egress.paths import Direct
from portico.egress.pool import Pool

async def main():
    pool = Pool(Direct())
    async with pool.send(HTTPRequest(sys.argv[1])) as answer:
        print((await answer.read()).decode())
    await pool.aclose()

asyncio.run(main())
"""


async def test_the_environments_proxies_are_not_consulted() -> None:
    async with answering(HI) as upstream, serving(Connect(upstream.port)) as trap:
        trapped = dict.fromkeys(
            ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"],
            trap.url(""),
        )
        probe = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", PROBE, upstream.url()],
            env={**os.environ, **trapped, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert (probe.stdout, probe.stderr) == ("hi\n", "")
        assert (upstream.accepted, trap.accepted) == (1, 0)
