import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest

from portico.chat.reply import Batch, Delta, collect
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from portico.routing.attempts import Failure, Kind
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.upstreams.base import Account, Ask, UpstreamFailed
from portico.upstreams.gemini import Gemini
from portico.upstreams.signatures import Signatures
from tests.upstreams.gemini_asks import MODEL, ask, raw, tool

pytestmark = pytest.mark.anyio

KEY = "AIza-secret"
NOW = 1_800_000_000.0


class Provider:
    """Something that listens on a socket, notes what it is sent, and answers as it is told."""

    def __init__(self, *answers: bytes, patient: bool = False) -> None:
        self.answers = list(answers)
        self.patient = patient  # waits for the caller to hang up
        self.left = asyncio.Event()
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1beta"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        sizes = [int(line[16:]) for line in head.split("\r\n") if line.startswith("content-length")]
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(sum(sizes)))
        writer.write(self.answers.pop(0))
        await writer.drain()
        if self.patient:
            with suppress(ConnectionError):
                await reader.read()
            self.left.set()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def answer(
    body: bytes, status: int = 200, media: str = "text/event-stream", short: int = 0
) -> bytes:
    """An HTTP answer; *short* bytes fewer are sent than it promises."""
    length = len(body) + short
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n"
    return head.encode() + body


def event(text: str, finish: str | None = None) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return b"data: " + msgspec.json.encode({"candidates": [candidate]}) + b"\r\n\r\n"


@asynccontextmanager
async def google(url: str, *, tunnelled: bool = False) -> AsyncIterator[Gemini]:
    pool = Pool(Direct())
    try:
        account = Account("google", url, pool, KEY, tunnelled=tunnelled)
        yield Gemini(account, Signatures(), lambda: NOW)
    finally:
        await pool.aclose()


async def taken(gemini: Gemini, asked: Ask) -> list[Batch]:
    async with gemini.open(asked) as batches:
        return [batch async for batch in batches]


async def deltas(gemini: Gemini, asked: Ask) -> Batch:
    return [delta for batch in await taken(gemini, asked) for delta in batch]


async def heard(*answers: bytes, asked: Ask | None = None, tunnelled: bool = False) -> Batch:
    async with (
        Provider(*answers).serving() as url,
        google(url, tunnelled=tunnelled) as gemini,
    ):
        return await deltas(gemini, asked or ask(stream=True))


async def failure(*answers: bytes, asked: Ask | None = None, tunnelled: bool = False) -> Failure:
    with pytest.raises(UpstreamFailed) as caught:
        await heard(*answers, asked=asked, tunnelled=tunnelled)
    assert KEY not in str(caught.value)
    return caught.value.failure


# -- what is sent


async def test_a_stream_is_asked_for_with_the_key_in_a_header() -> None:
    provider = Provider(answer(event("Hi", "STOP")))
    async with provider.serving() as url, google(url) as gemini:
        assert await deltas(gemini, ask(stream=True)) == [Delta(text="Hi", finish="stop")]
    line, *headers = provider.heads[0].split("\r\n")
    assert line == f"POST /v1beta/models/{MODEL}:streamGenerateContent?alt=sse HTTP/1.1"
    assert f"x-goog-api-key: {KEY}" in headers
    assert "content-type: application/json" in headers
    assert msgspec.json.decode(provider.bodies[0])["contents"][0]["role"] == "user"


async def test_a_whole_answer_is_one_batch() -> None:
    body = event("Hi", "STOP").removeprefix(b"data: ")
    provider = Provider(answer(body, media="application/json"))
    async with provider.serving() as url, google(url) as gemini:
        got = await taken(gemini, ask(model="tunedModels/ours"))
    assert got == [[Delta(text="Hi", finish="stop")]]
    assert provider.heads[0].startswith("POST /v1beta/tunedModels/ours:generateContent HTTP/1.1")


async def test_a_request_that_cannot_be_said_is_not_sent() -> None:
    provider = Provider()
    async with provider.serving() as url, google(url) as gemini:
        with pytest.raises(UpstreamFailed, match="stop"):
            await deltas(gemini, ask(stop=list("abcdef")))
    assert provider.heads == []


async def test_the_key_is_in_no_repr() -> None:
    async with google("http://127.0.0.1:1") as gemini:
        assert KEY not in repr(gemini)


async def test_leaving_hangs_up() -> None:
    provider = Provider(answer(event("Once upon"), short=50), patient=True)
    async with provider.serving() as url, google(url) as gemini:
        async with gemini.open(ask(stream=True)) as batches:
            assert await anext(batches) == [Delta(text="Once upon")]
        await provider.left.wait()


# -- what comes back wrong


async def test_nobody_there_is_unreachable() -> None:
    async with google("http://127.0.0.1:1/v1beta") as gemini:
        for call in (deltas(gemini, ask()), gemini.models()):
            with pytest.raises(UpstreamFailed) as caught:
                await call
            assert caught.value.failure.kind is Kind.UNREACHABLE


async def test_an_error_status_is_read() -> None:
    body = (
        b'{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":'
        b'"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":'
        b'"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"20"}]},{"@type":'
        b'"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"10s"}]}}'
    )
    found = await failure(answer(body, 429, "application/json"))
    assert found.kind is Kind.QUOTA_SPENT
    assert found.until is not None
    assert found.until > NOW


async def test_an_error_whose_body_is_lost_is_judged_by_its_status() -> None:
    found = await failure(answer(b'{"error":', 503, "application/json", short=9))
    assert found.kind is Kind.UNAVAILABLE
    assert found.status == 503


ERROR = b'{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}'


@pytest.mark.parametrize(
    "said",
    [
        b"data: " + ERROR + b"\r\n\r\n",
        ERROR.replace(b",", b",\n  ").replace(b"{", b"{\n  "),
        b"[" + ERROR + b"]",
        b"data: [" + ERROR + b"]\n\n",
    ],
)
@pytest.mark.parametrize("before", [b"", event("Once upon")])
async def test_an_error_inside_a_stream_is_heard_in_every_framing(
    said: bytes, before: bytes
) -> None:
    found = await failure(answer(before + said))
    assert found.kind is Kind.UNAVAILABLE
    assert "overloaded" in found.detail


async def test_an_error_inside_a_whole_answer_is_heard() -> None:
    found = await failure(answer(b"[" + ERROR + b"]"), asked=ask())
    assert (found.kind, found.status) == (Kind.UNAVAILABLE, 503)


CUT = Failure(Kind.UNAVAILABLE, "the stream ended without a finish reason", 200)


@pytest.mark.parametrize(
    "body",
    [
        event("Once upon"),
        event("Once upon") + event("a time", "STOP")[:60],
        event("Once upon") + b"<html>\n",
        event("Once upon", "STOP")[:40],
        b"",
    ],
)
async def test_a_stream_without_a_finish_reason_is_cut(body: bytes) -> None:
    assert await failure(answer(body)) == CUT


async def test_a_cut_stream_has_given_what_came_before() -> None:
    async with (
        Provider(answer(event("Once upon"))).serving() as url,
        google(url) as gemini,
        gemini.open(ask(stream=True)) as batches,
    ):
        assert await anext(batches) == [Delta(text="Once upon")]
        with pytest.raises(UpstreamFailed):
            await anext(batches)


async def test_a_whole_answer_without_a_finish_reason_is_cut() -> None:
    assert await failure(answer(b'{"candidates":[]}'), asked=ask()) == CUT


async def test_the_last_event_may_lack_its_blank_line() -> None:
    assert await heard(answer(event("Hi", "STOP").rstrip())) == [Delta(text="Hi", finish="stop")]


async def test_what_follows_a_finished_answer_cannot_spoil_it() -> None:
    body = event("Hi", "STOP") + event("late")[:30]
    assert await heard(answer(body)) == [Delta(text="Hi", finish="stop")]


async def test_a_lost_connection_is_a_failure_unless_all_was_said() -> None:
    for asked in (ask(stream=True), ask()):
        found = await failure(answer(event("Once upon"), short=50), asked=asked)
        assert found.kind is Kind.UNAVAILABLE
        assert "lost" in found.detail
    assert await heard(answer(event("Hi", "STOP"), short=50)) == [Delta(text="Hi", finish="stop")]


PAGE = b"<!doctype html><html><title>Log in</title><body>Welcome</body></html>"


@pytest.mark.parametrize(("tunnelled", "kind"), [(False, Kind.GARBLED), (True, Kind.REGION)])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_page_is_garbled_and_through_a_tunnel_a_portal(
    tunnelled: bool, kind: Kind, stream: bool
) -> None:
    page = answer(PAGE, media="text/html")
    assert (await failure(page, asked=ask(stream=stream), tunnelled=tunnelled)).kind is kind


@pytest.mark.parametrize("stream", [True, False])
async def test_half_an_answer_is_garbled_and_quoted_nowhere(stream: bool) -> None:
    body = b'{"candidates":[{"content":{"parts":[{"text":"a secret plan"}]}}'
    framed = b"data: " + body + b"\n\n" if stream else body
    found = await failure(answer(framed), asked=ask(stream=stream))
    assert found.kind is Kind.GARBLED
    assert "secret" not in found.detail


async def test_an_endless_event_is_garbled() -> None:
    found = await failure(answer(b"data: " + b"x" * (33 * 1024 * 1024)))
    assert found.kind is Kind.GARBLED


# -- the list of models


async def test_every_page_of_the_list_is_read() -> None:
    pages = (
        b'{"models":[{"name":"models/gemini-3-flash-preview"}],"nextPageToken":"a b"}',
        b'{"models":[{"name":"models/gemini-3.8-flash"}]}',
    )
    provider = Provider(*(answer(page) for page in pages))
    async with provider.serving() as url, google(url) as gemini:
        assert await gemini.models() == {"gemini-3-flash-preview", "gemini-3.8-flash"}
    assert [head.split(" ")[1] for head in provider.heads] == [
        "/v1beta/models?pageSize=1000",
        "/v1beta/models?pageSize=1000&pageToken=a+b",
    ]


async def test_a_list_that_never_ends_is_ended() -> None:
    page = answer(b'{"models":[{"name":"models/x"}],"nextPageToken":"more"}')
    provider = Provider(*[page] * 50)
    async with provider.serving() as url, google(url) as gemini:
        assert await gemini.models() == {"x"}
    assert len(provider.heads) == 20


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(b'{"error":{"code":403,"status":"PERMISSION_DENIED"}}', 403), Kind.ACCOUNT),
        (answer(PAGE, media="text/html"), Kind.GARBLED),
        (answer(b"[1]"), Kind.GARBLED),
    ],
)
async def test_a_list_that_cannot_be_read_is_a_failure(said: bytes, kind: Kind) -> None:
    async with Provider(said).serving() as url, google(url) as gemini:
        with pytest.raises(UpstreamFailed) as caught:
            await gemini.models()
    assert caught.value.failure.kind is kind


# -- with the simulator


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[Simulator, Gemini]]:
    simulator = Simulator()
    async with (
        serve_simulator(simulator) as url,
        google(f"{url}/gemini/v1beta") as gemini,
    ):
        yield simulator, gemini


@pytest.mark.parametrize("stream", [True, False])
async def test_the_simulator_is_understood(stream: bool) -> None:
    async with simulated() as (_, gemini):
        got = collect(await deltas(gemini, ask("SAY: grün, 绿 and done", stream=stream)))
    assert got.choices[0].text == "grün, 绿 and done"
    assert got.choices[0].finish == "stop"
    assert got.usage is not None
    assert got.usage.output > got.usage.reasoning > 0


WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize("forgotten", [True, False])
async def test_a_tool_is_called_and_its_result_accepted(forgotten: bool) -> None:
    """The simulator refuses a missing or foreign signature in Google's words."""
    question: list[dict[str, Any]] = [{"role": "user", "content": "The weather?"}]
    tools = [tool("get_weather", WEATHER)]
    async with simulated() as (_, gemini):
        asked = ask(question, stream=True, tools=tools, tool_choice=raw("required"))
        [first] = collect(await deltas(gemini, asked)).choices
        assert first.finish == "tool_calls"
        [made] = first.tool_calls
        call_id = "call_of_another_model" if forgotten else made.id
        function = {"name": made.name, "arguments": made.arguments}
        call = {"id": call_id, "type": "function", "function": function}
        history = [
            *question,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": '{"sky": "blue"}'},
        ]
        [second] = collect(await deltas(gemini, ask(history, stream=True, tools=tools))).choices
    assert second.finish == "stop"
    assert second.text


async def test_the_models_that_google_lists_are_read() -> None:
    async with simulated() as (_, gemini):
        assert MODEL in await gemini.models()
