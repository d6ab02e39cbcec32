"""
Events of nothing but text are read many at a time; what comes of it is what decoding each gives.

The oracle is the decoder: every stream is read twice, once in the pieces in which it came and once
event by event.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portico.api.chunks import ChunkWriter, Head
from portico.chat.reply import Batch, Delta
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.openai import OpenAI
from portico.upstreams.openai_chunks import Reading, complete
from portico.upstreams.openai_runs import Runs
from portico.upstreams.reasonings import Reasonings
from portico.upstreams.sse import Events
from tests.upstreams.came import Came
from tests.upstreams.openai_asks import ask

pytestmark = pytest.mark.anyio


type Said = tuple[list[dict[str, Any]], str | None, Failure | None]
"""What a client is sent, event by event; the usage; why it is not whole."""


NOT_HEARD = Failure(Kind.UNAVAILABLE, "what came is no answer at all: it is judged as a whole")


def written(batches: list[Batch]) -> list[dict[str, Any]]:
    writer = ChunkWriter(Head("x", 1, "ours"))
    sent = b"".join(map(writer.write, batches))
    assert sent.endswith(b"\n\n") or not sent
    return [json.loads(event.removeprefix(b"data: ")) for event in sent.split(b"\n\n")[:-1]]


def usage_of(batches: list[Batch]) -> str | None:
    counted = [delta.usage for batch in batches for delta in batch if delta.usage is not None]
    return repr(counted[-1]) if counted else None


async def at_once(pieces: list[bytes]) -> Said:
    upstream = OpenAI(Account("x", "http://x/v1", Came(pieces)), Reasonings())
    batches: list[Batch] = []
    try:
        async with upstream.open(ask(stream=True)) as answer:
            async for batch in answer:
                batches.append(batch)  # noqa: PERF401 - those before a failure count
    except UpstreamFailed as exc:
        return written(batches), usage_of(batches), exc.failure
    return written(batches), usage_of(batches), None


def one_by_one(body: bytes) -> Said:
    """The oracle: no event is read in any other way than by the decoder."""
    events, reading = Events(), Reading("generic", now=0)
    payloads = events.feed(body)
    payloads += [payload for payload in events.end() if complete(payload)]
    batches = []
    for payload in payloads:
        batches.append(reading.feed([payload]))
        if reading.done or reading.failure is not None:
            break
    return written(batches), usage_of(batches), reading.end() if reading.heard else NOT_HEARD


def event(text: object, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish}
    return {"id": "c-1", "model": "theirs", "choices": [choice], **more}


TEXTS = st.text(max_size=6) | st.sampled_from(
    ['a"b', "back\\slash", "\\", "\n", "", '","x":"', "\u2028", "😀", "data: ", "\x7f", "}]}"]
)
EVENTS = st.one_of(
    TEXTS.map(event),
    TEXTS.map(event),
    TEXTS.map(event),
    st.sampled_from(
        [
            event("x", event={"type": "execute", "data": {"code": "alert(1)"}}),
            event("counted", usage={"prompt_tokens": 3, "completion_tokens": 5}),
            event("the end", "stop"),
            {"error": {"message": "overloaded"}},
            {"id": "c-1", "choices": []},
            {"choices": [{"index": 1, "delta": {"content": "another"}}]},
            {"choices": [{"index": 0, "delta": {"content": "again", "reasoning": "why"}}]},
            {"choices": [{"delta": {"tool_calls": [{"id": "c", "function": {"name": "f"}}]}}]},
        ]
    ),
)
RAW = st.sampled_from(
    [
        rb'{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"\xff"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}',
        rb'{"choices":[{"index":0,"delta":{"content":"a","conten\u0074":"b"}}]}',
        b"[DONE]",
        b"{",
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """A stream of a provider with habits of its own, and the pieces in which it comes."""
    end = draw(st.sampled_from([b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r"]))
    line = draw(st.sampled_from([b"data: ", b"data:", b": hello\n\ndata: ", b"id: 1\ndata: "]))
    habits: dict[str, Any] = {
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([(",", ":"), (", ", ": ")])),
    }
    told = draw(st.lists(EVENTS.map(lambda e: json.dumps(e, **habits).encode()) | RAW, max_size=12))
    body = b"".join(line + payload + end for payload in told)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=12)))
    edges = [0, *cuts, len(body)]
    pieces = [body[a:b] for a, b in pairwise(edges) if b > a]
    return pieces, body


TRAP = json.dumps(event("%s"), separators=(",", ":")).encode()


def traps() -> Iterator[bytes]:
    """Events that look like others of the stream, and are not."""
    for inside in (
        b'a","role":"system',
        b'a"}}],"event":{"type":"execute"},"choices":[{"delta":{"content":"b',
        b"half an escape\\",
        b"\\u00",
        b"\\ud83d",
        b"\xff\xfe",
        b"line\nbreak",
        b"nul\x00",
    ):
        yield TRAP.replace(b"%s", inside)


@given(streams())
async def test_what_is_read_at_once_is_what_the_decoder_reads(
    stream: tuple[list[bytes], bytes],
) -> None:
    pieces, body = stream
    expected, found = one_by_one(body), await at_once(pieces)
    assert found[:2] == expected[:2]
    assert expected[2] in (found[2], NOT_HEARD)


@pytest.mark.parametrize("trap", list(traps()))
@pytest.mark.parametrize("after", [b"", b"and more", b'"'])
async def test_an_event_that_only_looks_like_the_others_is_decoded(
    trap: bytes, after: bytes
) -> None:
    plain = TRAP.replace(b"%s", b"word")
    told = [plain, plain, trap, TRAP.replace(b"%s", after), plain]
    body = b"".join(b"data: %b\n\n" % payload for payload in told)
    first = body.index(b"\n\n") + 2
    assert await at_once([body[:first], body[first:]]) == one_by_one(body)


async def test_a_providers_own_fields_never_pass(anyio_backend_name: str) -> None:
    body = b"".join(
        b"data: %b\n\n" % json.dumps(event(f"word {n}", event={"type": "execute"})).encode()
        for n in range(20)
    )
    sent, _, _ = await at_once([body[:100], body[100:900], body[900:]])
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in sent) == "".join(
        f"word {n}" for n in range(20)
    )
    known = {"id", "object", "created", "model", "choices"}
    assert all(chunk.keys() == known and chunk["model"] == "ours" for chunk in sent)


def test_a_run_of_text_is_one_delta_of_as_many_pieces() -> None:
    """Or else the fast way is not taken at all, and this file would prove nothing."""
    payloads = [json.dumps(event(f" w{n}")).encode() for n in range(9)]
    body = b"".join(b"data: %b\n\n" % payload for payload in payloads)
    runs = Runs()
    runs.learn(payloads, body)
    taken = runs.take(body + b"data: {")
    assert taken == (
        Delta("".join(f" w{n}" for n in range(9)), pieces=tuple(b" w%d" % n for n in range(9))),
        len(body),
    )


def test_a_text_that_was_sent_in_pieces_is_written_in_pieces() -> None:
    pieces = (rb"caf\u00e9", b" lorem", "naïve 😀".encode())
    text = "".join(msgspec.json.decode(b'"%b"' % piece) for piece in pieces)
    first, *sent = written([[Delta("a")], [Delta(text, pieces=pieces)]])
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "a"}
    assert [chunk["choices"][0]["delta"] for chunk in sent] == [
        {"content": "café"},
        {"content": " lorem"},
        {"content": "naïve 😀"},
    ]


def known(payload: bytes = TRAP.replace(b"%s", b"word")) -> Runs:
    runs = Runs()
    runs.learn([payload], b"data: %b\n\n" % payload)
    return runs


def alone(piece: bytes) -> str | None:
    """The text of an event by itself, None where it is no JSON."""
    try:
        return msgspec.json.decode(b'"%b"' % piece, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


INSIDES = st.lists(
    st.sampled_from([b"a", b"\\", b'"', b",", b"u0041", b"n", b"]", b"[", b" ", b"\xc3", b"\xa9"]),
    max_size=6,
).map(b"".join)


@given(st.lists(INSIDES, min_size=1, max_size=5))
@example([b'a","b', b"c\\", b',"d'])  # one string more, one less
@example([b"a\\", b",", b"b"])
def test_every_piece_of_a_run_is_a_string_by_itself(insides: list[bytes]) -> None:
    body = b"".join(b"data: %b\n\n" % TRAP.replace(b"%s", inside) for inside in insides)
    taken = known().take(body)
    if taken is not None:
        texts = [alone(piece) for piece in insides]
        assert None not in texts
        assert taken[0].text == "".join(map(str, texts))
        assert taken[0].pieces == tuple(piece for piece in insides if piece)


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"choices":[{"delta":{"conten\u0074":"the text"},"x":{"content":"not it"}}]}',
        b'{"choices":[{"delta":{"content":"a"},"x":{"content":"b"}}]}',
        b'{"choices":[{"delta":{"content":"the \\"text\\""}}]}',
        b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}',
        b'{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}',
    ],
)
def test_only_what_is_surely_the_text_and_all_there_is_becomes_a_pattern(payload: bytes) -> None:
    assert not known(payload).known
