"""The `openai` dialect: chat completions, at whoever speaks them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType

import msgspec
from msgspec import Struct

from portico.chat.aside import whole
from portico.chat.reply import Batch, Delta
from portico.egress.clients import EgressError, HTTPAnswer, HTTPRequest
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Account, Ask, UpstreamFailed, elsewhere
from portico.upstreams.faults import from_exception, from_status
from portico.upstreams.flavours import flavour_of
from portico.upstreams.openai_chunks import Reading, complete
from portico.upstreams.openai_request import encode, owner
from portico.upstreams.openai_runs import MOST_HELD, Runs, parted
from portico.upstreams.reasonings import Note, Reasonings
from portico.upstreams.sse import Events

MOST_ERROR = 1024 * 1024
"""Bytes of an error answer that are read."""

GOODBYE = 0.1
"""Seconds after `[DONE]` in which the body may end, so that the connection can be kept."""

NO_LIST = frozenset({404, 405, 501})
"""Statuses by which a provider without a list of models says so."""


class _Model(Struct):
    id: str


class _Models(Struct):
    data: list[_Model]


class OpenAI:
    """An account at a provider of OpenAI's dialect; see `upstreams.base.Upstream`."""

    def __init__(self, account: Account, reasonings: Reasonings) -> None:
        self.account = account
        self._flavour = flavour_of(account.flavour)
        self._reasonings = reasonings
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if account.api_key:
            self._headers["authorization"] = f"Bearer {account.api_key}"
        self._headers |= account.headers

    def open(self, ask: Ask) -> "_Opening":
        """Ask the target; the answer's head has come once the context is entered."""
        return _Opening(self, ask)

    def call(self, ask: Ask) -> HTTPRequest:
        """Return the request that asks it."""
        stream, body = ask.request.stream, encode(ask, self._flavour, self._reasonings)
        ask.slip.body = body
        return HTTPRequest(
            f"{self.account.base_url}/chat/completions",
            self._headers | {"accept": "text/event-stream"} if stream else self._headers,
            whole(body, ask.request.aside),
            connect=ask.target.patience.connect,
        )

    async def models(self) -> frozenset[str] | None:
        """Return the listed ids; an empty list is no evidence and counts as none."""
        call = HTTPRequest(f"{self.account.base_url}/models", self._headers, method="GET")
        async with AsyncExitStack() as stack:
            with _carrying:
                answer = await stack.enter_async_context(self.account.client.send(call))
            if answer.status in NO_LIST:
                return None
            if answer.status != 200:
                raise UpstreamFailed(await self.refusal(answer))
            body = await _read(answer)
            try:
                found = msgspec.json.decode(body, type=_Models | list[_Model])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise UpstreamFailed(_judged(self.account, answer, body)) from None
        listed = found.data if isinstance(found, _Models) else found
        return frozenset(model.id for model in listed) or None

    async def refusal(self, answer: HTTPAnswer) -> Failure:
        """Return what an answer means that is none."""
        try:
            body = await answer.read(MOST_ERROR)
        except EgressError:
            body = b""  # the status has come, and says enough
        return _judged(self.account, answer, body)

    def listener(self, ask: Ask) -> "_Listener":
        """Return who reads the answer to *ask*."""
        reading = Reading(self.account.flavour, now=time.time(), choices=ask.request.n or 1)
        if not self._flavour.wants_reasoning:
            return _Listener(reading, None)
        return _Listener(reading, Note(self._reasonings, owner(ask.target), ask.request.messages))


class _Carrying:
    """Turns what egress raises into the one thing that an upstream may."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, EgressError):
            raise UpstreamFailed(from_exception(error)) from error


_carrying = _Carrying()


@asynccontextmanager
async def _left(sending: AbstractAsyncContextManager[HTTPAnswer]) -> AsyncIterator[None]:
    """Leave *sending*, which was entered, at the end of the block."""
    try:
        yield
    finally:
        await sending.__aexit__(None, None, None)


class _Opening:
    """One question under way: written out, as every request pays for it."""

    __slots__ = ("_ask", "_sending", "_upstream")

    def __init__(self, upstream: OpenAI, ask: Ask) -> None:
        self._upstream = upstream
        self._ask = ask

    async def __aenter__(self) -> AsyncIterator[Batch]:
        upstream, ask = self._upstream, self._ask
        account, call = upstream.account, upstream.call(ask)
        while True:  # until an exit is served, or none is left
            sending = account.client.send(call)
            with _carrying:
                answer = await sending.__aenter__()
            ask.slip.receipt = answer.receipt
            if answer.status == 200:
                break
            async with _left(sending):
                failure = await upstream.refusal(answer)
                if not elsewhere(failure, answer):
                    raise UpstreamFailed(failure)
        self._sending = sending
        media, stream = answer.headers.get("content-type", ""), ask.request.stream
        streamed = "event-stream" in media or (stream and "json" not in media)
        return (_Streamed if streamed else _Whole)(account, answer, upstream.listener(ask))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sending.__aexit__(kind, error, trace)


class _Listener:
    """Reads one answer, and takes a note of its reasoning where the provider wants it back."""

    def __init__(self, reading: Reading, note: Note | None) -> None:
        self.reading = reading
        self._note = note

    def said(self, delta: Delta) -> Batch:
        """Return *delta*, which was read otherwise."""
        if self._note is not None:
            self._note.hear([delta])
        return [delta]

    def hear(self, payloads: list[bytes]) -> Batch:
        """Return the deltas of *payloads*."""
        batch = self.reading.feed(payloads)
        if self._note is not None:
            self._note.hear(batch)
        return batch


class _Streamed:
    """The batches of a streamed answer: one for whatever the network brought at once."""

    def __init__(self, account: Account, answer: HTTPAnswer, listener: _Listener) -> None:
        self._account = account
        self._answer = answer
        self._listener = listener
        self._reading = listener.reading
        self._chunks = answer.chunks()
        self._events = Events()
        self._runs = Runs()
        self._over = False

    def __aiter__(self) -> "_Streamed":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            batch = await self._heard()
            self._over = self._over or self._reading.over
            if batch:
                return batch
        if batch := self._leftover():
            return batch
        failure = self._reading.end()
        if failure is not None:
            raise UpstreamFailed(failure)
        await self._see_off()
        raise StopAsyncIteration

    def _leftover(self) -> Batch:
        """Read what came instead of events: a whole answer under a wrong type, or none at all."""
        if self._reading.heard or self._reading.failure is not None:
            return []
        rest = self._events.rest()
        batch = self._listener.hear([rest]) if rest else []
        if rest and not self._reading.heard:
            raise UpstreamFailed(_judged(self._account, self._answer, rest))
        return batch

    async def _see_off(self) -> None:
        """Read what follows `[DONE]`: nothing but the body's end, in a packet of its own."""
        try:
            async with asyncio.timeout(GOODBYE):
                async for _ in self._chunks:
                    pass
        except (TimeoutError, EgressError):
            return  # the answer is whole; only its connection is not kept

    async def _heard(self) -> Batch:
        """Return the deltas of what has come, or of what was left at the end."""
        try:
            return self._read(await anext(self._chunks))
        except StopAsyncIteration:
            self._over = True
            # What a clean end cut in two was cut: not garbled, just not finished.
            return self._listener.hear([p for p in self._events.end() if complete(p)])
        except EgressError as exc:
            if self._reading.end() is None:  # all was said: only `[DONE]` is lost
                self._over = True
                return []
            raise UpstreamFailed(from_exception(exc)) from exc
        except ValueError as exc:
            raise UpstreamFailed(Failure(Kind.GARBLED, str(exc), self._answer.status)) from exc

    def _read(self, came: bytes) -> Batch:
        """Read events that are nothing but text all at once, and every other one by itself."""
        batch: Batch = []
        while came and self._runs.learning:
            first, came = parted(came)
            payloads = self._events.feed(first)
            batch += self._listener.hear(payloads)
            self._runs.learn(payloads, first)
        if self._reading.over:
            return batch
        if came and self._runs.known and (held := self._events.reopen(MOST_HELD)) is not None:
            came = held + came
            if run := self._runs.take(came):
                said, size = run
                batch += self._listener.said(said) if said.text else ()
                came = came[size:]
        return batch + self._listener.hear(self._events.feed(came)) if came else batch


class _Whole:
    """The one batch of an answer that is not streamed."""

    def __init__(self, account: Account, answer: HTTPAnswer, listener: _Listener) -> None:
        self._account = account
        self._answer = answer
        self._listener = listener
        self._over = False

    def __aiter__(self) -> "_Whole":
        return self

    async def __anext__(self) -> Batch:
        if self._over:
            raise StopAsyncIteration
        self._over = True
        body = await _read(self._answer)
        batch, reading = self._listener.hear([body]), self._listener.reading
        if not reading.heard:
            raise UpstreamFailed(_judged(self._account, self._answer, body))
        reading.done = True  # a body that parses is whole, however many choices it has
        failure = reading.end()
        if failure is not None:
            raise UpstreamFailed(failure)
        return batch


async def _read(answer: HTTPAnswer) -> bytes:
    try:
        return await answer.read()
    except EgressError as exc:
        raise UpstreamFailed(from_exception(exc)) from exc


def _judged(account: Account, answer: HTTPAnswer, body: bytes) -> Failure:
    return from_status(
        account.flavour,
        answer.status,
        answer.headers,
        body,
        tunnelled=account.tunnelled,
        now=time.time(),
    )
