"""What is not HTTP as we speak it, or goes on for ever: refused in the envelope, and alone."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from portico.api.front import MOST_HEAD, MOST_HEADERS, Front
from tests.api.wires import asked, connect, head, spoken
from tests.serving import served

pytestmark = pytest.mark.anyio

CLOSE = {"connection": "close"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body that came; slowly, in two pieces, where the path says so."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/slow":
        await send({"type": "http.response.body", "body": b"<", "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": body})


BOMBS = {
    "one header of a megabyte": head(x="a" * 1_000_000),
    "a header without an end": head()[:-2] + b"x: " + b"a" * 200_000,
    "a header name without an end": head()[:-2] + b"a" * 200_000,
    "a target without an end": b"GET /" + b"a" * 200_000,
    "a giant target": head("GET", "/" + "a" * (MOST_HEAD + 1)),
    "ten thousand headers": head(**{f"h{i}": i for i in range(10_000)}),
    "one header too many": head(**{f"h{i}": i for i in range(MOST_HEADERS)}),
    "a bomb of trailers": head(transfer_encoding="chunked") + b"0\r\n" + b"x: y\r\n" * 50_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_head_that_is_too_large_is_431(bomb: bytes) -> None:
    async with served(echo) as url:
        answer = await asked(url, bomb)

    assert answer.status == 431
    assert answer.error["code"] == "request_too_large"
    assert answer.headers["connection"] == "close"
    assert "aaa" not in answer.error["message"]


async def test_a_head_just_within_the_bounds_is_read() -> None:
    many = {f"h{i}": "v" for i in range(MOST_HEADERS - 3)}
    async with served(echo) as url:
        wide = await asked(url, head("GET", "/", x="a" * (MOST_HEAD - 100), **CLOSE))
        full = await asked(url, head("GET", "/", **CLOSE, **many))

    assert (wide.status, full.status) == (200, 200)


CHUNKED = head(transfer_encoding="chunked")
NOT_HTTP = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a method without an end": b"G" * 200_000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version nobody knows": b"GET / HTTP/9.9\r\n\r\n",
    "a proxy's request": b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n",
    "both lengths": head(content_length=5, transfer_encoding="chunked") + b"0\r\n\r\n",
    "both lengths, the other way": head(transfer_encoding="chunked", content_length=5) + b"0\r\n",
    "two lengths": head(content_length=5)[:-2] + b"content-length: 6\r\n\r\nhello!",
    "a negative length": head(content_length=-5) + b"hello",
    "a signed length": head(content_length="+5") + b"hello",
    "a length beyond numbers": head(content_length="9" * 30) + b"hello",
    "a coding nobody knows": head(transfer_encoding="xchunked") + b"0\r\n\r\n",
    "chunked before the last": head(transfer_encoding="chunked, identity") + b"0\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n",
    "a chunk beyond numbers": CHUNKED + b"f" * 20 + b"\r\nabc\r\n",
    "a chunk longer than it says": CHUNKED + b"2\r\n{}xxxx\r\n0\r\n\r\n",
    "a folded header": head()[:-2] + b"x: a\r\n b\r\n\r\n",
    "a space before the colon": head()[:-2] + b"x : a\r\n\r\n",
    "bare line feeds": head(content_length=0).replace(b"\r\n", b"\n"),
    "a nul in a header": head(x="a\0b"),
    "a target that is not ASCII": "GET /modèles HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP)
async def test_what_is_not_http_or_could_be_read_in_two_ways_is_400(data: bytes) -> None:
    async with served(echo) as url:
        answer = await asked(url, data)

    assert answer.status == 400
    assert answer.error["code"] == "malformed_request"
    assert answer.headers["connection"] == "close"


async def test_requests_in_one_write_are_answered_in_order() -> None:
    bodies = [b"one", b"two", b"three"]
    asks = [head(content_length=len(body)) + body for body in bodies[:2]]
    async with served(echo) as url:
        answers = await spoken(url, b"".join(asks) + head(content_length=5, **CLOSE) + b"three")

    assert [answer.body for answer in answers] == bodies


@pytest.mark.parametrize("path", ["/", "/slow"])
async def test_rubbish_after_a_request_does_not_get_into_its_answer(path: str) -> None:
    async with served(echo) as url:
        ask = head(path=path, content_length=3) + b"one"
        answers = await spoken(url, ask + b"no such thing\r\n\r\n")
        first, *rest = await spoken(url, ask + head(x="a" * 1_000_000))

    assert [(answer.status, answer.body[-3:]) for answer in answers] == [(200, b"one")]
    assert answers[0].headers["connection"] == "close"
    assert (first.status, first.body[-3:]) == (200, b"one")
    assert [answer.status for answer in rest] in ([], [431])  # it may have had its answer before


async def test_whoever_has_asked_twice_and_leaves_is_missed_by_the_first_answer() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def patient(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await echo(scope, receive, send)
            return
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with served(patient) as url:
        _, writer = await connect(url)
        writer.write(head("GET", "/") * 3)
        async with asyncio.timeout(10):
            await begun.wait()
            writer.close()
            await left.wait()


async def test_rubbish_in_the_body_of_an_answered_request_ends_the_connection() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await echo(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with served(hasty) as url:
        reader, writer = await connect(url)
        writer.write(CHUNKED)
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"zz\r\n")
        rest = await reader.read()
        writer.close()

    assert first.startswith(b"HTTP/1.1 204")
    assert rest == b""


async def test_rubbish_in_a_body_does_not_get_into_an_answer_that_has_begun() -> None:
    more = asyncio.Event()

    async def eager(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await echo(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await more.wait()
        await send({"type": "http.response.body", "body": b"two"})

    async with served(eager) as url:
        reader, writer = await connect(url)
        writer.write(CHUNKED)
        await reader.readuntil(b"one \r\n")
        writer.write(b"zz\r\n")
        async with asyncio.timeout(10):
            assert (await asked(url, b"rubbish\r\n\r\n")).status == 400  # by now zz is read as well
        more.set()
        rest = await reader.read()
        writer.close()

    assert rest == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_whoever_is_refused_may_finish_and_read_why() -> None:
    async with served(echo) as url:
        reader, writer = await connect(url)
        writer.write(head()[:-2] + b"x: ")
        for _ in range(50):
            writer.write(b"a" * 65_536)
            await writer.drain()  # raises where the connection was reset
            await asyncio.sleep(0.001)
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 431")


async def test_an_answer_to_http_1_0_has_no_chunks_and_ends_with_the_connection() -> None:
    ask = head("POST", "/slow", content_length=5).replace(b"HTTP/1.1", b"HTTP/1.0") + b"hello"
    async with served(echo) as url:
        reader, writer = await connect(url)
        writer.write(ask)
        answer = await reader.read()
        writer.close()

    told, body = answer.split(b"\r\n\r\n", 1)
    assert body == b"<hello"
    assert b"transfer-encoding" not in told
    assert b"connection: close" in told


async def test_an_answer_to_http_1_0_that_says_its_length_is_that_long() -> None:
    async def measured(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await echo(scope, receive, send)
            return
        told = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        await send({"type": "http.response.body", "body": b"llo"})

    async with served(measured) as url:
        reader, writer = await connect(url)
        writer.write(head("GET", "/").replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await reader.read()
        writer.close()

    assert answer.endswith(b"\r\n\r\nhello")
    assert b"content-length: 5" in answer


@pytest.mark.parametrize("offer", ["h2c", "websocket"])
async def test_an_offer_of_another_protocol_is_ignored(offer: str) -> None:
    told = {"connection": "Upgrade, HTTP2-Settings", "upgrade": offer, "http2_settings": "AAMAAABk"}
    first = head(content_length=5, **told) + b"hello"
    async with served(echo) as url:
        answers = await spoken(url, first + head("GET", "/", **CLOSE))
        chunks = head(transfer_encoding="chunked", **told) + b"2\r\nhi\r\n0\r\n\r\n"
        chunked = await spoken(url, chunks + head("GET", "/", **CLOSE))

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"hello"), (200, b"")]
    assert [(answer.status, answer.body) for answer in chunked] == [(200, b"hi"), (200, b"")]


class Hurried(Front):
    """Does not wait for anybody."""

    slowest_head = 0.01


@pytest.mark.parametrize("begun", [b"POST / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx: "])
async def test_a_head_that_stops_coming_is_408(begun: bytes) -> None:
    config = Config(echo, log_config=None, lifespan="off", ws="none")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Hurried(config, state, {}), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        whole = head("GET", "/", **CLOSE)
        answer = await asked(f"http://127.0.0.1:{port}", begun)
        quick = await asked(f"http://127.0.0.1:{port}", whole)

    assert answer.status == 408
    assert answer.error["code"] == "malformed_request"
    assert quick.status == 200


async def test_whoever_waits_to_send_the_body_is_told_to() -> None:
    async with served(echo) as url:
        reader, writer = await connect(url)
        writer.write(head(content_length=2, expect="100-continue", **CLOSE))
        told = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hi")
        answer = await reader.read()
        writer.close()

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"hi" in answer
