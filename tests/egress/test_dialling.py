import ssl
from pathlib import Path

import pytest

from portico.egress.clients import ConnectFailed
from portico.egress.dialling import Dialler
from portico.egress.http1 import Connection
from portico.egress.origins import Origin
from portico.egress.paths import Direct, Tunnel, Via
from tests.egress.servers import answering

pytestmark = pytest.mark.anyio

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def _lost(_: Connection) -> None: ...


@pytest.mark.parametrize("secure", [False, True])
async def test_a_pinned_address_is_dialled_and_the_name_is_never_looked_up(
    secure: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls if secure else None) as server:
        dialler = Dialler(Direct(), trust)
        origin = Origin(secure, "upstream.test", server.port)
        connection = await dialler.dial(origin, 5.0, _lost, at="127.0.0.1")
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"")
        await connection.answered()
        assert await connection.read(2) == b"hi"
        connection.hang_up()
        await server.left()


async def test_at_a_pinned_address_tls_still_proves_the_name(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls) as server:
        dialler = Dialler(Direct(), trust)
        with pytest.raises(ConnectFailed, match="TLS failed"):
            await dialler.dial(Origin(True, "other.test", server.port), 5.0, _lost, at="127.0.0.1")
        assert server.asked == []


async def test_a_tunnel_takes_no_pinned_address() -> None:
    async with answering(HI) as server:
        dialler = Dialler(Tunnel("google", (Via("http", "127.0.0.1", server.port),)))
        with pytest.raises(ValueError, match="names"):
            await dialler.dial(Origin(False, "a.test", 80), 5.0, _lost, at="127.0.0.1")
        assert server.accepted == 0
