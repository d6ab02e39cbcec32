import asyncio
import ssl
from pathlib import Path

import pytest

from portico.egress.clients import (
    ConnectFailed,
    ConnectionLost,
    HTTPRequest,
    HungUp,
    NotHTTP,
    Piece,
    TooLarge,
)
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from tests.egress.servers import Stall, answering, request, serving, settled

pytestmark = pytest.mark.anyio

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


async def ask(pool: Pool, url: str, body: bytes | tuple[Piece, ...] = b"{}") -> bytes:
    async with pool.send(HTTPRequest(url, body=body)) as answer:
        return await answer.read()


@pytest.mark.parametrize("answer", [HI, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + HI])
async def test_a_kept_connection_carries_the_next_request(answer: bytes) -> None:
    async with answering(answer) as server:
        pool = Pool(Direct())
        assert [await ask(pool, server.url()) for _ in range(3)] == [b"hi"] * 3
        assert (server.accepted, pool.connections) == (1, 1)
        await pool.aclose()
        await server.left()
        assert pool.connections == 0


async def test_the_head_and_the_body_arrive_as_they_were_written() -> None:
    async with answering(HI) as server:
        pool = Pool(Direct())
        async with pool.send(HTTPRequest(server.url("/v1?x=1"), {"x-a": "b"}, b"{}")) as answer:
            assert (answer.status, answer.headers["content-length"]) == (200, "2")
            assert [chunk async for chunk in answer.chunks()] == [b"hi"]
        await pool.aclose()
        host = f"127.0.0.1:{server.port}".encode()
        head = b"POST /v1?x=1 HTTP/1.1\r\nhost: %b\r\nx-a: b\r\ncontent-length: 2\r\n\r\n{}"
        assert server.asked == [head % host]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_large_bodies_arrive_whole_one_after_the_other(
    scheme: str, tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls if scheme == "https" else None) as server:
        pool = Pool(Direct(), trust)
        body = bytes(range(256)) * 20_000
        pieces = (b"{", memoryview(body), b"", b"}")
        await ask(pool, server.url(scheme=scheme), body)
        await ask(pool, server.url(scheme=scheme), pieces)
        assert pool.connections == 1
        await pool.aclose()
        assert server.asked[0].endswith(b"\r\n\r\n" + body)
        assert server.asked[1].endswith(b"\r\n\r\n{" + body + b"}")


async def test_who_answers_before_a_large_body_has_come_is_heard_and_not_asked_again() -> None:
    refused = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"
    held = asyncio.Event()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refused)
        await held.wait()  # reads no more of it, and does not hang up either

    async with serving(hasty) as server:
        pool = Pool(Direct())
        body = bytes(64_000_000)  # more than the system takes before anybody has read it
        async with pool.send(HTTPRequest(server.url(), body=body)) as answer:
            assert (answer.status, await answer.read()) == (413, b"no")
        await settled(pool, 0)
        held.set()
        await pool.aclose()


async def test_an_answer_that_ends_with_its_connection_is_whole() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\nhi", then_close=True) as server:
        pool = Pool(Direct())
        assert [await ask(pool, server.url()) for _ in range(2)] == [b"hi"] * 2
        assert server.accepted == 2
        await pool.aclose()


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    async with answering(HI, then_close=True) as server:
        pool = Pool(Direct())
        await ask(pool, server.url())
        await server.left()
        await settled(pool, 0)
        assert await ask(pool, server.url()) == b"hi"
        assert server.accepted == 2
        await pool.aclose()


async def test_a_kept_connection_that_its_server_is_just_closing_loses_no_request() -> None:
    """The end is on its way when the next request is: it is asked anew, on a new connection."""
    async with answering(HI, then_close=True) as server:
        pool = Pool(Direct())
        assert [await ask(pool, server.url()) for _ in range(20)] == [b"hi"] * 20
        assert server.accepted == 20
        await pool.aclose()


async def test_a_server_that_hangs_up_on_a_new_connection_is_not_asked_again() -> None:
    async with answering(b"", then_close=True) as server:
        pool = Pool(Direct())
        with pytest.raises(HungUp):
            await ask(pool, server.url())
        assert server.accepted == 1
        await pool.aclose()


@pytest.mark.parametrize("read", [0, 1])
async def test_a_connection_left_in_the_middle_of_an_answer_is_never_used_again(read: int) -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi"
    async with answering(half) as server:
        pool = Pool(Direct())
        for _ in range(2):
            async with pool.send(HTTPRequest(server.url())) as answer:
                chunks = aiter(answer.chunks())
                assert [await anext(chunks) for _ in range(read)] == [b"hi"] * read
        await server.left()
        assert (server.accepted, pool.connections) == (2, 0)
        await pool.aclose()


async def test_an_error_of_the_reader_ends_the_connection() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi") as server:
        pool = Pool(Direct())
        with pytest.raises(TooLarge):
            async with pool.send(HTTPRequest(server.url())) as answer:
                await answer.read(1)
        await server.left()
        assert pool.connections == 0
        await pool.aclose()


async def test_an_answer_is_read_only_inside_its_context() -> None:
    async with answering(HI) as server:
        pool = Pool(Direct())
        async with pool.send(HTTPRequest(server.url())) as answer:
            await answer.read()
        with pytest.raises(RuntimeError, match="inside its context"):
            await answer.read()
        assert (answer.status, answer.headers) == (200, {"content-length": "2"})
        await pool.aclose()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-"])
async def test_a_connection_lost_before_the_head_is_said_to_be(said: bytes) -> None:
    async with answering(said, then_close=True) as server:
        pool = Pool(Direct())
        with pytest.raises(ConnectionLost, match="before its head was complete"):
            await ask(pool, server.url())
        assert pool.connections == 0
        await pool.aclose()


async def test_a_connection_lost_midway_is_said_to_be() -> None:
    half = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"
    async with answering(half, then_close=True) as server:
        pool = Pool(Direct())
        async with pool.send(HTTPRequest(server.url())) as answer:
            chunks = aiter(answer.chunks())
            assert await anext(chunks) == b"hi"
            with pytest.raises(ConnectionLost, match="midway"):
                await anext(chunks)
        assert pool.connections == 0
        await pool.aclose()


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-x\r\n", b"HTTP/1.1 101 S\r\nupgrade: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n: x"]
)
async def test_what_is_not_http_is_said_not_to_be(said: bytes) -> None:
    async with answering(said) as server:
        pool = Pool(Direct())
        with pytest.raises(NotHTTP):
            await ask(pool, server.url())
        await server.left()
        assert pool.connections == 0
        await pool.aclose()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_reader_that_does_not_read_holds_the_server_back(
    secure: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    total, piece, sent = 50_000_000, b"x" * 100_000, 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        while sent < total:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
        await reader.read()

    async with serving(flood, tls if secure else None) as server:
        pool = Pool(Direct(), trust)
        url = server.url(scheme="https" if secure else "http")
        async with pool.send(HTTPRequest(url)) as answer:
            before = -1
            while sent > before:  # until the server has come to a halt
                before = sent
                await asyncio.sleep(0.2)
            assert sent < total
            chunks = aiter(answer.chunks())
            first = len(await anext(chunks))
            assert first < 2_000_000
            assert first + sum([len(chunk) async for chunk in chunks]) == total
        await pool.aclose()


STAGES = {
    "tls": Stall(listens=False),
    "head": Stall(),
    "half a head": Stall(said=b"HTTP/1.1 200 OK\r\n"),
    "body": Stall(said=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"),
}


@pytest.mark.parametrize("stage", STAGES)
async def test_cancelling_leaves_no_connection_behind(stage: str) -> None:
    stall = Stall(listens=STAGES[stage].listens, said=STAGES[stage].said)
    async with serving(stall) as server:
        pool = Pool(Direct())
        url = server.url(scheme="https" if stage == "tls" else "http")
        task = asyncio.create_task(ask(pool, url))
        await stall.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.left()
        assert pool.connections == 0
        await pool.aclose()


@pytest.mark.parametrize("secure", [False, True])
async def test_cancelling_at_any_turn_of_the_loop_leaves_nothing_in_use(
    secure: bool, tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(CHUNKED, tls=tls if secure else None) as server:
        url = server.url(scheme="https" if secure else "http")
        pool = Pool(Direct(), trust)
        for turns in range(40):
            task = asyncio.create_task(ask(pool, url))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert await ask(pool, url) == b"hi"
        await pool.aclose()
        await server.left()
        assert pool.connections == 0


async def test_a_port_that_nobody_listens_on_is_no_connection() -> None:
    async with serving(Stall()) as server:
        url = server.url()
    with pytest.raises(ConnectFailed, match=r"connection refused$"):
        await ask(Pool(Direct()), url)


async def test_a_name_that_nobody_knows_is_no_connection() -> None:
    with pytest.raises(ConnectFailed):
        await ask(Pool(Direct()), "http://portico.invalid/")


async def test_nothing_is_dialled_for_a_header_that_would_split_the_head() -> None:
    async with serving(Stall()) as server:
        with pytest.raises(ConnectFailed, match="line break"):
            async with Pool(Direct()).send(HTTPRequest(server.url(), {"x": "a\r\nx-b: c"})):
                pass
        assert server.accepted == 0


async def test_a_server_that_never_answers_the_handshake_is_given_up() -> None:
    stall = Stall(listens=False)
    async with serving(stall) as server:
        pool = Pool(Direct())
        with pytest.raises(ConnectFailed, match=r"no connection within 0\.1 s"):
            async with pool.send(HTTPRequest(server.url(scheme="https"), connect=0.1)):
                pass
        await server.left()
        assert pool.connections == 0


async def test_tls_is_believed_only_to_known_roots_and_the_right_name(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls) as server:
        lab = Pool(Direct(), trust)
        assert await ask(lab, server.url(scheme="https")) == b"hi"
        with pytest.raises(ConnectFailed, match="TLS failed: CERTIFICATE_VERIFY_FAILED"):
            await ask(lab, server.url(scheme="https", host="localhost"))
        strict = Pool(Direct())
        with pytest.raises(ConnectFailed, match="TLS failed: CERTIFICATE_VERIFY_FAILED"):
            await ask(strict, server.url(scheme="https"))
        assert (lab.connections, strict.connections) == (1, 0)
        await lab.aclose()


async def test_a_server_without_tls_fails_the_handshake() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(plain) as server:
        with pytest.raises(ConnectFailed):
            await ask(Pool(Direct()), server.url(scheme="https"))


async def test_a_file_of_roots_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Pool(Direct(), tmp_path / "none.pem")


async def test_closing_the_pool_ends_what_is_under_way_and_refuses_what_comes() -> None:
    stall = Stall(said=b"HTTP/1.1 200 OK\r\n\r\nhi")
    async with serving(stall) as server:
        pool = Pool(Direct())
        async with pool.send(HTTPRequest(server.url())) as answer:
            chunks = aiter(answer.chunks())
            assert await anext(chunks) == b"hi"
            await pool.aclose()
            with pytest.raises(ConnectionLost):
                await anext(chunks)
        await server.left()
        with pytest.raises(ConnectFailed, match="closed"):
            await ask(pool, server.url())
        await pool.aclose()
        assert pool.connections == 0


async def test_closing_the_pool_while_it_dials_sends_nothing(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with answering(HI, tls=tls) as server:
        pool = Pool(Direct(), trust)
        task = asyncio.create_task(ask(pool, server.url(scheme="https")))
        await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises(ConnectFailed):
            await task
        await server.left()
        assert server.asked == []


async def test_a_connection_that_rested_too_long_is_hung_up_without_being_asked() -> None:
    async with answering(HI) as server:
        pool = Pool(Direct(), keep=0.0)
        assert [await ask(pool, server.url()) for _ in range(2)] == [b"hi"] * 2
        await server.left()
        assert (server.accepted, pool.connections) == (2, 0)
        await pool.aclose()


async def test_more_than_enough_connections_are_not_kept() -> None:
    async with answering(HI) as server:
        pool = Pool(Direct())
        async with asyncio.TaskGroup() as group:
            for _ in range(150):
                group.create_task(ask(pool, server.url()))
        await settled(pool, 128)
        await pool.aclose()


async def test_many_at_once_have_a_connection_each_and_keep_them() -> None:
    async with answering(HI) as server:
        pool = Pool(Direct())
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(ask(pool, server.url()))
        assert server.accepted == 20
        await pool.aclose()


async def test_origins_do_not_share_connections() -> None:
    async with answering(HI) as one, answering(HI) as other:
        pool = Pool(Direct())
        for server in (one, other, one, other):
            await ask(pool, server.url())
        assert (one.accepted, other.accepted) == (1, 1)
        await pool.aclose()
