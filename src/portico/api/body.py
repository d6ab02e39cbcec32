"""A request's body: read once, and not a byte more of it kept than the limit allows."""

import asyncio
from contextlib import suppress

from starlette.types import Message, Receive

from portico.dispatch.turnstile import HEAVY, Turnstile
from portico.errors import MalformedRequest, RequestTooLarge

STALLED = 60.0
"""Seconds that a body may stand still."""
WHOLE = "portico.whole"
"""In a request's scope, where `front` has all of its body before anybody asks for it."""
PARTING = 1.0
"""Seconds that a client who is still sending is given to read that it was refused."""


async def read_body(
    receive: Receive,
    declared: bytes | None,
    limit: int,
    turnstile: Turnstile | None = None,
    *,
    whole: bool = False,
) -> bytes | None:
    """
    Return the whole body, or None if the client left before it was sent.

    The pieces of a large one pass *turnstile*: its socket waits meanwhile, and others do not.
    *whole*: all of it has come already, and needs no clock.

    Raises:
        RequestTooLarge: over *limit* bytes, by its declared length or by what has come.
        MalformedRequest: nothing came for a minute.
    """
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await (receive() if whole else _next(receive))
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if turnstile is not None and size > HEAVY:
            await turnstile.passed()
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _next(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(STALLED):
            return await receive()
    except TimeoutError:
        raise MalformedRequest("The body stopped coming.") from None


async def leave_unread(receive: Receive) -> None:
    """
    Let a client that is still sending come to read its answer; keeps nothing of what comes.

    Closing a connection with bytes unread resets it, and a reset can overtake the answer.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(PARTING):
            while (await receive()).get("more_body", False):
                pass


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is over {limit / 1_000_000:g} MB.")
