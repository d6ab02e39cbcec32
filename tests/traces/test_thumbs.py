"""One answer has one thumb, the latest, in whatever order and however often it is told of."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.errors import StoreUnavailable
from portico.traces.base import Card, Keep, Thumb
from portico.traces.composing import Composer
from portico.traces.desk import Desk
from portico.traces.recorder import Recorder
from portico.traces.ring import Ring
from portico.traces.sqlite import SQLiteTraces, open_sqlite
from portico.traces.thumbs import Fate, Rating, Thumbs, Waiting
from tests.traces.made import NOW, take, trace

pytestmark = pytest.mark.anyio

MESSAGE = {"chat": "chat-1", "message": "message-1"}


class Moody:
    """A real store that can be away."""

    def __init__(self, store: SQLiteTraces) -> None:
        self.store = store
        self.away = False

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise StoreUnavailable("gone fishing")
        return getattr(self.store, name)


@dataclass
class Stall:
    store: Moody
    thumbs: Thumbs
    recorder: Recorder

    async def card(self, ident: str) -> Card:
        found = await self.store.find(ident)
        assert found is not None
        card: Card = found.card
        return card


@pytest.fixture
async def stall(tmp_path: Path) -> AsyncIterator[Stall]:
    async with open_sqlite(tmp_path / "traces.db") as opened:
        store = Moody(opened)
        async with Recorder(store, Ring(tmp_path / "ring"), Composer()) as recorder:
            thumbs = Thumbs(Desk(store, recorder, Keep()), Waiting(tmp_path / "thumbs"))
            yield Stall(store, thumbs, recorder)


def rating(thumb: Thumb | None = Thumb.UP, at: float = NOW, **told: Any) -> Rating:
    return Rating(thumb=thumb, at=at, **{**MESSAGE, **told})


async def test_a_message_is_answered_by_its_last_request_that_was_no_errand(stall: Stall) -> None:
    tool, last = trace(started=NOW - 9, **MESSAGE), trace(started=NOW - 5, **MESSAGE)
    title = trace(started=NOW - 1, task="title_generation", **MESSAGE)
    await stall.store.append([tool, last, title, trace(chat="chat-1", message="other")])
    fate, card = await stall.thumbs.take(rating(why="clear"))
    assert fate is Fate.JOINED
    assert card is not None
    assert (card.id, card.thumb_why) == (last.card.id, "clear")
    assert await stall.card(last.card.id) == card
    assert (await stall.card(tool.card.id)).thumb is None


async def test_a_thumb_may_be_faster_than_the_trace(stall: Stall) -> None:
    stall.recorder.record(take(ident="req_new", **MESSAGE))
    assert (await stall.thumbs.take(rating()))[0] is Fate.JOINED
    assert (await stall.card("req_new")).thumb is Thumb.UP


async def test_of_somebody_elses_or_an_unknown_request_nothing_is_said(stall: Stall) -> None:
    kept = trace(caller="key_1", **MESSAGE)
    await stall.store.append([kept])
    by_id = {"chat": None, "message": None, "request": kept.card.id}
    for told in ({"caller": "key_2"}, {**by_id, "caller": "key_2"}, {"message": "nobody"}):
        assert await stall.thumbs.take(rating(**told)) == (Fate.UNKNOWN, None)
    for told in ({"caller": "key_1"}, {**by_id, "caller": "key_1"}, by_id):
        assert (await stall.thumbs.take(rating(**told)))[0] is Fate.JOINED


async def test_a_clock_that_is_ahead_is_not_believed_for_ever(stall: Stall) -> None:
    kept = trace(**MESSAGE)
    await stall.store.append([kept])
    await stall.thumbs.take(rating(Thumb.DOWN, at=NOW + 10**9))
    assert (await stall.thumbs.take(rating(Thumb.UP, at=NOW + 10**9)))[0] is Fate.JOINED
    assert (await stall.card(kept.card.id)).thumb is Thumb.UP


async def test_while_the_store_is_away_the_latest_waits_and_outlives_a_restart(
    stall: Stall, tmp_path: Path
) -> None:
    kept, other = trace(**MESSAGE), trace(chat="chat-1", message="message-2")
    await stall.store.append([kept, other])
    stall.store.away = True
    for given_ in (
        rating(Thumb.DOWN, at=NOW - 2),
        rating(Thumb.UP, at=NOW - 1),
        rating(Thumb.DOWN, at=NOW - 3),
        rating(Thumb.DOWN, message="message-2"),
        rating(Thumb.DOWN, message="of nothing"),
    ):
        assert await stall.thumbs.take(given_) == (Fate.WAITING, None)
    waiting = Waiting(tmp_path / "thumbs")
    assert len(waiting.files()) == 3
    assert {file.stat().st_mode & 0o777 for file in waiting.files()} == {0o600}
    with pytest.raises(StoreUnavailable):
        await stall.thumbs.join_waiting()
    stall.store.away = False
    again = Thumbs(stall.thumbs.desk, waiting)
    joining = asyncio.create_task(again.keep_joining(0.01))
    while waiting.files():  # noqa: ASYNC110 - the test's own timeout ends it
        await asyncio.sleep(0.005)
    joining.cancel()
    assert (await stall.card(kept.card.id)).thumb is Thumb.UP
    assert (await stall.card(other.card.id)).thumb is Thumb.DOWN


async def test_where_nothing_can_wait_it_is_refused(stall: Stall, tmp_path: Path) -> None:
    (tmp_path / "thumbs").write_text("in the way")
    stall.store.away = True
    with pytest.raises(StoreUnavailable, match="nothing more can wait"):
        await stall.thumbs.take(rating())


def test_what_is_damaged_while_it_waits_is_deleted(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    assert waiting.put(rating())
    (file,) = waiting.files()
    file.write_text("{")
    assert waiting.read(file) is None
    assert waiting.files() == []
    assert waiting.read(file) is None


@given(st.permutations([(at, thumb) for at in (1, 2, 3) for thumb in (Thumb.UP,)] * 2))
def test_what_waits_is_the_latest_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, told: Sequence[tuple[int, Thumb]]
) -> None:
    waiting = Waiting(tmp_path_factory.mktemp("thumbs"))
    for at, thumb in told:
        waiting.put(rating(thumb, at=at))
    (file,) = waiting.files()
    found = waiting.read(file)
    assert found is not None
    assert found.at == 3
