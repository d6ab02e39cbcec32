"""An answer as HTTP: whole or as events. Owns the exchange, and hangs up when the reader does."""

import asyncio
from types import TracebackType

import msgspec
from starlette.types import Receive, Send

from portico.api.chunks import ChunkWriter, Head, completion
from portico.api.problems import envelope, portico_headers, send_problem
from portico.chat.reply import Batch, Delta, Usage, collect
from portico.dispatch.gateway import Gateway
from portico.dispatch.journey import Journey
from portico.dispatch.rescue import Answer
from portico.errors import GatewayError

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
RESCUED = b": the answer broke off, another model goes on with it\n\n"
WATCH = 0.2
"""Seconds after which somebody looks whether the client is still there."""

_EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class while_connected:
    """
    Cancel the block once the client is gone; nothing of that reaches the caller.

    What is over before WATCH is not watched: refusals and quick answers are spared the task.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._left = False

    async def __aenter__(self) -> None:
        reader = asyncio.current_task()
        assert reader is not None
        self._reader = reader
        self._timer = asyncio.get_running_loop().call_later(WATCH, self._begin)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._timer.cancel()
        watcher, self._watcher = self._watcher, None  # a cycle would stay until a collection
        if watcher is not None:
            watcher.cancel()
        if isinstance(error, asyncio.CancelledError):
            return self._left and not self._reader.uncancel()
        return isinstance(error, OSError)  # raised for writing to somebody who has left

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self._reader.cancel()


def _head(journey: Journey, answer: Answer) -> Head:
    target = answer.target
    fingerprint = "simulated" if target.simulated else None
    return Head(f"chatcmpl-{journey.id}", int(journey.started), target.name, fingerprint)


def _usage(batch: Batch) -> Usage | None:
    """Return the latest count in *batch*: it is cumulative."""
    return next((delta.usage for delta in reversed(batch) if delta.usage is not None), None)


class Whole:
    """The answer in one piece."""

    def __init__(self, gateway: Gateway, journey: Journey) -> None:
        self._gateway = gateway
        self._journey = journey

    async def respond(self, receive: Receive, send: Send) -> None:
        """Answer, or say why not; returns early if the client leaves."""
        async with while_connected(receive):
            try:
                async with self._gateway.chat(self._journey) as answer:
                    body = await self._whole(answer)
            except GatewayError as exc:
                told = portico_headers(self._journey)
                await send_problem(send, exc, told, self._journey.id)
                return
            # Only now: what the caller has, the ledger has.
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *portico_headers(self._journey),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _whole(self, answer: Answer) -> bytes:
        deltas: list[Delta] = []
        async for batch in answer.batches():
            deltas += batch
        self._journey.status = 200
        return completion(collect(deltas), _head(self._journey, answer))


class Events:
    """
    The answer as it comes.

    The status line waits for the first delta, but not for longer than *keep_alive* seconds: then
    the stream begins with comments that hold the client's connection, and a failure after that is
    an error event.
    """

    def __init__(self, gateway: Gateway, journey: Journey, keep_alive: float) -> None:
        self._gateway = gateway
        self._journey = journey
        self._keep_alive = keep_alive
        self._begun = False
        self._quiet = True
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    async def respond(self, receive: Receive, send: Send) -> None:
        """Answer, or say why not; returns early if the client leaves."""
        self._send = send
        async with while_connected(receive):
            self._wind_up()
            try:
                async with self._gateway.chat(self._journey) as answer:
                    await self._relay(answer)
                await self._write(DONE, more=False)  # only now: it is in the ledger
            except GatewayError as exc:
                await self._fail(exc)
            finally:
                self._stop()

    async def _relay(self, answer: Answer) -> None:
        writer, usage = ChunkWriter(_head(self._journey, answer)), None
        speaking = answer.target
        self._journey.status = 200
        async for batch in answer.batches():
            if answer.target is not speaking:
                speaking = answer.target
                writer.speak(_head(self._journey, answer))
                await self._write(RESCUED)
            if said := answer.told():
                writer.note(said)
            if events := writer.write(batch):
                await self._write(events)
            usage = _usage(batch) or usage
        if self._journey.request.wants_usage:
            await self._write(writer.usage(usage))

    async def _fail(self, error: GatewayError) -> None:
        if not self._begun:
            told = portico_headers(self._journey)
            await send_problem(self._send, error, told, self._journey.id)
            return
        event = msgspec.json.encode(envelope(error, self._journey.id))
        await self._write(b"data: " + event + b"\n\n", more=False)

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        if not self._begun:
            await self._begin()
        self._quiet = False
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def _begin(self) -> None:
        self._begun = True
        headers = [*_EVENTS, *portico_headers(self._journey)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    # -- the heartbeat: one timer, a task only when there is something to say

    def _wind_up(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._keep_alive, self._beat)

    def _beat(self) -> None:
        if self._quiet and (self._beating is None or self._beating.done()):
            self._beating = asyncio.create_task(self._comment())
        self._quiet = True
        self._wind_up()

    async def _comment(self) -> None:
        await self._write(KEEP_ALIVE)
        self._quiet = True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
