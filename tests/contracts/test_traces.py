"""What every TraceStore promises. A further backend is one more line in BACKENDS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace as changed

from portico.stores.whom import Whom
from portico.traces.base import (
    DAY,
    Capture,
    Card,
    Fidelity,
    Keep,
    Life,
    Thumb,
    Trace,
    TraceQuery,
    TraceStore,
    flagged,
    pinned,
    thumbed,
    unflagged,
    unpinned,
)
from portico.traces.mongo import open_mongo
from portico.traces.postgres import open_postgres
from portico.traces.sqlite import open_sqlite
from tests.traces.made import NOW, trace

pytestmark = pytest.mark.anyio

type Opener = Callable[[Callable[[], float]], AbstractAsyncContextManager[TraceStore]]

BACKENDS = ("sqlite", "mongo", "postgres")
HOSTILE = [
    *("'; DROP TABLE traces; --", "%", "_", '"', "a,b", "null", "$where", "$ne", "a.b", "true", ""),
    *("Ж漢\u202e", "\ufffd", '{"$gt": ""}'),
]


class Clock:
    """Epoch seconds that a test may turn on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one and the same empty store, again and again."""
    if request.param == "sqlite":
        return lambda clock: open_sqlite(tmp_path / "traces.db", clock)
    if request.param == "postgres":
        database = request.getfixturevalue("database")
        return lambda clock: open_postgres(database, clock)
    server = request.getfixturevalue("mongodb")
    url = f"{server.rpartition('/')[0]}/test_{uuid4().hex}"
    return lambda clock: open_mongo(url, clock)


@pytest.fixture
async def store(opener: Opener, clock: Clock) -> AsyncIterator[TraceStore]:
    async with opener(clock) as opened:
        yield opened


FULL = {
    "operation": "chat",
    "status": 502,
    "error": "unanswered",
    "degraded": "image-handed-down",
    "role": "design",
    "target": "gemini-3-flash",
    "attempts": 3,
    "simulated": True,
    "streamed": True,
    "modalities": ("image", "text"),
    "task": "title_generation",
    "caller": "key_1",
    "person": "anna",
    "team": "lab",
    "chat": "chat-1",
    "message": "message-1",
    "capture": Capture.NO_MEDIA,
    "fidelity": Fidelity.REDACTED,
    "life": Life.FLAGGED,
    "flags": ("error", "look-again"),
    "thumb": Thumb.DOWN,
    "thumbed": NOW - 5.5,
    "thumb_why": "too verbose",
}

STORY = {
    "request": {"$ref": "#", "a.b": {"$where": "1"}, "": [None, 2**64, -1.5e-300, "\x00Ж漢\u202e"]},
    "answer": {"choices": [{"text": "x" * 5000}]},
}


async def test_a_trace_comes_back_as_it_was_kept(store: TraceStore) -> None:
    kept = trace(STORY, **FULL)
    await store.append([kept])
    assert await store.find(kept.card.id) == kept


async def test_a_trace_of_which_little_is_known_comes_back_too(store: TraceStore) -> None:
    kept = trace(expires=None)
    await store.append([kept])
    assert await store.find(kept.card.id) == kept


async def test_a_story_of_a_million_bytes_is_kept_whole(store: TraceStore) -> None:
    kept = trace({"text": "Ж漢x" * 140_000})
    await store.append([kept])
    assert await store.find(kept.card.id) == kept


async def test_an_unknown_trace_is_none(store: TraceStore) -> None:
    assert await store.find("nobody") is None


async def test_appending_nothing_is_fine(store: TraceStore) -> None:
    await store.append([])
    assert await store.cards(TraceQuery()) == []


async def test_what_is_there_stays_as_it_is(store: TraceStore) -> None:
    first, second = trace({"said": "first"}), trace()
    again = Trace(changed(first.card, outcome="failed"), Raw(b'{"said":"second"}'))
    await store.append([first])
    await store.append([again, second, second])
    assert await store.find(first.card.id) == first
    assert len(await store.cards(TraceQuery())) == 2


async def test_two_writers_at_once_keep_every_trace_once(store: TraceStore) -> None:
    kept = [trace() for _ in range(60)]
    await asyncio.gather(*(store.append(kept[start:]) for start in (0, 20, 40)))
    assert {card.id for card in await store.cards(TraceQuery(limit=200))} == {
        one.card.id for one in kept
    }


async def test_what_was_kept_is_there_for_the_next_who_opens_it(
    opener: Opener, clock: Clock
) -> None:
    kept = trace(STORY)
    async with opener(clock) as store:
        await store.append([kept])
    async with opener(clock) as store:
        assert await store.find(kept.card.id) == kept


async def test_cards_come_newest_first_a_page_at_a_time_without_gaps(store: TraceStore) -> None:
    kept = [trace(started=NOW - number // 2) for number in range(25)]
    await store.append(kept)
    seen: list[Card] = []
    page = await store.cards(TraceQuery(limit=10))
    while page:
        seen += page
        page = await store.cards(TraceQuery(limit=10, before=page[-1].id))
    wanted = sorted((one.card for one in kept), key=lambda card: (card.started, card.id))
    assert seen == wanted[::-1]


async def test_a_page_before_an_unknown_trace_is_empty(store: TraceStore) -> None:
    await store.append([trace()])
    assert await store.cards(TraceQuery(before="nobody")) == []


async def test_a_page_has_at_least_one_and_at_most_two_hundred(store: TraceStore) -> None:
    await store.append([trace() for _ in range(205)])
    assert len(await store.cards(TraceQuery(limit=10**9))) == 200
    assert len(await store.cards(TraceQuery(limit=-1))) == 1


SIEVES = {
    "caller": "key_1",
    "person": "anna",
    "team": "lab",
    "chat": "chat-1",
    "message": "message-1",
    "task": "title_generation",
    "role": "design",
    "target": "gemini-3-flash",
    "outcome": "broken",
    "life": "flagged",
    "modality": "image",
    "thumb": "down",
    "error": True,
    "degraded": True,
}


@pytest.mark.parametrize("name", SIEVES)
async def test_every_filter_narrows_the_list(store: TraceStore, name: str) -> None:
    wanted = trace(**{**FULL, "outcome": "broken"})
    plain = trace(modalities=("text", "imagery"))
    await store.append([wanted, plain])
    query = replace(TraceQuery(), **{name: SIEVES[name]})
    assert await store.cards(query) == [wanted.card]


async def test_all_filters_together_let_pass_what_fits_them_all(store: TraceStore) -> None:
    wanted = trace(**{**FULL, "outcome": "broken"})
    await store.append([wanted, trace(**FULL), trace()])
    query = TraceQuery(**SIEVES, since=NOW, until=NOW + 1)
    assert await store.cards(query) == [wanted.card]
    assert await store.cards(replace(query, since=NOW + 1)) == []
    assert await store.cards(replace(query, until=NOW)) == []


@pytest.mark.parametrize("name", ["error", "degraded"])
async def test_what_went_well_can_be_asked_for_too(store: TraceStore, name: str) -> None:
    well = trace()
    await store.append([well, trace(**FULL)])
    assert await store.cards(replace(TraceQuery(), **{name: False})) == [well.card]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_are_only_names(store: TraceStore, text: str) -> None:
    names = {"caller", "person", "team", "chat", "message", "task", "role", "target"}
    hostile, other = trace(**dict.fromkeys(names, text)), trace(**dict.fromkeys(names, "x"))
    await store.append([hostile, other])
    for name in names:
        assert await store.cards(replace(TraceQuery(), **{name: text})) == [hostile.card]
    assert await store.cards(TraceQuery(modality=text)) == []
    assert await store.cards(TraceQuery(before=text)) == []
    assert await store.find(text) is None
    assert await store.forget(Whom.named(text)) == 1
    assert await store.cards(TraceQuery()) == [other.card]


async def test_what_has_expired_is_invisible_at_once_and_gone_after_a_sweep(
    store: TraceStore, clock: Clock
) -> None:
    early = trace({"said": "early"}, expires=NOW + 3600)
    late, pin = trace(expires=NOW + 7200), trace(expires=None, life=Life.PINNED)
    await store.append([early, late, pin])
    clock.now = NOW + 3600
    assert await store.find(early.card.id) is None
    assert {card.id for card in await store.cards(TraceQuery())} == {late.card.id, pin.card.id}
    assert await store.cards(TraceQuery(before=early.card.id)) == []
    assert not await store.mark(pinned(early.card))
    assert [one async for one in store.export()] == [late, pin]
    await store.sweep()
    clock.now = NOW
    assert await store.find(early.card.id) is None, "it is still there"
    assert await store.find(late.card.id) == late
    clock.now = NOW + 100 * 365 * DAY
    await store.sweep()
    assert await store.cards(TraceQuery()) == [pin.card]


async def test_a_sweep_takes_all_that_has_expired_however_much(
    store: TraceStore, clock: Clock
) -> None:
    await store.append([trace(expires=NOW + 3600) for _ in range(450)])
    stays = trace(expires=None)
    await store.append([stays])
    clock.now = NOW + 4000
    assert await store.sweep(dry_run=True) == 450
    assert await store.sweep() == 450
    assert await store.sweep(dry_run=True) == 0
    assert await store.cards(TraceQuery()) == [stays.card]


async def test_marks_are_taken_over_and_can_be_taken_back(store: TraceStore, clock: Clock) -> None:
    keep = Keep()
    kept = trace(STORY, expires=keep.until(Life.INTERACTIVE, NOW))
    await store.append([kept])
    told = flagged(flagged(kept.card, "thumbs-down", keep), "look-again", keep)
    for card in (told, pinned(told), unpinned(pinned(told), keep), unflagged(told, None, keep)):
        assert await store.mark(card)
        assert await store.find(kept.card.id) == Trace(card, kept.story)
    assert not await store.mark(changed(kept.card, id="nobody"))


async def test_the_latest_thumb_counts_in_whatever_order_they_come(store: TraceStore) -> None:
    keep = Keep()
    kept = trace(STORY, expires=keep.until(Life.INTERACTIVE, NOW))
    await store.append([kept])
    up = thumbed(kept.card, Thumb.UP, NOW + 2, "clear", keep)
    down = thumbed(kept.card, Thumb.DOWN, NOW + 1, "wrong", keep)
    back = thumbed(up, None, NOW + 3, None, keep)
    assert (up.life, back.life) == (Life.FLAGGED, Life.INTERACTIVE)
    for card, taken in ((down, True), (up, True), (up, True), (down, False), (kept.card, False)):
        assert await store.mark(card) is taken
    assert await store.find(kept.card.id) == Trace(up, kept.story)
    assert await store.cards(TraceQuery(thumb="up")) == [up]
    assert await store.mark(back)
    assert await store.cards(TraceQuery(thumb="up")) == []
    assert await store.find(kept.card.id) == Trace(back, kept.story)


async def test_what_is_pinned_in_time_survives(store: TraceStore, clock: Clock) -> None:
    kept = trace(expires=NOW + 3600)
    await store.append([kept])
    assert await store.mark(pinned(kept.card))
    clock.now = NOW + 10 * 365 * DAY
    await store.sweep()
    assert await store.cards(TraceQuery()) == [pinned(kept.card)]
    assert await store.mark(unpinned(pinned(kept.card), Keep()))
    assert await store.cards(TraceQuery()) == []


async def test_a_person_can_be_forgotten(store: TraceStore) -> None:
    theirs = [trace(person="anna", life=life) for life in Life]
    others = [trace(person="bert"), trace()]
    await store.append([*theirs, *others])
    assert await store.forget(Whom.named("anna"), dry_run=True) == 4
    assert await store.forget(Whom.named("anna")) == 4
    assert await store.forget(Whom.named("anna")) == 0
    assert {card.id for card in await store.cards(TraceQuery())} == {one.card.id for one in others}


async def test_of_a_key_that_is_theirs_goes_what_is_nobody_elses(store: TraceStore) -> None:
    theirs = [trace(person="anna"), trace(caller="key_a"), trace(person="Anna", caller="key_b")]
    others = [trace(caller="key_a", person="bert"), trace(caller="key_c"), trace()]
    await store.append([*theirs, *others])
    whom = Whom(frozenset({"anna", "Anna"}), frozenset({"key_a"}))
    assert await store.forget(whom, dry_run=True) == 3
    assert len(await store.cards(TraceQuery())) == 6, "nothing was deleted"
    assert await store.forget(whom) == 3
    assert {card.id for card in await store.cards(TraceQuery())} == {one.card.id for one in others}


async def test_an_export_is_taken_by_an_empty_store(
    store: TraceStore, opener: Opener, tmp_path: Path, clock: Clock
) -> None:
    kept = [trace(STORY, **{**FULL, "person": f"p{number}"}) for number in range(120)]
    await store.append(kept)
    lines = [msgspec.json.encode(one) async for one in store.export()]
    assert not any(b"\n" in line for line in lines)
    async with open_sqlite(tmp_path / "other.db", clock) as other:
        await other.append([msgspec.json.decode(line, type=Trace) for line in lines])
        assert [one async for one in other.export()] == sorted(kept, key=lambda one: one.card.id)
