import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from portico.egress.clients import ConnectFailed, EgressError, TunnelDown
from portico.egress.httpx import MOST_ERROR, Carrier
from portico.egress.paths import Direct, Path, Tunnel, Via
from portico.egress.pool import Pool

pytestmark = pytest.mark.anyio


class Notes:
    """A watch that writes down what it sees."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.bodies: list[bytes] = []
        self.heads: list[tuple[int, Mapping[str, str]]] = []
        self.pieces: list[bytes] = []
        self.errors: list[EgressError] = []

    def sending(self, body: bytes) -> None:
        self.bodies.append(body)
        if self.refuses:
            raise LookupError("not this one")

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        self.heads.append((status, headers))

    def heard(self, data: bytes) -> None:
        self.pieces.append(data)

    def lost(self, error: EgressError) -> None:
        self.errors.append(error)


class Server:
    """Answers every connection with the same bytes; `left` is set once a caller has gone."""

    def __init__(self, answer: bytes, *, patient: bool = False) -> None:
        self.answer = answer
        self.patient = patient
        self.heard: list[bytes] = []
        self.left = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            sizes = [line for line in head.split(b"\r\n") if line.startswith(b"content-length")]
            self.heard.append(head + await reader.readexactly(sum(int(x[16:]) for x in sizes)))
            writer.write(self.answer)
            await writer.drain()
            if self.patient:
                await reader.read()
            self.left.set()
        writer.close()


@asynccontextmanager
async def carried(
    notes: Notes, path: Path | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, Carrier]]:
    pool = Pool(path or Direct())
    carrier = Carrier(pool, notes, connect=5)
    try:
        async with httpx.AsyncClient(transport=carrier, trust_env=False) as client:
            yield client, carrier
    finally:
        await pool.aclose()


def whole(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{told}content-length: {len(body)}\r\n\r\n".encode() + body


async def test_a_request_goes_over_the_path_and_its_answer_comes_back() -> None:
    notes, server = Notes(), Server(whole(b"pong", x_from="there"))
    async with server.serving() as url, carried(notes) as (client, _):
        answer = await client.post(f"{url}/ping?a=1", content=b"ping", headers={"x-key": "k"})
    assert (answer.status_code, answer.headers["x-from"], answer.content) == (200, "there", b"pong")
    line, *headers = server.heard[0].split(b"\r\n\r\n")[0].split(b"\r\n")
    assert line == b"POST /ping?a=1 HTTP/1.1"
    assert b"x-key: k" in headers
    assert server.heard[0].endswith(b"\r\n\r\nping")


async def test_the_connections_own_headers_are_the_paths() -> None:
    notes, server = Notes(), Server(whole(b""))
    async with server.serving() as url, carried(notes) as (client, _):
        await client.post(url, content=b"ping")
    headers = server.heard[0].lower().split(b"\r\n")
    names = [line.split(b":")[0] for line in headers]
    assert names.count(b"host") == names.count(b"content-length") == 1
    assert b"accept-encoding: identity" in headers


async def test_the_watch_sees_everything() -> None:
    notes, server = Notes(), Server(whole(b"pong", x_from="there"))
    async with server.serving() as url, carried(notes) as (client, _):
        await client.post(url, content=b"ping")
    assert notes.bodies == [b"ping"]
    assert [(status, headers["x-from"]) for status, headers in notes.heads] == [(200, "there")]
    assert b"".join(notes.pieces) == b"pong"
    assert notes.errors == []


async def test_an_error_answer_is_seen_whole_although_nobody_reads_it() -> None:
    notes, server = Notes(), Server(whole(b'{"error": 1}', "503 Busy"))
    async with (
        server.serving() as url,
        carried(notes) as (client, _),
        client.stream("POST", url) as answer,
    ):
        assert answer.status_code == 503
    assert notes.pieces == [b'{"error": 1}']


async def test_an_endless_error_answer_is_not_read() -> None:
    notes, server = Notes(), Server(whole(b"x" * (MOST_ERROR + 1), "500 No"))
    async with server.serving() as url, carried(notes) as (client, _):
        answer = await client.post(url)
    assert (answer.status_code, answer.content) == (500, b"")


async def test_what_the_watch_refuses_is_not_sent() -> None:
    notes, server = Notes(refuses=True), Server(whole(b""))
    async with server.serving() as url, carried(notes) as (client, _):
        with pytest.raises(LookupError):
            await client.post(url, content=b"ping")
    assert server.heard == []


async def test_a_failed_connection_is_told_and_is_no_error_that_is_retried() -> None:
    notes = Notes()
    async with carried(notes) as (client, _):
        with pytest.raises(httpx.ReadError) as caught:
            await client.post("http://127.0.0.1:1/")
    assert isinstance(notes.errors[0], ConnectFailed)
    assert caught.value.__cause__ is notes.errors[0]


async def test_a_tunnel_that_is_down_is_not_gone_round() -> None:
    notes, server = Notes(), Server(whole(b""))
    tunnel = Tunnel("google", (Via("http", "127.0.0.1", 1),))
    async with server.serving() as url, carried(notes, tunnel) as (client, _):
        with pytest.raises(httpx.ReadError):
            await client.post(url)
    assert isinstance(notes.errors[0], TunnelDown)
    assert server.heard == []


async def test_an_answer_that_breaks_off_is_told() -> None:
    notes = Notes()
    server = Server(whole(b"half").replace(b"length: 4", b"length: 8"))
    async with server.serving() as url, carried(notes) as (client, _):
        with pytest.raises(httpx.ReadError):
            await client.post(url)
    assert b"".join(notes.pieces) == b"half"
    assert len(notes.errors) == 1


async def test_closing_hangs_up_what_is_open() -> None:
    notes = Notes()
    server = Server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", patient=True)
    async with server.serving() as url, carried(notes) as (client, carrier):
        answer = await client.send(client.build_request("POST", url), stream=True)
        await carrier.aclose()
        await server.left.wait()
        await answer.aclose()
    assert server.left.is_set()
