"""What an exchange makes of upstreams that break their promise."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from portico.chat.reply import Batch, Delta, Usage
from portico.chat.request import ChatRequest
from portico.dispatch.exchange import Exchange
from portico.egress.status import Exit, Receipt
from portico.errors import StreamBroken
from portico.routing.attempts import Answered, Broken, Failed, Kind, Passage
from portico.routing.tiers import Target
from portico.upstreams.base import Ask, Slip

pytestmark = pytest.mark.anyio

ASK = Ask(ChatRequest("m", [], stream=True), Target("one", "up", "m"))


@dataclass(frozen=True)
class Saying:
    """An upstream that says its batches, and ends."""

    batches: Sequence[Batch]
    holds: bool = False  # the line, with nothing more to say

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._said()

    async def _said(self) -> AsyncIterator[Batch]:
        for batch in self.batches:
            yield batch
        if self.holds:
            await asyncio.Event().wait()

    async def models(self) -> frozenset[str] | None:
        return None


def exchange() -> Exchange:
    return Exchange(ASK, time.monotonic(), 5.0)


async def test_an_answer_that_ends_before_it_begins_is_none() -> None:
    one = exchange()
    async with one:
        failure = await one.start(Saying([[Delta()], [Delta(usage=Usage(1, 0))]]))

    assert failure is not None
    assert failure.kind is Kind.UNAVAILABLE
    assert isinstance(one.outcome, Failed)


async def test_an_answer_that_ends_without_a_finish_is_broken() -> None:
    one = exchange()
    async with one:
        assert await one.start(Saying([[Delta("a")], [Delta("b", usage=Usage(1, 2))]])) is None
        assert await one.more() == [Delta("a")]
        assert await one.more() == [Delta("b", usage=Usage(1, 2))]
        with pytest.raises(StreamBroken):
            await one.more()

    assert isinstance(one.outcome, Broken)
    assert one.outcome.usage == Usage(1, 2)


async def test_a_finished_answer_is_whole() -> None:
    one = exchange()
    async with one:
        assert await one.start(Saying([[Delta("a")], [Delta(finish="stop")]])) is None
        batches = 0
        while await one.more() is not None:
            batches += 1

    assert batches == 2
    assert isinstance(one.outcome, Answered)


@pytest.mark.parametrize(("asked", "whole"), [(None, True), (1, True), (2, False)])
async def test_who_holds_the_line_after_the_finish_has_said_it_all(
    asked: int | None, whole: bool
) -> None:
    patience = dataclasses.replace(ASK.target.patience, idle=0.01)
    brisk = dataclasses.replace(ASK.target, patience=patience)
    request = ChatRequest("m", [], stream=True, n=asked)
    one = Exchange(replace(ASK, request=request, target=brisk), time.monotonic(), 5.0)
    async with one:
        said: list[Batch] = [[Delta("a")], [Delta(finish="stop", usage=Usage(1, 2))]]
        assert await one.start(Saying(said, holds=True)) is None
        with nullcontext() if whole else pytest.raises(StreamBroken):
            assert [await one.more() for _ in range(3)] == [*said, None]

    assert isinstance(one.outcome, Answered if whole else Broken)
    assert one.outcome.usage == Usage(1, 2)


@pytest.mark.parametrize(
    ("receipt", "passage"),
    [
        (None, None),
        (Receipt("direct"), None),
        (Receipt("google", "sg1"), Passage("sg1")),
        (
            Receipt("google", "sg1", Exit("203.0.113.7", "SG"), 12.0),
            Passage("sg1", "203.0.113.7", "SG", 12.0),
        ),
    ],
)
async def test_an_attempt_tells_by_which_tunnel_and_exit_it_went(
    receipt: Receipt | None, passage: Passage | None
) -> None:
    one = Exchange(replace(ASK, slip=Slip(receipt)), time.monotonic(), 5.0)
    async with one:
        assert one.attempt("a").passage == passage
