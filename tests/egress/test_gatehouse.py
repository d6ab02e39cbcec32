"""The gate over real sockets: who is let out, who is not, and that nothing is dialled for those."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import HTTPRequest
from portico.egress.doors import Doors, TurnedAway, is_name
from portico.egress.gatehouse import Gatehouse, Limits, keeping
from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from tests.egress.servers import Handler, Server, Stall, answering, serving, until

pytestmark = pytest.mark.anyio

HERE = IPv4Address("127.0.0.1")
HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
SECRET = "hunter2"


@dataclass
class Names:
    """Everybody's addresses; what is not here does not exist."""

    known: dict[str, list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("no such host")
        return [ip_address(address) for address in self.known[host]]


NAMES = {
    "model.test": ["127.0.0.1"],
    "open.test": ["127.0.0.1"],
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "private.test": ["10.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["127.0.0.1", "10.0.0.1"],
    "any.test": ["0.0.0.0"],
    "nobody.test": [],
}


@dataclass
class Yard:
    """A gate, the one host behind it that may be asked, and the canary that nobody may reach."""

    gatehouse: Gatehouse
    port: int
    host: Server
    canary: Server
    names: Names

    async def say(self, text: str | bytes) -> tuple[int, bytes]:
        """Return the status and what comes after the head, until the gate hangs up."""
        filled = text.format(at=self.host.port, c=self.canary.port) if isinstance(text, str) else ""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(filled.encode("latin-1") if filled else bytes(text))  # type: ignore[arg-type]
            writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()
        head, _, body = said.partition(b"\r\n\r\n")
        return (int(head.split(b" ")[1]) if head else 0), body


@asynccontextmanager
async def yard(
    limits: Limits | None = None, user: str = "", host: Handler | None = None
) -> AsyncIterator[Yard]:
    serve = answering(HI) if host is None else serving(host)
    async with serve as model, answering(b"HTTP/1.1 200 OK\r\n\r\nCANARY") as canary:
        listed = {(name, model.port) for name in ("model.test", "mixed.test", "gone.test")}
        listed |= {(name, canary.port) for name in NAMES if name not in ("open.test", "model.test")}
        doors = Doors(frozenset(listed), user, SECRET, frozenset({(HERE, model.port)}))
        names = Names(NAMES)
        gatehouse = Gatehouse(doors, names, limits)
        async with keeping(gatehouse, "127.0.0.1") as port:
            yield Yard(gatehouse, port, model, canary, names)


def connect(target: str, *headers: str) -> str:
    return "\r\n".join([f"CONNECT {target} HTTP/1.1", *headers, "", ""])


LET_OUT = {
    "as listed": connect("model.test:{at}", "host: model.test:{at}"),
    "without a host header": connect("model.test:{at}"),
    "host header without the port": connect("model.test:{at}", "Host: model.test"),
    "HTTP/1.0": "CONNECT model.test:{at} HTTP/1.0\r\n\r\n",
    "headers that mean nothing here": connect("model.test:{at}", "user-agent: x", "x-y: z"),
    "credentials nobody asked for": connect("model.test:{at}", "proxy-authorization: Basic eDp5"),
}

TURNED_AWAY: dict[str, tuple[int, str | bytes]] = {
    # not this name
    "another name": (403, connect("open.test:{c}")),
    "another port": (403, connect("model.test:{c}")),
    "port 80": (403, connect("model.test:80")),
    "port 443": (403, connect("model.test:443")),
    "port 0": (403, connect("model.test:0")),
    "a port with a zero in front": (403, connect("model.test:0{at}")),
    "a port with a sign": (403, connect("model.test:+{at}")),
    "a port beyond ports": (403, connect("model.test:165536")),
    "a port of another script": (400, connect("model.test:٤٤٣").encode()),
    "no port": (403, connect("model.test")),
    "an empty port": (403, connect("model.test:")),
    "no host": (403, connect(":{c}")),
    "a parent": (403, connect("test:{at}")),
    "a child": (403, connect("a.model.test:{at}")),
    "a name that begins alike": (403, connect("model.test.open.test:{c}")),
    "a name that ends alike": (403, connect("xmodel.test:{at}")),
    # the same name, otherwise
    "upper case": (403, connect("MODEL.test:{at}")),
    "a last dot": (403, connect("model.test.:{at}")),
    "two last dots": (403, connect("model.test..:{at}")),
    "percent-encoded": (403, connect("model%2Etest:{at}")),
    "in brackets": (403, connect("[model.test]:{at}")),
    "a NUL": (400, connect("model.test\0.open.test:{at}")),
    "a tab": (403, connect("model.test\t:{at}")),
    "two spaces": (400, connect(" model.test:{at}")),
    "a soft hyphen": (400, connect("mo\xaddel.test:{at}")),
    "full width letters": (400, connect("ｍodel.test:443").encode()),
    "two places": (403, connect("model.test:{at},open.test:{c}")),
    "two ports": (403, connect("model.test:{at}:{c}")),
    # users
    "a user": (403, connect("user@model.test:{at}")),
    "a listed name as user": (403, connect("model.test:{at}@open.test:{c}")),
    "a user and a password": (403, connect(f"u:{SECRET}@loopback.test:{{c}}")),
    # addresses
    "IPv4": (403, connect("127.0.0.1:{c}")),
    "IPv4 of the listed host": (403, connect("127.0.0.1:{at}")),
    "IPv4, shortened": (403, connect("127.1:{c}")),
    "IPv4, decimal": (403, connect("2130706433:{c}")),
    "IPv4, octal": (403, connect("0177.0.0.1:{c}")),
    "IPv4, hexadecimal": (403, connect("0x7f.0.0.1:{c}")),
    "IPv4, last dot": (403, connect("127.0.0.1.:{c}")),
    "IPv6": (403, connect("[::1]:{c}")),
    "IPv6, mapped": (403, connect("[::ffff:127.0.0.1]:{c}")),
    "IPv6, mapped, hexadecimal": (403, connect("[::ffff:7f00:1]:{c}")),
    "IPv6 with a scope": (403, connect("[::1%lo]:{c}")),
    "IPv6 without brackets": (403, connect("::1:{c}")),
    "localhost": (403, connect("localhost:{c}")),
    "the metadata of clouds": (403, connect("169.254.169.254:80")),
    # listed names that lead inside
    "a name of loopback": (403, connect("loopback.test:{c}")),
    "a name of IPv6 loopback": (403, connect("loopback6.test:{c}")),
    "a name of a mapped address": (403, connect("mapped.test:{c}")),
    "a name of a private address": (403, connect("private.test:{c}")),
    "a name of the metadata": (403, connect("metadata.test:{c}")),
    "a name of this host": (403, connect("any.test:{c}")),
    "a name of a good and a bad address": (403, connect("mixed.test:{at}")),
    "a name that does not exist": (502, connect("gone.test:{at}")),
    "a name without an address": (502, connect("nobody.test:{c}")),
    # other requests
    "GET with an absolute address": (405, "GET http://127.0.0.1:{c}/ HTTP/1.1\r\n\r\n"),
    "GET of the listed host": (405, "GET http://model.test:{at}/ HTTP/1.1\r\n\r\n"),
    "POST": (405, "POST / HTTP/1.1\r\nhost: model.test:{at}\r\n\r\n"),
    "lower case": (405, "connect model.test:{at} HTTP/1.1\r\n\r\n"),
    "CONNECT to a URL": (403, connect("http://model.test:{at}/")),
    "CONNECT with a path": (403, connect("model.test:{at}/")),
    "HTTP/2's preface": (400, "PRI * HTTP/2.0\r\n\r\n"),
    "no version": (400, "CONNECT model.test:{at}\r\n\r\n"),
    "SOCKS5": (0, b"\x05\x01\x00"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\r\n\r\n"),
    "nothing": (0, b""),
    # headers
    "a host header of another place": (400, connect("model.test:{at}", "host: open.test:{c}")),
    "two host headers": (400, connect("model.test:{at}", "host: model.test", "host: open.test")),
    "a body": (400, connect("model.test:{at}", "content-length: 5")),
    "chunks": (400, connect("model.test:{at}", "Transfer-Encoding: chunked")),
    "a folded header": (400, connect("model.test:{at}", "a: b", " host: open.test")),
    "a space before the colon": (400, connect("model.test:{at}", "host : model.test")),
    "a bare line feed": (400, "CONNECT model.test:{at} HTTP/1.1\nhost: open.test\r\n\r\n"),
    "a bare carriage return": (400, connect("model.test:{at}", "a: b\rhost: open.test")),
    "a head that does not end": (0, "CONNECT model.test:{at} HTTP/1.1\r\n"),
    "a head too long": (431, connect("model.test:{at}", "a: " + "b" * 70_000)),
}


@pytest.mark.parametrize("text", LET_OUT.values(), ids=LET_OUT)
async def test_what_is_on_the_list_is_let_out(text: str) -> None:
    async with yard() as here:
        assert (await here.say(text))[0] == 200
        await until(lambda: here.host.accepted == 1)


@pytest.mark.parametrize(("status", "text"), TURNED_AWAY.values(), ids=TURNED_AWAY)
async def test_anything_else_is_turned_away_and_nobody_dialled(
    status: int, text: str | bytes
) -> None:
    async with yard() as here:
        assert (await here.say(text))[0] == status
        assert (here.canary.accepted, here.host.accepted) == (0, 0)
        assert not set(here.names.asked) - NAMES.keys() - {"gone.test"}


async def test_the_canary_would_sing() -> None:
    """The corpus proves nothing if nobody could reach the canary at all."""
    async with yard() as here:
        inside = frozenset({(HERE, here.canary.port)})
        doors = Doors(frozenset({("loopback.test", here.canary.port)}), inside=inside)
        async with keeping(Gatehouse(doors, here.names), "127.0.0.1") as port:
            via = Via("http", "127.0.0.1", port)
            pool = Pool(Tunnel("direct", (via,)))
            async with pool.send(HTTPRequest(here.canary.url(host="loopback.test"))) as answer:
                assert await answer.chunks().__anext__() == b"CANARY"
            await pool.aclose()


async def test_our_own_client_keeps_its_connections_through_the_gate() -> None:
    async with yard() as here:
        pool = Pool(Tunnel("direct", (Via("http", "127.0.0.1", here.port),)))
        for _ in range(3):
            async with pool.send(HTTPRequest(here.host.url(host="model.test"))) as answer:
                assert await answer.read() == b"hi"
        await pool.aclose()
        assert (here.host.accepted, here.names.asked) == (1, ["model.test"])


@pytest.mark.parametrize("given", ["", "Basic eDp5", f"Basic {SECRET}", "bearer x"])
async def test_a_gate_with_a_password_lets_no_stranger_out(given: str) -> None:
    async with yard(user="portico") as here:
        headers = [f"proxy-authorization: {given}"] if given else []
        assert (await here.say(connect("model.test:{at}", *headers)))[0] == 407
        right = b64encode(f"portico:{SECRET}".encode()).decode()
        once = f"proxy-authorization: Basic {right}"
        assert (await here.say(connect("model.test:{at}", once)))[0] == 200
        assert (await here.say(connect("model.test:{at}", once, once)))[0] == 407
        assert here.host.accepted == 1


async def test_each_decision_is_one_line_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    async with yard() as here:
        with caplog.at_level(logging.INFO, "portico.egress.gatehouse"):
            await here.say(LET_OUT["as listed"])
            for _, text in TURNED_AWAY.values():
                await here.say(text)
    whole = [message for message in caplog.messages if "\n" not in message]
    silent = sum(status == 0 for status, _ in TURNED_AWAY.values())
    assert len(whole) == len(caplog.messages) == 1 + len(TURNED_AWAY) - silent
    assert whole[0] == f"gate: 127.0.0.1 let out to model.test:{here.host.port} at 127.0.0.1"
    assert f"refused open.test:{here.canary.port}: not on the list (403)" in whole[1]
    assert SECRET not in caplog.text


async def test_a_caller_who_says_nothing_is_sent_away() -> None:
    async with yard(Limits(head=0.05)) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        assert await reader.read() == b""
        writer.close()
        await until(lambda: len(here.gatehouse) == 0)


async def test_a_caller_too_many_is_hung_up_on() -> None:
    async with yard(Limits(connections=1)) as here:
        _, first = await asyncio.open_connection("127.0.0.1", here.port)
        await until(lambda: len(here.gatehouse) == 1)
        reader, second = await asyncio.open_connection("127.0.0.1", here.port)
        with suppress(ConnectionResetError):  # or the end: as the kernel has it
            assert await reader.read() == b""
        first.close()
        second.close()


@pytest.mark.parametrize("first", [b"", b"hello"])
async def test_two_ends_that_say_nothing_any_more_are_parted(first: bytes) -> None:
    async with yard(Limits(idle=0.1), host=Stall(listens=False)) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(connect(f"model.test:{here.host.port}").encode() + first)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.read() == b""
        writer.close()
        await here.host.left()


async def test_an_end_that_closes_closes_the_other() -> None:
    async def brief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        await writer.drain()

    async with yard(host=brief) as here:
        status, said = await here.say(connect("model.test:{at}"))
        assert (status, said) == (200, b"bye")
        await until(lambda: len(here.gatehouse) == 0)


async def test_a_gate_that_closes_sends_everybody_away() -> None:
    async with yard(host=Stall(listens=False)) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(connect(f"model.test:{here.host.port}").encode())
        await reader.readuntil(b"\r\n\r\n")
        await here.gatehouse.aclose()
        await here.host.left()
        writer.close()


@pytest.mark.parametrize(
    "endpoint",
    [("Model.test", 443), ("model.test.", 443), ("127.0.0.1", 443), ("model", 443), ("a.b", 0)],
)
def test_a_list_is_written_in_the_one_way(endpoint: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"host's name|port"):
        Doors(frozenset({endpoint}))


STRANGERS = Doors(
    frozenset({("model.test", 9443)}),
    ports=frozenset({80, 443}),
    others=frozenset({"google.test"}),
)
"""A gate by which linked pictures are read."""


@pytest.mark.parametrize(
    ("target", "admitted"),
    [
        ("pictures.test:443", True),
        ("pictures.test:80", True),
        ("a.google.test:443", True),  # another host: only whose it is can be told by a name
        ("pictures.test:22", False),
        ("pictures.test.:443", False),
        ("Pictures.test:443", False),
        ("pictures:443", False),
        ("google.test:443", False),
        ("google.test:80", False),
        ("google.test.:443", False),
        ("GOOGLE.test:443", False),
        ("model.test:9443", True),
        ("model.test:443", False),  # a listed host at its own port
        ("142.250.74.10:443", False),
        ("2398767626:443", False),
        ("0x8e.0xfa.74.10:443", False),
        ("[2607:f8b0::10]:443", False),
    ],
)
def test_a_gate_for_links_lets_out_to_strangers_and_not_to_other_paths_hosts(
    target: str, admitted: bool
) -> None:
    head = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
    if admitted:
        host, _, port = target.rpartition(":")
        assert STRANGERS.admit(head) == (host, int(port))
    else:
        with pytest.raises(TurnedAway) as turned:
            STRANGERS.admit(head)
        assert turned.value.status == 403


async def test_a_stranger_s_name_that_leads_inside_is_turned_away() -> None:
    async with yard() as here:
        names = Names({"pictures.test": ["127.0.0.1"], "both.test": ["93.184.216.34", "10.0.0.1"]})
        doors = Doors(frozenset(), ports=frozenset({here.canary.port}))
        async with keeping(Gatehouse(doors, names), "127.0.0.1") as port:
            inside = replace(here, port=port)
            for name in names.known:
                status, told = await inside.say(connect(name + ":{c}"))
                assert (status, b"not a public one" in told) == (403, True)
        assert here.canary.accepted == 0


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_what_a_gate_for_links_admits_is_a_name_of_nobody_s_at_a_port_of_the_web(
    target: str,
) -> None:
    try:
        host, port = STRANGERS.admit(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode("latin-1"))
    except TurnedAway:
        return
    assert (host, port) == ("model.test", 9443) or (is_name(host) and port in (80, 443))
    assert f"{host}:{port}" == target
    assert host != "google.test"


@given(st.text(st.characters(max_codepoint=255), max_size=40) | st.just("model.test:443"))
def test_only_the_listed_text_is_admitted(target: str) -> None:
    doors = Doors(frozenset({("model.test", 443)}))
    head = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode("latin-1")
    if target == "model.test:443":
        assert doors.admit(head) == ("model.test", 443)
    else:
        with pytest.raises(TurnedAway):
            doors.admit(head)
