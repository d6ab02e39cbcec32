"""Asks an upstream of the `litellm` dialect, and says what came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from portico.chat.reply import Batch, Delta, Reply, collect
from portico.egress.paths import Direct, Path
from portico.egress.pool import Pool
from portico.routing.attempts import Failure
from portico.simulator.calls import Bill
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.upstreams.base import Account, Ask, UpstreamFailed
from portico.upstreams.litellm import LiteLLM

KEY = "sk-secret-key"
PATHS = {"anthropic": "/anthropic", "ollama": "/ollama", "openai": "/openai/v1"}
MODELS = {"anthropic": "claude-sonnet-4-5", "ollama": "llama3.3", "openai": "some-model"}


@asynccontextmanager
async def asked_at(
    provider: str, base_url: str, path: Path | None = None, key: str = KEY
) -> AsyncIterator[LiteLLM]:
    pool = Pool(path or Direct())
    try:
        tunnelled = not isinstance(pool.path, Direct)
        yield LiteLLM(Account("up", base_url, pool, key, tunnelled=tunnelled), provider)
    finally:
        await pool.aclose()


@asynccontextmanager
async def simulated(provider: str) -> AsyncIterator[tuple[LiteLLM, Simulator]]:
    simulator = Simulator()
    async with (
        serve_simulator(simulator) as url,
        asked_at(provider, url + PATHS[provider]) as upstream,
    ):
        yield upstream, simulator


async def batches(upstream: LiteLLM, asked: Ask) -> list[Batch]:
    async with upstream.open(asked) as answer:
        return [batch async for batch in answer]


async def answer(upstream: LiteLLM, asked: Ask) -> Reply:
    found = await batches(upstream, asked)
    return collect(delta for batch in found for delta in batch)


async def failing(upstream: LiteLLM, asked: Ask) -> tuple[str, Failure]:
    """What was said before the answer failed, and the failure."""
    said: list[Delta] = []
    with pytest.raises(UpstreamFailed) as caught:
        await _listen(upstream, asked, said)
    assert not any(delta.finish for delta in said), "a failed answer was finished"
    assert KEY not in str(caught.value)
    return "".join(delta.reasoning + delta.text for delta in said), caught.value.failure


async def _listen(upstream: LiteLLM, asked: Ask, said: list[Delta]) -> None:
    async with upstream.open(asked) as batches:
        async for batch in batches:
            said += batch


async def bill(simulator: Simulator) -> Bill:
    """The simulator's first bill: written once an answer has ended, or its caller has left."""
    while not simulator.bills:  # noqa: ASYNC110  # the simulator knows no events
        await asyncio.sleep(0.01)
    return simulator.bills[0]


async def called(simulator: Simulator) -> None:
    """Wait until the simulator was asked something."""
    while not simulator.calls:  # noqa: ASYNC110  # the simulator knows no events
        await asyncio.sleep(0.01)
