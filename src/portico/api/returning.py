"""Answers to clients who say beforehand that they may come back: the work outlives a connection."""

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from starlette.types import Message, Receive, Send

from portico.api.answers import REQUEST_ID
from portico.api.problems import envelope, portico_headers, send_problem
from portico.api.replies import Events, Whole, while_connected
from portico.dispatch.idempotency import Claim, Finished, Once
from portico.dispatch.journey import Journey
from portico.dispatch.streams import Head, Stream, Streams
from portico.errors import EventGone, GatewayError, MalformedRequest, StreamBroken

IDEMPOTENCY_KEY = b"idempotency-key"
RESUMABLE = b"x-portico-resumable"
REPLAY = (b"x-portico-idempotent-replay", b"true")

_KEY = re.compile(rb"[\x20-\x7e]{1,255}")
_QUICK = 256 * 1024  # bytes that are hashed in no time


def wants_to_resume(headers: Mapping[bytes, bytes]) -> bool:
    """Return True if the client asked for a stream that it can take up again."""
    return headers.get(RESUMABLE, b"").lower() == b"true"


async def nobody_leaves() -> Message:
    """ASGI's `receive`, for work that does not depend on any one connection."""
    await asyncio.Event().wait()
    raise AssertionError


class Repeated:
    """
    The answer in one piece, worked on once for as many requests as bear its Idempotency-Key.

    *body* is the request as it came: the same key with another one is refused.
    """

    def __init__(self, once: Once, journey: Journey, key: bytes, body: bytes, whole: Whole) -> None:
        self._once = once
        self._journey = journey
        self._key = key
        self._body = body
        self._whole = whole

    async def respond(self, receive: Receive, send: Send) -> None:
        """Answer, or say why not; returns early if the client leaves, and the work goes on."""
        async with while_connected(receive):
            try:
                claim = await self._claim()
                finished, replay = await self._once.answer(claim, self._work)
            except GatewayError as exc:
                told = portico_headers(self._journey)
                await send_problem(send, exc, told, self._journey.id)
                return
            headers = [*finished.headers, REPLAY] if replay else [*finished.headers]
            start = {"status": finished.status, "headers": headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": finished.body})

    async def _claim(self) -> Claim:
        if not _KEY.fullmatch(self._key):
            raise MalformedRequest(
                "An Idempotency-Key is 1 to 255 printable ASCII characters.",
                param="Idempotency-Key",
            )
        task = (self._journey.request.task or "").encode() + b"\0"
        if len(self._body) <= _QUICK:
            digest = sha256(task + self._body).digest()
        else:
            digest = await asyncio.to_thread(lambda: sha256(task + self._body).digest())
        return Claim(self._journey.caller.owner, self._key, digest)

    async def _work(self) -> Finished:
        sent: list[Message] = []

        async def note(message: Message) -> None:
            sent.append(message)

        await self._whole.respond(nobody_leaves, note)
        start, *bodies = sent
        body = b"".join(message["body"] for message in bodies)
        return Finished(start["status"], tuple(start["headers"]), body)


class Recorded:
    """The answer as it comes, with event ids, and kept for whoever asks for it once more."""

    def __init__(self, streams: Streams, journey: Journey, events: Events) -> None:
        self._streams = streams
        self._journey = journey
        self._events = events

    async def respond(self, receive: Receive, send: Send) -> None:
        """Answer, or say why not; returns early if the client leaves, and the stream goes on."""
        stream = self._streams.begin(self._journey.id, self._journey.caller.owner, self._make)
        await Relay(stream, 0, self._journey.id).respond(receive, send)

    async def _make(self, stream: Stream) -> None:
        recorder = Recorder(stream)
        try:
            await self._events.respond(nobody_leaves, recorder.send)
        finally:
            if not stream.ended:
                recorder.cut_off(self._journey.id)


class Recorder:
    """Takes what would be sent to a client, and puts it into a stream event by event."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def send(self, message: Message) -> None:
        """ASGI's promise; every body holds whole events."""
        stream = self._stream
        if message["type"] == "http.response.start":
            stream.begin(Head(message["status"], tuple(message["headers"])))
            return
        if stream.resumable:
            self._number(message["body"])
        else:
            stream.add(message["body"])  # an error, in one piece
        if not message.get("more_body", False):
            stream.end()
        await asyncio.sleep(0)  # readers take it before more comes, however fast it does

    def _number(self, body: bytes) -> None:
        for event in body.split(b"\n\n")[:-1]:
            if event.startswith(b":"):
                self._stream.remark(event + b"\n\n")
            else:
                self._stream.add(b"id: %d\n%s\n\n" % (self._stream.last + 1, event))

    def cut_off(self, rid: str) -> None:
        """Say in the stream that it is not whole: nobody read it for too long, or we stop."""
        if self._stream.resumable:
            error = StreamBroken("The gateway gave up this stream before its end.")
            error.source = "gateway"
            self._number(_event(error, rid))
        self._stream.end()


class Relay:
    """Relays a stream to one client, from after one of its events on."""

    def __init__(self, stream: Stream, after: int, rid: str) -> None:
        self._stream = stream
        self._after = after
        self._rid = rid

    async def respond(self, receive: Receive, send: Send) -> None:
        """Send what is kept, follow to the end; returns early if the client leaves."""
        with self._stream.read(self._after) as reader:
            async with while_connected(receive):
                head = await reader.head()
                if head is None:
                    error = GatewayError("Something went wrong in the gateway.")
                    told = [(REQUEST_ID.encode(), self._rid.encode())]
                    await send_problem(send, error, told, self._rid)
                    return
                start = {"status": head.status, "headers": [*head.headers]}
                await send({"type": "http.response.start", **start})
                try:
                    while data := await reader.next():
                        await send({"type": "http.response.body", "body": data, "more_body": True})
                    last = b""
                except EventGone as exc:
                    last = _event(exc, self._rid)
                await send({"type": "http.response.body", "body": last})


def _event(error: GatewayError, rid: str) -> bytes:
    return b"data: " + msgspec.json.encode(envelope(error, rid)) + b"\n\n"
