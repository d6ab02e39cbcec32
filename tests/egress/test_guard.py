"""What is around a process is found out, and a path is closed while a leak is possible."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from portico.egress import control
from portico.egress.boundary import Endpoint, nameless, query, reached, routed, servers
from portico.egress.checking import Boundary, look
from portico.egress.clients import HTTPRequest, TunnelDown
from portico.egress.findings import Check, Finding
from portico.egress.guard import Guard
from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from portico.egress.refusals import Listening, forbidden, refused
from tests.egress.servers import Connect, Stall, answering, serving, settled

pytestmark = pytest.mark.anyio

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
HERE = ip_address("127.0.0.1")


async def nobody(host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
    raise OSError("there is nobody to ask")


async def somebody(host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
    return [HERE]


@asynccontextmanager
async def unheard() -> AsyncIterator[Endpoint]:
    """An endpoint that takes no connection and refuses none: a full queue."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield HERE, full.getsockname()[1]


def around(endpoint: Endpoint, *, meant: bool = True) -> Boundary:
    """A boundary without name servers, whatever this machine has."""
    return Boundary((endpoint,), meant=meant, resolvers=Path("/nonexistent"))


def levels(found: Sequence[Finding], check: Check) -> list[tuple[str, bool]]:
    return [(each.level, each.leak) for each in found if each.check is check]


async def test_whoever_takes_or_refuses_a_connection_is_reached(tmp_path: Path) -> None:
    async with serving(Stall(listens=False)) as server:
        assert await reached((HERE, server.port), 3.0)
    assert await reached((HERE, server.port), 3.0), "refused: somebody is there"
    async with unheard() as endpoint:
        assert not await reached(endpoint, 0.2)
    assert routed((HERE, 443))


async def test_an_open_way_is_a_leak_and_a_closed_one_is_not() -> None:
    async with serving(Stall(listens=False)) as server, unheard() as endpoint:
        opened = await look(around((HERE, server.port)), nobody)
        shut = await look(around(endpoint), nobody)
        loose = await look(around((HERE, server.port), meant=False), nobody)
    assert levels(opened, Check.CLOSED) == [("error", True)]
    assert levels(shut, Check.CLOSED) == [("ok", False)]
    assert levels(loose, Check.CLOSED) == [("note", False)]
    assert levels(shut, Check.CONTROL) == levels(shut, Check.COUNTERS) == [("note", False)]


async def test_whoever_answers_for_names_is_a_leak(tmp_path: Path) -> None:
    empty = tmp_path / "resolv.conf"
    empty.write_text("search lab\nnameserver\n")
    assert (await nameless(nobody, 1.0, empty))[0].level == "ok"
    assert (await nameless(somebody, 1.0, empty))[0].leak
    assert servers(tmp_path / "nothing") == []


@pytest.mark.parametrize(("code", "leaks"), [(0, True), (3, True), (2, False), (5, False)])
async def test_a_name_server_that_knows_there_is_no_such_name_was_out_to_ask(
    tmp_path: Path, code: int, leaks: bool
) -> None:
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            answer = data[:2] + bytes([0x81, 0x80 | code]) + data[4:]
            self.transport.sendto(answer, addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.53", 53))
    except PermissionError:
        pytest.skip("port 53 is root's")
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.53\n")
    found = await nameless(nobody, 1.0, file)
    transport.close()
    assert [each.leak for each in found] == [leaks]


def test_a_question_is_one_of_dns() -> None:
    assert query("a.example.com")[2:] == (
        b"\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\x03com\0\0\x01\0\x01"
    )


async def test_a_listener_that_carries_what_is_not_its_own_leaks() -> None:
    async with answering(HI) as far:
        loose, strict = Connect(far.port), Connect(far.port)
        strict.refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n"
        async with serving(loose) as one, serving(strict) as two:
            asked = tuple(forbidden(["google.test"], [("142.250.74.10", 443)]))
            found = [
                await refused(Listening("world", Via("http", "127.0.0.1", port), asked), 1.0)
                for port in (one.port, two.port)
            ]
        assert [each.leak for each in found] == [True, False]
        assert found[1].level == "ok"
        assert sorted(strict.hosts) == sorted(asked)
    assert ("google.test.", 443) in asked
    assert ("GOOGLE.TEST", 443) in asked


async def test_a_listener_that_says_yes_and_leads_nowhere_refuses() -> None:
    async with serving(Stall(said=b"HTTP/1.1 200 OK\r\n\r\n")) as silent:
        via = Via("http", "127.0.0.1", silent.port)
        found = await refused(Listening("google", via, (("a.test", 443),)), 0.3)
    assert found.level == "ok"
    gone = await refused(Listening("google", via, (("a.test", 443),)), 0.3)
    assert (gone.level, gone.leak) == ("error", False)


async def test_the_control_says_what_it_reaches_and_a_dead_one_proves_nothing() -> None:
    async with serving(Stall(listens=False)) as server, unheard() as endpoint:
        alive: list[Endpoint] = [(HERE, server.port), endpoint]
        for outside, level in ((alive, "ok"), (alive[1:], "error")):
            async with control.keeping(outside, "127.0.0.1", 0) as port:
                found = await control.controlled(f"127.0.0.1:{port}", 8.0)
            assert (found.level, found.leak) == (level, False)
    assert (await control.controlled(f"127.0.0.1:{port}", 1.0)).level == "error"
    assert (await control.controlled("", 1.0)).level == "note"


LISTED = (
    '{"nftables": [{"metainfo": {"version": "1"}}, {"counter": {"name": "leak", "packets": %d}}]}'
)


def test_counters_are_read_and_old_or_absent_ones_are_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "counters.json"
    assert control.counted(file).level == "error"
    for text, level, leaks in (
        (LISTED % 0, "ok", False),
        (LISTED % 3, "error", True),
        ('{"nftables": []}', "error", False),
        ("{", "error", False),
    ):
        file.write_text(text)
        found = control.counted(file)
        assert (found.level, found.leak) == (level, leaks)
    file.write_text(LISTED % 0)
    os.utime(file, (1, 1))
    assert control.counted(file).level == "error"


async def test_a_path_is_closed_while_a_leak_is_possible_and_opens_again() -> None:
    async with answering(HI) as far, serving(Connect(far.port)) as listener:
        pool = Pool(Tunnel("google", (Via("http", "127.0.0.1", listener.port),)))
        request = HTTPRequest("http://google.test/")
        async with serving(Stall(listens=False)) as server:
            guard = Guard(around((HERE, server.port)), nobody, (pool,))
            assert guard.told is None
            async with pool.send(request) as answer:
                await answer.read()
            await guard.once()
            assert guard.told is not None
            assert guard.told.leak_possible
            with pytest.raises(TunnelDown, match="a leak is possible"):
                async with pool.send(request):
                    pass
            await settled(pool, 0)
            assert not pool.status.up
        async with unheard() as endpoint:
            guard._boundary = around(endpoint)
            await guard.once()
        assert not guard.told.leak_possible
        async with pool.send(request) as answer:
            assert await answer.read() == b"hi"
        await pool.aclose()
