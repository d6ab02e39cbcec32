"""Asks an upstream of OpenAI's dialect, and says what came of it."""

from portico.chat.reply import Batch, Reply, collect
from portico.routing.attempts import Failure
from portico.upstreams.base import Ask, UpstreamFailed
from portico.upstreams.openai import OpenAI


async def batches(upstream: OpenAI, asked: Ask) -> list[Batch]:
    async with upstream.open(asked) as answer:
        return [batch async for batch in answer]


async def answer(upstream: OpenAI, asked: Ask) -> Reply:
    found = await batches(upstream, asked)
    return collect(delta for batch in found for delta in batch)


async def failing(upstream: OpenAI, asked: Ask) -> tuple[str, Failure]:
    """What was said before the answer failed, and the failure."""
    said: list[str] = []
    try:
        async with upstream.open(asked) as batches:
            async for batch in batches:
                said += [delta.reasoning + delta.text for delta in batch]
    except UpstreamFailed as exc:
        return "".join(said), exc.failure
    raise AssertionError("the answer did not fail")
