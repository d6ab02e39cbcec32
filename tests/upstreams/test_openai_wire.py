import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from portico.chat.reply import Reply
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from portico.routing.attempts import Kind
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.openai import OpenAI
from portico.upstreams.reasonings import Reasonings
from tests.upstreams.openai_asks import ask
from tests.upstreams.openai_calls import answer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(Direct())
    yield pool
    await pool.aclose()


def http(body: bytes, media: str | None = "text/event-stream", status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n"
    return (head + (f"content-type: {media}\r\n" if media else "") + "\r\n").encode() + body


def chunked(body: bytes) -> bytes:
    """A stream's head and its first packet, with more to come."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
    return head + b"\r\n\r\n%x\r\n%b\r\n" % (len(body), body)


@asynccontextmanager
async def provider(*answers: bytes, patient: bool = False) -> AsyncIterator[str]:
    """Answers each question with the next bytes; a patient one then waits for the hang-up."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while left:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                sizes = [line[16:] for line in head.split("\r\n") if "content-length" in line]
                await reader.readexactly(int(sizes[0]) if sizes else 0)
                writer.write(left.pop(0))
                await writer.drain()
            if patient:
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({"choices": [choice]}) + b"\n\n"


COMPLETION = msgspec.json.encode(
    {
        "object": "chat.completion",
        "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}],
    }
)


async def asking(
    pool: Pool, answers: Sequence[bytes], stream: bool = True, patient: bool = False
) -> Reply:
    async with provider(*answers, patient=patient) as base:
        return await answer(OpenAI(Account("up", base, pool), Reasonings()), ask(stream=stream))


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", None])
async def test_a_whole_answer_to_a_question_for_a_stream_is_taken(
    pool: Pool, media: str | None
) -> None:
    reply = await asking(pool, [http(COMPLETION, media)])
    assert reply.choices[0].text == "whole"


async def test_a_large_whole_answer_is_no_exception(pool: Pool) -> None:
    large = COMPLETION.replace(b"whole", b"whole" * 50_000)
    reply = await asking(pool, [http(large, "application/json")])
    assert len(reply.choices[0].text) == 250_000


async def test_a_whole_answer_of_fewer_choices_than_were_asked_for_is_whole(pool: Pool) -> None:
    async with provider(http(COMPLETION, "application/json")) as base:
        upstream = OpenAI(Account("up", base, pool), Reasonings())
        reply = await answer(upstream, ask(n=3))
    assert [choice.text for choice in reply.choices] == ["whole"]


async def test_a_stream_in_answer_to_a_question_for_a_whole_answer_is_taken(pool: Pool) -> None:
    reply = await asking(pool, [http(event("str") + event("eam", "stop"))], stream=False)
    assert reply.choices[0].text == "stream"


async def test_an_answer_is_over_at_done_though_the_provider_holds_the_line(pool: Pool) -> None:
    body = event("a", "stop") + b"data: [DONE]\n\n"
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    held = head + b"%x\r\n%b\r\n" % (len(body), body)
    assert (await asking(pool, [held], patient=True)).choices[0].text == "a"


async def test_an_answer_that_told_its_finish_is_whole_though_the_line_is_lost_before_done(
    pool: Pool,
) -> None:
    said = await asking(pool, [chunked(event("a") + event("b", "stop"))])
    assert (said.choices[0].text, said.choices[0].finish) == ("ab", "stop")
    with pytest.raises(UpstreamFailed):
        await asking(pool, [chunked(event("a"))])


async def test_a_connection_is_kept_though_the_end_comes_after_done(pool: Pool) -> None:
    begun = chunked(event("a", "stop") + b"data: [DONE]\n\n")
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:  # a body has no blank line: it is read with the next head
                await reader.readuntil(b"\r\n\r\n")
                for piece in (begun, b"2\r\n:)\r\n", b"0\r\n\r\n"):
                    writer.write(piece)
                    for _ in range(9):
                        await asyncio.sleep(0)  # a packet of its own
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24)
    async with server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        asked = OpenAI(Account("up", base, pool), Reasonings())
        for _ in range(3):
            assert (await answer(asked, ask(stream=True))).choices[0].text == "a"
        await pool.aclose()
    assert connections == 1


async def test_an_event_cut_in_two_by_a_clean_end_is_a_cut_answer(pool: Pool) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await asking(pool, [http(event("a") + event("b", "stop")[:-20])])
    assert caught.value.failure.detail == "the stream ended without a finish reason"


async def test_a_last_event_without_its_blank_line_still_counts(pool: Pool) -> None:
    assert (await asking(pool, [http(event("a", "stop").strip())])).choices[0].text == "a"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"boom","code":500}}', Kind.UNAVAILABLE),
        (b'{"code":50505,"message":"busy"}', Kind.UNAVAILABLE),
        (b'{"status":"ok"}', Kind.GARBLED),
        (b'{"hello":1}', Kind.GARBLED),
        (b"  ", Kind.UNAVAILABLE),
    ],
)
async def test_a_success_that_holds_no_answer_is_a_failure(
    pool: Pool, body: bytes, kind: Kind, stream: bool
) -> None:
    for media in ("application/json", "text/plain"):
        with pytest.raises(UpstreamFailed) as caught:
            await asking(pool, [http(body, media)], stream=stream)
        assert caught.value.failure.kind is kind


async def test_a_whole_answer_without_a_finish_is_a_failure(pool: Pool) -> None:
    body = b'{"choices":[{"message":{"content":"half"}}]}'
    with pytest.raises(UpstreamFailed) as caught:
        await asking(pool, [http(body, "application/json")], stream=False)
    assert caught.value.failure.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_cut_by_the_connection_is_unavailable(pool: Pool, stream: bool) -> None:
    for cut in (http(b"x" * 99)[:-9], http(b"x" * 99, status=200, media="application/json")[:-9]):
        with pytest.raises(UpstreamFailed) as caught:
            await asking(pool, [cut], stream=stream)
        assert caught.value.failure.kind is Kind.UNAVAILABLE


async def test_an_error_whose_body_was_lost_is_told_by_its_status(pool: Pool) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await asking(pool, [http(b"x" * 99, status=401)[:-9]])
    assert (caught.value.failure.kind, caught.value.failure.status) == (Kind.ACCOUNT, 401)


async def test_an_event_without_an_end_in_sight_is_garbled(pool: Pool) -> None:
    endless = http(b"data: " + b"x" * (33 * 1024 * 1024))
    with pytest.raises(UpstreamFailed) as caught:
        await asking(pool, [endless])
    assert caught.value.failure.kind is Kind.GARBLED


async def models(pool: Pool, reply: bytes) -> frozenset[str] | None:
    async with provider(reply) as base:
        return await OpenAI(Account("up", base, pool), Reasonings()).models()


@pytest.mark.parametrize(
    ("reply", "ids"),
    [
        (http(b'{"object":"list","data":[{"id":"a"},{"id":"b"}]}'), frozenset("ab")),
        (http(b'[{"id":"a","type":"chat"}]'), frozenset("a")),
        (http(b'{"data":[]}'), None),
        (http(b"", status=404), None),
    ],
)
async def test_a_list_of_models_has_several_shapes_and_an_empty_one_says_nothing(
    pool: Pool, reply: bytes, ids: frozenset[str] | None
) -> None:
    assert await models(pool, reply) == ids


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (http(b"<html>"), Kind.GARBLED),
        (http(b'{"models":[]}'), Kind.GARBLED),
        (http(b'"Invalid token"', status=401), Kind.ACCOUNT),
        (http(b"x" * 99)[:-9], Kind.UNAVAILABLE),
    ],
)
async def test_a_list_that_cannot_be_read_is_a_failure(
    pool: Pool, reply: bytes, kind: Kind
) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await models(pool, reply)
    assert caught.value.failure.kind is kind
