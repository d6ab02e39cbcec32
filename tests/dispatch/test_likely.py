"""Questions in other words are noticed, compared within their room, and never answered."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from portico.access.base import Caller
from portico.api.wire import parse
from portico.dispatch import likely
from portico.dispatch.errands import Errands
from portico.dispatch.journey import Journey
from portico.dispatch.likely import Likely, cosine
from portico.errors import StoreUnavailable
from portico.memory.base import Vector
from portico.simulator.listings import embed

pytestmark = pytest.mark.anyio


class Meaning:
    """Makes vectors as the simulator does; *away*, none."""

    away = False

    async def vectors(self, texts: Sequence[str], caller: Caller, ident: str) -> list[Vector]:
        if self.away:
            raise StoreUnavailable("away", retry_after=1)
        return [embed(text, 64) for text in texts]


def journey(text: str, **more: Any) -> Journey:
    body = {"model": "code", "messages": [{"role": "user", "content": text}], **more}
    return Journey(f"req_{text[:9]}", parse(json.dumps(body).encode()), 0.0, 0.0)


async def observed(watch: Likely, *texts: str, **more: Any) -> None:
    for text in texts:
        watch.observe(journey(text, **more), "v1", text.encode())
        for _ in range(5):
            await asyncio.sleep(0)


async def test_the_same_in_other_words_is_counted_and_told_by_both_ids(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Errands() as errands:
        watch = Likely(Meaning(), errands, least=0.5)  # type: ignore[arg-type]  # a filling of it
        with caplog.at_level(logging.INFO, "portico.dispatch.likely"):
            await observed(watch, "What is a good contrast?", "what is a good contrast?")
    assert (watch.seen, watch.alike, watch.passed) == (2, 1, 1)
    assert "would have been answered as" in caplog.text


async def test_what_is_far_or_says_nothing_or_is_of_another_room_is_not_alike() -> None:
    async with Errands() as errands:
        watch = Likely(Meaning(), errands)  # type: ignore[arg-type]
        await observed(watch, "What is a good contrast?", "Restart the database", "   ")
        await observed(watch, "What is a good contrast?", temperature=0.5)
    assert (watch.seen, watch.alike) == (3, 0)


async def test_without_vectors_nothing_is_compared_and_nothing_fails() -> None:
    meaning = Meaning()
    meaning.away = True
    async with Errands() as errands:
        watch = Likely(meaning, errands)  # type: ignore[arg-type]
        await observed(watch, "What is a good contrast?")
    assert watch.seen == 0


async def test_rooms_are_bounded() -> None:
    async with Errands() as errands:
        watch = Likely(Meaning(), errands)  # type: ignore[arg-type]
        for number in range(likely.ROOMS + 1):
            await observed(watch, "What is a good contrast?", seed=number)
        await observed(watch, "What is a good contrast?", seed=likely.ROOMS)
        assert watch.alike == 1
        await observed(watch, "What is a good contrast?", seed=0)
        assert watch.alike == 1, "the oldest room has been given up"


def test_the_cosine_of_nothing_is_nothing() -> None:
    assert cosine([0.0, 0.0], [1.0, 2.0]) == 0.0
    assert cosine([1.0, 2.0], [2.0, 4.0]) == pytest.approx(1.0)


async def found(watch: Likely, text: str, **more: Any) -> bytes | None:
    return await watch.find(journey(text, **more), "v1")


async def test_whose_answer_will_do_is_said_only_where_it_may_serve() -> None:
    asked, again = "What is a good contrast?", "what is a good contrast, please?"
    async with Errands() as errands:
        for serving in (False, True):
            watch = Likely(Meaning(), errands, 0.5, serving=serving)  # type: ignore[arg-type]
            await observed(watch, asked)
            assert await found(watch, again) == (asked.encode() if serving else None)
            assert watch.given == serving


@pytest.mark.parametrize(
    "other",
    [
        "What is a bad contrast?",
        "What is not a good contrast?",
        "What is a good contrast 2?",
        "contrast good a is what?",
    ],
)
async def test_what_the_gate_stops_is_not_even_compared(other: str) -> None:
    async with Errands() as errands:
        watch = Likely(Meaning(), errands, 0.0, serving=True)  # type: ignore[arg-type]
        await observed(watch, "What is a good contrast?")
        watch._meaning = None  # type: ignore[assignment]  # a vector would be missed
        assert await found(watch, other) is None


async def test_what_is_far_or_elsewhere_or_cannot_be_compared_is_asked_anew() -> None:
    meaning, asked = Meaning(), "What is a good contrast?"
    async with Errands() as errands:
        watch = Likely(meaning, errands, 1.1, serving=True)  # type: ignore[arg-type]
        await observed(watch, asked)
        assert await found(watch, asked) is None
        watch = Likely(meaning, errands, 0.5, serving=True)  # type: ignore[arg-type]
        await observed(watch, asked)
        assert await found(watch, asked, temperature=0.5) is None
        assert await found(watch, asked, n=2) is None
        watch.clear()
        assert await found(watch, asked) is None
        await observed(watch, asked)
        meaning.away = True
        assert await found(watch, asked) is None
