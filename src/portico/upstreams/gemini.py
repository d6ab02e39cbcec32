"""Google's Gemini in its own dialect, v1beta (upstream-wire §2.1)."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from msgspec import DecodeError, Struct, json

from portico.chat.aside import whole
from portico.chat.reply import Batch
from portico.egress.clients import EgressError, HTTPAnswer, HTTPRequest
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Account, Ask, UpstreamFailed, elsewhere
from portico.upstreams.faults import from_event, from_exception, from_status
from portico.upstreams.gemini_reply import Answer, NotAnAnswer
from portico.upstreams.gemini_request import encode
from portico.upstreams.gemini_turns import owner
from portico.upstreams.signatures import Signatures
from portico.upstreams.sse import Events

FLAVOUR = "gemini"
MOST_PAGES = 20
MOST_COMPLAINT = 1024 * 1024  # bytes of an error answer

CUT = Failure(Kind.UNAVAILABLE, "the stream ended without a finish reason", 200)
GARBLED = Failure(Kind.GARBLED, "the answer is not the API's JSON", 200)


class _Model(Struct):
    name: str


class _Page(Struct, rename="camel"):
    models: list[_Model] = []
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Gemini:
    """An account at Google AI Studio. `clock` gives epoch seconds."""

    account: Account
    signatures: Signatures
    clock: Callable[[], float] = time.time

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        """Ask the target; see `Upstream.open`."""
        request = self._request(ask)
        answer = Answer(self.signatures, owner(ask), ask.request.n or 1)
        read = self._stream if ask.request.stream else self._whole
        try:
            while True:  # until an exit is served, or none is left
                async with self.account.client.send(request) as head:
                    ask.slip.receipt = head.receipt
                    if head.status == 200:
                        async with aclosing(read(head, answer)) as batches:
                            yield batches
                        return
                    await self._refuse(head)
        except EgressError as error:
            raise UpstreamFailed(from_exception(error)) from error

    async def models(self) -> frozenset[str]:
        """Return the ids that Google lists, without their `models/`."""
        found: set[str] = set()
        token = ""
        for _ in range(MOST_PAGES):
            page = await self._page(token)
            found.update(model.name.removeprefix("models/") for model in page.models)
            token = page.next_page_token
            if not token:
                break
        return frozenset(found)

    def _request(self, ask: Ask) -> HTTPRequest:
        verb = "streamGenerateContent?alt=sse" if ask.request.stream else "generateContent"
        model = ask.target.model
        body = ask.slip.body = encode(ask, self.signatures)
        path = quote(model if "/" in model else f"models/{model}")
        return HTTPRequest(
            f"{self.account.base_url}/{path}:{verb}",
            # Never as ?key=, which ends up in other people's logs.
            {
                "content-type": "application/json",
                "x-goog-api-key": self.account.api_key,
                **self.account.headers,
            },
            whole(body, ask.request.aside),
            connect=ask.target.patience.connect,
        )

    async def _stream(self, head: HTTPAnswer, answer: Answer) -> AsyncGenerator[Batch]:
        events = Events()
        try:
            async for chunk in head.chunks():
                if batch := self._taken(answer, events.feed(chunk), GARBLED):
                    yield batch
        except EgressError as error:
            if answer.finished:  # all has been said: only the connection ended badly
                return
            raise UpstreamFailed(from_exception(error)) from error
        except ValueError as error:  # an event over the bound
            raise UpstreamFailed(Failure(Kind.GARBLED, str(error), 200)) from error
        if not answer.finished:
            yield self._ending(head, answer, events)

    async def _whole(self, head: HTTPAnswer, answer: Answer) -> AsyncGenerator[Batch]:
        try:
            body = await head.read()
        except EgressError as error:
            raise UpstreamFailed(from_exception(error)) from error
        try:
            batch = answer.take([body])
        except NotAnAnswer:
            raise UpstreamFailed(self._strange(head, body, GARBLED)) from None
        if not answer.finished:
            raise UpstreamFailed(CUT)
        yield batch

    def _taken(self, answer: Answer, payloads: list[bytes], otherwise: Failure) -> Batch:
        """Read events; one that is no answer is an error object, or else means *otherwise*."""
        try:
            return answer.take(payloads)
        except NotAnAnswer as error:
            failure = self._complaint(error.payload) or otherwise
            raise UpstreamFailed(failure) from None

    def _complaint(self, payload: bytes) -> Failure | None:
        """Return what an error object inside a 200 says, in either framing of wire §2.1."""
        start = b"".join(payload[:200].split())
        if not start.startswith((b'{"error"', b'[{"error"')):
            return None
        return from_event(FLAVOUR, payload, now=self.clock())

    def _ending(self, head: HTTPAnswer, answer: Answer, events: Events) -> Batch:
        """Return what finishes a stream that is over; raises UpstreamFailed if nothing does."""
        batch = self._taken(answer, events.end(), CUT)
        if answer.finished:
            return batch
        rest = events.rest()
        if answer.begun or not rest:
            raise UpstreamFailed(self._complaint(rest) or CUT)
        raise UpstreamFailed(self._strange(head, rest, CUT))

    def _strange(self, head: HTTPAnswer, body: bytes, otherwise: Failure) -> Failure:
        """Return what a body means that came without the agreed framing."""
        if complaint := self._complaint(body):
            return complaint
        if body.lstrip().startswith((b"{", b"[")):
            return otherwise  # it may be half an answer, which nobody may quote
        return self._refused(head, body)

    async def _refuse(self, head: HTTPAnswer) -> None:
        """Raise UpstreamFailed, unless the same request may leave by another exit."""
        try:
            body = await head.read(MOST_COMPLAINT)
        except EgressError:
            body = b""  # the status still says most of it
        failure = self._refused(head, body)
        if not elsewhere(failure, head):
            raise UpstreamFailed(failure)

    def _refused(self, head: HTTPAnswer, body: bytes) -> Failure:
        return from_status(
            FLAVOUR,
            head.status,
            head.headers,
            body,
            tunnelled=self.account.tunnelled,
            now=self.clock(),
        )

    async def _page(self, token: str) -> _Page:
        query = {"pageSize": "1000"} | ({"pageToken": token} if token else {})
        request = HTTPRequest(
            f"{self.account.base_url}/models?{urlencode(query)}",
            {"x-goog-api-key": self.account.api_key},
            method="GET",
        )
        try:
            while True:
                async with self.account.client.send(request) as head:
                    if head.status == 200:
                        body = await head.read()
                        return json.decode(body, type=_Page)
                    await self._refuse(head)
        except EgressError as error:
            raise UpstreamFailed(from_exception(error)) from error
        except (DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamFailed(self._strange(head, body, GARBLED)) from None
