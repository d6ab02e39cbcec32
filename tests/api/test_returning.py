"""What a reader is told who falls behind, or whose stream never comes to be."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.api.returning import Recorder, Relay, nobody_leaves, wants_to_resume
from portico.dispatch.errands import Errands
from portico.dispatch.streams import STREAM_COST, Bounds, Head, Stream, Streams

pytestmark = pytest.mark.anyio

type Message = MutableMapping[str, Any]

START = {"type": "http.response.start", "status": 200, "headers": []}


async def nothing(stream: Stream) -> None:
    """Make nothing of it."""


async def test_a_stream_that_never_begins_is_a_fault_of_ours() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async with Errands() as errands:
        stream = Streams(Bounds(), errands).begin("req_1", None, nothing)
        await Relay(stream, 0, "req_1").respond(nobody_leaves, send)

    start, body = sent
    assert start["status"] == 500
    assert (b"x-portico-request-id", b"req_1") in start["headers"]
    assert json.loads(body["body"])["error"]["code"] == "internal_error"


async def test_a_reader_who_falls_too_far_behind_is_told_so_in_the_stream() -> None:
    drained = asyncio.Event()
    sent: list[Message] = []

    async def slow(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            await drained.wait()

    async def make(stream: Stream) -> None:
        recorder = Recorder(stream)
        await recorder.send(START)
        for number in range(100):
            body = b"data: %d\n\n" % number
            await recorder.send({"type": "http.response.body", "body": body, "more_body": True})
        stream.end()
        drained.set()

    async with Errands() as errands:
        stream = Streams(Bounds(stream=STREAM_COST + 1000), errands).begin("req_1", None, make)
        await Relay(stream, 0, "req_1").respond(nobody_leaves, slow)

    assert sent[1]["body"].startswith(b"id: 1\ndata: 0\n\n")
    assert not sent[-1].get("more_body")
    error = json.loads(sent[-1]["body"].removeprefix(b"data: "))["error"]
    assert (error["code"], error["request_id"]) == ("event_gone", "req_1")


@given(
    st.lists(
        st.lists(st.sampled_from([b": aside\n\n", b"data: {}\n\n", b"data: [DONE]\n\n"])),
        max_size=20,
    )
)
async def test_however_events_are_written_each_gets_one_id_and_asides_none(
    writes: list[list[bytes]],
) -> None:
    async with Errands() as errands:
        stream = Streams(Bounds(), errands).begin("req_1", None, nothing)
        recorder = Recorder(stream)
        await recorder.send(START)
        for events in writes:
            body = b"".join(events)
            await recorder.send({"type": "http.response.body", "body": body, "more_body": True})
        kept = stream.since(0)

    events = [event for write in writes for event in write if not event.startswith(b":")]
    assert kept == [b"id: %d\n%s" % (number, event) for number, event in enumerate(events, 1)]


async def test_what_is_cut_off_before_it_began_is_over_and_no_more() -> None:
    async with Errands() as errands:
        stream = Streams(Bounds(), errands).begin("req_1", None, nothing)
        Recorder(stream).cut_off("req_1")
        refused = Streams(Bounds(), errands).begin("req_2", None, nothing)
        refused.begin(Head(503, ()))
        Recorder(refused).cut_off("req_2")

    assert stream.ended
    assert refused.ended
    assert stream.last == refused.last == 0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(b"true", True), (b"True", True), (b"false", False), (b"1", False), (b"", False)],
)
def test_only_true_asks_for_it(value: bytes, wanted: bool) -> None:
    assert wants_to_resume({b"x-portico-resumable": value}) is wanted
    assert not wants_to_resume({})
