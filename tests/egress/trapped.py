"""
Asks by a path in a house full of traps; run by `test_traps.py`, alone in a network of its own.

Everything that a client might consult is set against us: proxies in the environment, a `.netrc`,
and a name server that counts who asks it anything. Prints what was trapped, as JSON.
"""

import asyncio
import json
import os
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.paths import Direct, Tunnel, Via
from portico.egress.paths import Path as Way
from portico.egress.pool import Pool
from tests.egress.servers import Connect, Socks, answering, serving

HERE = Path(__file__).parent / "certificates"
HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
URL = "https://upstream.test/v1"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")


class Canary(asyncio.DatagramProtocol):
    """A name server that knows nothing and remembers who was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: object) -> None:
        labels, rest = [], data[12:]
        while rest[0]:
            labels.append(rest[1 : 1 + rest[0]].decode())
            rest = rest[1 + rest[0] :]
        self.asked.append(".".join(labels))
        assert self.transport is not None
        no_such_name = data[:2] + b"\x81\x83" + data[4:6] + bytes(6) + data[12:]
        self.transport.sendto(no_such_name, addr)  # type: ignore[arg-type]


async def said(pool: Pool) -> str:
    try:
        async with pool.send(HTTPRequest(URL, body=b"{}")) as answer:
            return (await answer.read()).decode()
    except EgressError as error:
        return type(error).__name__
    finally:
        await pool.aclose()


async def main(kind: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "certificate.pem", HERE / "key.pem")
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(answering(HI, tls=context))
        proxy = Socks(upstream.port) if kind == "socks5h" else Connect(upstream.port)
        listener = await stack.enter_async_context(serving(proxy))
        trap = await stack.enter_async_context(serving(Connect(upstream.port)))
        for name in PROXIES:
            value = "*" if name == "no_proxy" else f"http://127.0.0.1:{trap.port}"
            os.environ[name] = os.environ[name.upper()] = value
        canary = Canary()
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: canary, local_addr=("127.0.0.1", 53)
        )
        way: Way = Direct()
        if kind != "direct":
            way = Tunnel("google", (Via(kind, "127.0.0.1", listener.port),))
        found = {
            "said": await said(Pool(way, HERE / "certificate.pem")),
            "trapped": trap.accepted,
            "looked_up": sorted(set(canary.asked)),
            "signed_in": b"uthorization" in b"".join(upstream.asked),
        }
        sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(sys.argv[1]))
    else:
        asyncio.run(main(sys.argv[1]))
