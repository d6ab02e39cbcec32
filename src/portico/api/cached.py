"""Answers from the cache, and on their way into it: what callers are told of that."""

import msgspec
from starlette.types import Message, Receive, Send

from portico.api.answers import REQUEST_ID
from portico.api.problems import portico_headers, send_problem
from portico.api.replies import Whole, while_connected
from portico.api.returning import nobody_leaves
from portico.dispatch.caching import (
    KEEP,
    ORIGIN,
    Cache,
    Control,
    Given,
    Question,
    chat_question,
    told,
)
from portico.dispatch.gateway import Gateway
from portico.dispatch.idempotency import Finished
from portico.dispatch.journey import Journey
from portico.errors import GatewayError

WHOLE = frozenset({"stop", "tool_calls"})
"""Ends of an answer after which nothing is missing."""
BYPASS = (b"x-portico-cache", b"bypass")
REPLACED = frozenset({REQUEST_ID.encode(), KEEP[0], b"age"})
"""Headers of an answer that are another's when it is given again."""


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def is_whole(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Return whether an answer may be given again: good, ended by itself, and nothing less."""
    if status != 200 or any(name == b"x-portico-degraded" for name, _ in headers):
        return False
    try:
        found = msgspec.json.decode(body, type=_Completion)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return bool(found.choices) and all(one.finish_reason in WHOLE for one in found.choices)


class CachedChat:
    """The answer in one piece, as it was given before to the same question, or made and kept."""

    def __init__(self, cache: Cache, wish: Control, gateway: Gateway, journey: Journey) -> None:
        self._cache = cache
        self._wish = wish
        self._gateway = gateway
        self._journey = journey
        self._whole = Whole(gateway, journey)

    async def respond(self, receive: Receive, send: Send) -> None:
        """Answer, or say why not; returns early if the client leaves."""
        async with while_connected(receive):
            try:
                catalog = self._gateway.house.catalog.version
                eyes = self._gateway.failover.eyes
                question = await chat_question(self._journey, catalog, eyes)
                given = await self._given(question, catalog)
            except GatewayError as exc:
                await send_problem(send, exc, portico_headers(self._journey), self._journey.id)
                return
            await self._send(given, send)

    async def _given(self, question: Question | None, catalog: str) -> Given:
        """Exactly the same question before one in other words, and that before a model."""
        if question is None:
            return Given(await self._made(BYPASS, b""), False)
        key = question.key

        async def work() -> Finished:
            found = await self._cache.similar(self._journey, catalog, self._wish)
            return found or await self._made(KEEP, key)

        return await self._cache.answer(question, self._wish, work)

    async def _send(self, given: Given, send: Send) -> None:
        headers = list(given.finished.headers)
        if again := told(given):
            headers = [one for one in headers if one[0] not in REPLACED]
            headers += [(REQUEST_ID.encode(), self._journey.id.encode()), *again]
            target = dict(headers).get(b"x-portico-target", b"").decode("latin-1")
            self._gateway.given_again(self._journey, target)
        await send(
            {"type": "http.response.start", "status": given.finished.status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": given.finished.body})

    async def _made(self, mark: tuple[bytes, bytes], key: bytes) -> Finished:
        sent: list[Message] = []

        async def note(message: Message) -> None:
            sent.append(message)

        await self._whole.respond(nobody_leaves, note)
        start, *bodies = sent
        body = b"".join(message["body"] for message in bodies)
        headers = list(start["headers"])
        whole = self._wish.write and is_whole(start["status"], headers, body)
        headers.append(mark if whole else BYPASS)
        headers.append((ORIGIN, self._journey.id.encode()))
        if whole and self._cache.likely is not None:
            self._cache.likely.observe(self._journey, self._gateway.house.catalog.version, key)
        return Finished(start["status"], tuple(headers), body)
