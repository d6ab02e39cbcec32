"""Bad input through real sockets: a clear 4xx, nothing leaked, nobody asked, others served."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from portico.telemetry.logs import JSONFormatter
from tests.api.wires import Answer, asked, connect, enveloped, head, post, spoken
from tests.serving import House, house

pytestmark = pytest.mark.anyio

CANARY = "canary-4f9d1c"
"""Stands in every bad value: no error, no log line may repeat it."""
KEY = f"Bearer pk-{CANARY}"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """Everything the process logs, down to the last detail."""
    root, stream = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(JSONFormatter())
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("bad")) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def unharmed(lab: House, log: io.StringIO) -> AsyncIterator[None]:
    """After every test: nobody was asked, nothing was logged that came, and the next is served."""
    asked_before = chats(lab)
    yield
    assert chats(lab) == asked_before
    assert (await lab.chat()).status_code == 200
    assert lab.serving.gateway.in_flight == 0
    assert CANARY not in log.getvalue()


def chats(lab: House) -> int:
    """How many chats the upstreams have been asked for."""
    return sum(count for (_, model), count in lab.simulator.counts.items() if model)


def body(**changes: Any) -> bytes:
    """A chat body that is fine but for *changes*; a field set to `...` is left out."""
    fine: dict[str, Any] = {"model": "code", "messages": [{"role": "user", "content": CANARY}]}
    fields = {name: value for name, value in (fine | changes).items() if value is not ...}
    return json.dumps(fields).encode()


def said(*messages: Any) -> bytes:
    return body(messages=list(messages))


def user(*parts: Any) -> bytes:
    return said({"role": "user", "content": list(parts)})


def picture(url: Any) -> bytes:
    return user({"type": "image_url", "image_url": {"url": url}})


TOOL = {"type": "function", "function": {"name": "f"}}
PLACE = "messages[0].content[0]"
BAD: dict[str, tuple[bytes, str | None]] = {
    "nothing": (b"", None),
    "not JSON": (f"model={CANARY}".encode(), None),
    "cut JSON": (body()[:-9], None),
    "two values": (body() + body(), None),
    "a list": (b"[%s]" % body(), None),
    "a number": (b"7", None),
    "null": (b"null", None),
    "UTF-16": (body().decode().encode("utf-16"), None),
    "a byte order mark": (b"\xef\xbb\xbf" + body(), None),
    "gzip": (b"\x1f\x8b\x08\x00" + body(), None),
    "bytes that are no text": (body().replace(b"canary", b"\xff\xfe"), None),
    "no text where we do not look": (body(metadata="@").replace(b"@", b"\xc3\x28"), None),
    "half a surrogate": (body().replace(b"canary", b"\\ud800"), None),
    "NaN": (body(temperature=float("nan")), None),
    "nesting without end": (body(x=...)[:-1] + b',"x":' + b"[" * 200_000, None),
    "deep nesting": (body()[:-1] + b',"x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, None),
    "millions of values": (body()[:-1] + b',"x":[' + b"[]," * 5_000_000 + b"1]}", None),
    "millions of objects": (body()[:-1] + b',"x":[' + b'{"a":1},' * 2_000_000 + b"1]}", None),
    "a million parts": (user(*[{"type": "text", "text": ""}] * 1_000_000), None),
    "the same key twice": (body()[:-1] + b',"model":"design"}', "model"),
    "the same key twice, inside": (
        body(messages="@").replace(b'"@"', b'[{"role":"user","content":"a","content":"b"}]'),
        "messages[0].content",
    ),
    "the same key in disguise": (body()[:-1] + b',"mod\\u0065l":"design"}', "model"),
    "no model": (body(model=...), "model"),
    "an empty model": (body(model=""), "model"),
    "a model that is no name": (body(model=[CANARY]), "model"),
    "no messages": (body(messages=...), "messages"),
    "empty messages": (body(messages=[]), "messages"),
    "messages as text": (body(messages=CANARY), "messages"),
    "messages as an object": (body(messages={"0": CANARY}), "messages"),
    "ten thousand messages": (said(*[{"role": "user", "content": CANARY}] * 10_000), "messages"),
    "a message that is none": (said(None), "messages[0]"),
    "no role": (said({"content": CANARY}), "messages[0].role"),
    "a role nobody has": (said({"role": CANARY * 1000, "content": "x"}), "messages[0].role"),
    "content as a number": (said({"role": "user", "content": 5}), "messages[0].content"),
    "no content": (said({"role": "user"}), "messages[0].content"),
    "a part that is none": (user(CANARY), PLACE),
    "a part without a type": (user({"text": CANARY}), f"{PLACE}.type"),
    "a part of no known type": (user({"type": CANARY}), f"{PLACE}.type"),
    "a text part without text": (user({"type": "text"}), f"{PLACE}.text"),
    "a picture without an address": (user({"type": "image_url"}), f"{PLACE}.image_url"),
    "an address that is none": (picture(5), f"{PLACE}.image_url.url"),
    "a picture that is not one": (
        picture(f"data:image/png;base64,{CANARY}="),
        f"{PLACE}.image_url.url",
    ),
    "a picture of text": (
        picture("data:image/png;base64,aGVsbG8gd29ybGQ="),
        f"{PLACE}.image_url.url",
    ),
    "an empty picture": (picture("data:image/png;base64,"), f"{PLACE}.image_url.url"),
    "a picture on a disk": (picture(f"file:///etc/{CANARY}"), f"{PLACE}.image_url.url"),
    "a sound that is missing": (user({"type": "input_audio"}), f"{PLACE}.input_audio"),
    "a file that is missing": (user({"type": "file"}), f"{PLACE}.file"),
    "a film that is missing": (user({"type": "video_url"}), f"{PLACE}.video_url"),
    "stream as text": (body(stream=CANARY), "stream"),
    "stream as a number": (body(stream=1), "stream"),
    "stream options as text": (body(stream=True, stream_options=CANARY), "stream_options"),
    "usage as text": (
        body(stream_options={"include_usage": CANARY}),
        "stream_options.include_usage",
    ),
    "tools as text": (body(tools=CANARY), "tools"),
    "a tool without a function": (body(tools=[{"type": "function"}]), "tools[0].function"),
    "a function without a name": (body(tools=[{"function": {}}]), "tools[0].function.name"),
    "a call without a function": (
        said({"role": "assistant", "tool_calls": [{"id": CANARY}]}),
        "messages[0].tool_calls[0].function",
    ),
    "a shape of no known type": (body(response_format={"type": CANARY}), "response_format.type"),
    "a schema that is missing": (
        body(response_format={"type": "json_schema"}),
        "response_format.json_schema",
    ),
    "tokens as text": (body(max_tokens=CANARY), "max_tokens"),
    "no tokens at all": (body(max_tokens=0), "max_tokens"),
    "too hot": (body(temperature=3), "temperature"),
    "far too hot": (body().replace(b'"model"', b'"temperature":1e999,"model"'), "temperature"),
    "no choice": (body(n=0), "n"),
    "more choices than anybody reads": (body(n=10_000), "n"),
    "a seed without end": (
        body().replace(b'"model"', b'"seed":%s,"model"' % (b"9" * 9999)),
        "seed",
    ),
    "stop as a number": (body(stop=5), "stop"),
}


@pytest.mark.parametrize(("bad", "param"), BAD.values(), ids=BAD)
async def test_a_bad_body_is_400_and_names_the_field(
    bad: bytes, param: str | None, lab: House
) -> None:
    answer = await asked(lab.url, post(bad, authorization=KEY, content_type="application/json"))

    assert answer.status == 400, answer.body
    assert answer.error["code"] == "malformed_request"
    assert answer.error["param"] == param
    assert answer.error["attempts"] == []
    assert quiet(answer)


def quiet(answer: Answer) -> bool:
    """True if *answer* repeats nothing that came but a short name."""
    return CANARY.encode() not in answer.body and len(answer.error["message"]) < 250


@pytest.mark.parametrize("bad", [b"{", body(messages=[])], ids=["not JSON", "no messages"])
async def test_explain_says_what_chat_says(bad: bytes, lab: House) -> None:
    told = await lab.client.post("/v1/route/explain", content=bad)
    real = await lab.client.post("/v1/chat/completions", content=bad)

    assert told.status_code == real.status_code == 400
    for field in ("message", "param", "code", "source"):
        assert told.json()["error"][field] == real.json()["error"][field]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/route/explain"])
async def test_an_unknown_model_is_404_and_the_nearest_is_suggested(path: str, lab: House) -> None:
    near = await lab.client.post(path, content=body(model="gemini-3-flahs"))
    far = await lab.client.post(path, content=body(model="x" * 100_000))

    error = enveloped(404, near.headers, near.json())
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "gemini-3-flash" in error["message"]
    assert far.status_code == 404
    assert len(far.content) < 1000


async def test_what_nobody_takes_is_422_and_says_who_would(lab: House) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    answer = await asked(
        lab.url, post(body(model="qwen-vl", messages=[{"role": "user", "content": [sound]}]))
    )

    assert (answer.status, answer.error["code"]) == (422, "no_capable_target")
    assert "gemini-3-flash" in answer.error["message"]


async def test_the_content_type_is_not_believed(lab: House) -> None:
    kinds = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "\xff/*"]
    wrong = {"model": "nobody", "messages": [{"role": "user", "content": "x"}]}
    answers = [
        await asked(lab.url, post(json.dumps(wrong).encode(), content_type=kind)) for kind in kinds
    ]

    assert [answer.error["code"] for answer in answers] == ["model_not_found"] * len(kinds)


async def test_a_form_where_json_is_read_says_which_header_is_missing(lab: House) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for headers in ({}, form):
        told = {**headers, "authorization": KEY}
        answer = await lab.client.post("/v1/feedback", content=b'{"rating": 1}', headers=told)
        error = enveloped(400, answer.headers, answer.json())
        assert "content-type: application/json" in error["message"]


async def test_wrong_methods_are_405_on_every_route(lab: House) -> None:
    document = (await lab.client.get("/openapi.json")).json()
    for path, served in document["paths"].items():
        allowed = {method.upper() for method in served} | ({"HEAD"} if "get" in served else set())
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
            answer = await lab.client.request(method, path.replace("{", "").replace("}", ""))
            error = enveloped(405, answer.headers, answer.json())
            assert answer.status_code == 405
            assert error["code"] == "method_not_allowed"
            assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/chat/completions/", "/v1/models/nobody", "/v2/models", "/%2e%2e/etc/passwd",
     "//evil.example/", "/api/requests/%ff%00", "/" + "a" * 10_000],
)  # fmt: skip
async def test_unknown_addresses_are_404(path: str, lab: House) -> None:
    answer = await asked(lab.url, head("GET", path, connection="close"))

    assert answer.status == 404
    assert answer.error["code"] in ("not_found", "model_not_found")
    assert len(answer.body) < 600
    assert "location" not in answer.headers


async def test_a_callers_own_request_id_is_not_taken_over(lab: House) -> None:
    odd = {"x-request-id": f"{CANARY}\tid", "x-portico-request-id": CANARY}
    for path in ("/v1/models", "/v1/models/nobody", "/nothing", "/healthz", "/metrics"):
        answer = await lab.client.get(path, headers=odd)
        assert answer.headers["x-portico-request-id"].startswith("req_")
        assert CANARY not in answer.text


MEGABYTE = b" " * 1_000_000


async def accepted(url: str, lead: bytes, piece: bytes, most: int) -> tuple[int, bytes]:
    """Send *lead* and then *piece* after piece; return how many bytes went until an answer came."""
    reader, writer = await connect(url)
    heard = asyncio.create_task(reader.readuntil(b"}}"))
    sent = 0
    with suppress(ConnectionError):
        writer.write(lead)
        while sent < most and not heard.done():
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
            await asyncio.sleep(0)
    answer = await heard
    writer.close()
    return sent, answer


async def test_64_megabytes_that_say_so_are_refused_at_once(lab: House) -> None:
    lead = head(content_length=64_000_000)
    sent, answer = await accepted(lab.url, lead, MEGABYTE, 64_000_000)

    assert sent < 32_000_000
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"request_too_large"' in answer
    assert b"50 MB" in answer


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/route/explain"])
async def test_64_megabytes_that_do_not_say_so_are_refused_at_the_limit(
    path: str, tmp_path: Path
) -> None:
    piece = b"%x\r\n" % len(MEGABYTE) + MEGABYTE + b"\r\n"
    async with house(tmp_path, server={"max_body": "2MB"}) as small:
        lead = head(path=path, transfer_encoding="chunked")
        sent, answer = await accepted(small.url, lead, piece, 64_000_000)
        waiting = await asked(
            small.url, head(path=path, content_length=3_000_000, expect="100-continue")
        )

    assert sent < 32_000_000
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"2 MB" in answer
    assert waiting.status == 413, "and without having been asked to go on"


async def test_a_client_that_sends_on_still_reads_why(tmp_path: Path) -> None:
    async with house(tmp_path, server={"max_body": "1MB"}) as small:
        for path in ("/v1/chat/completions", "/v1/route/explain"):
            answer = await small.client.post(path, content=MEGABYTE * 20)
            assert enveloped(413, answer.headers, answer.json())["code"] == "request_too_large"
            assert answer.status_code == 413


async def test_others_are_answered_while_a_large_body_crawls(lab: House) -> None:
    whole = body(metadata=" " * 10_000_000, model="nobody")
    reader, writer = await connect(lab.url)
    writer.write(head(content_length=len(whole), connection="close"))
    for start in range(0, len(whole), 2_000_000):
        writer.write(whole[start : start + 2_000_000])
        await writer.drain()
        answers = await asyncio.gather(*(lab.client.get("/v1/models") for _ in range(3)))
        assert {answer.status_code for answer in answers} == {200}
    last = await reader.read()
    writer.close()

    assert last.startswith(b"HTTP/1.1 404")


async def test_a_client_that_leaves_in_its_body_is_forgotten(lab: House) -> None:
    before = len(await lab.requests())
    for lead in (head(content_length=5000), head(transfer_encoding="chunked") + b"5\r\n"):
        _, writer = await connect(lab.url)
        writer.write(lead + b'{"mod')
        await writer.drain()
        writer.transport.abort()

    assert (await lab.client.get("/healthz")).status_code == 200
    assert len(await lab.requests()) == before


async def test_smuggled_requests_are_not_served(lab: House) -> None:
    hidden = head("GET", "/v1/models")
    both = head(content_length=5, transfer_encoding="chunked") + b"0\r\n\r\n" + hidden
    late = head(transfer_encoding="chunked") + b"zz\r\n" + hidden
    for data in (both, late):
        answers = await spoken(lab.url, data)
        assert [answer.status for answer in answers] == [400]
        assert answers[0].error["code"] == "malformed_request"


async def test_header_bombs_are_refused_while_others_are_served(lab: House) -> None:
    wide = head(authorization=KEY + "a" * 1_000_000)
    many = head(**{f"x-{CANARY}-{i}": i for i in range(10_000)})
    answers = await asyncio.gather(
        *(asked(lab.url, bomb) for bomb in (wide, many)), lab.client.get("/v1/models")
    )

    assert [answer.status for answer in answers[:2]] == [431, 431]
    assert all(quiet(answer) for answer in answers[:2])
    assert answers[2].status_code == 200
