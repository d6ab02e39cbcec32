"""Two processes that share: what the one does under a key, the other knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.dispatch.elsewhere import AGAIN, LARGEST, Everywhere, Seal, _Note
from portico.dispatch.errands import Errands
from portico.dispatch.idempotency import Claim, Finished, Once, Shelf
from portico.errors import KeyReused
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub

pytestmark = pytest.mark.anyio

CLAIM = Claim("anna", b"k-1", b"a question")
OTHER = Claim("anna", b"k-1", b"another question")
ANSWER = Finished(200, ((b"a", b"b"),), b"an answer")
SEAL = Seal(b"a secret of the lab")


@asynccontextmanager
async def sharing(hub: Path) -> AsyncIterator[Everywhere]:
    async with Sharing(UnixHub(hub), within=5).opened() as shares:
        yield Everywhere(shares, SEAL, 60)


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Everywhere, Everywhere]]:
    with keep_hub() as hub:
        async with sharing(hub) as one, sharing(hub) as other:
            yield one, other


async def answer() -> Finished:
    return ANSWER


async def never() -> Finished:
    raise AssertionError("it is worked on twice")


async def test_what_one_has_answered_is_given_again_by_the_other() -> None:
    async with both() as (one, other):
        assert await one.once(CLAIM, answer) == (ANSWER, False)
        assert await other.once(CLAIM, never) == (ANSWER, True)


async def test_a_key_that_has_an_answer_elsewhere_is_not_anothers() -> None:
    async with both() as (one, other):
        await one.once(CLAIM, answer)
        refused, replay = await other.once(OTHER, never)

    assert isinstance(refused, KeyReused)
    assert not replay


async def test_a_key_that_is_worked_on_elsewhere_is_not_anothers() -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow() -> Finished:
        begun.set()
        await free.wait()
        return ANSWER

    async with both() as (one, other):
        working = asyncio.create_task(one.once(CLAIM, slow))
        await begun.wait()
        refused, _ = await other.once(OTHER, never)
        waiting = asyncio.create_task(other.once(CLAIM, never))
        await asyncio.sleep(AGAIN / 2)
        assert not waiting.done()
        free.set()

        assert await waiting == (ANSWER, True)
        assert await working == (ANSWER, False)
    assert isinstance(refused, KeyReused)


async def test_what_is_too_large_to_be_kept_for_all_is_worked_on_where_it_is_asked() -> None:
    large = Finished(200, (), bytes(LARGEST + 1))

    async def much() -> Finished:
        return large

    async with both() as (one, other):
        assert await one.once(CLAIM, much) == (large, False)
        assert await other.once(CLAIM, answer) == (ANSWER, False)


async def test_where_nothing_can_be_kept_for_all_everybody_answers_all_the_same() -> None:
    with keep_hub() as hub:
        async with sharing(hub) as one, sharing(hub) as other:
            hub.with_name("kept").unlink()  # its socket: places go on at the other one

            assert await one.once(CLAIM, answer) == (ANSWER, False)
            assert await other.once(CLAIM, answer) == (ANSWER, False)


async def test_a_key_used_elsewhere_is_refused_here_and_keeps_nothing() -> None:
    async with both() as (one, other), Errands() as errands:
        await one.once(CLAIM, answer)
        once = Once(Shelf(60, 1_000_000), errands, other)
        with pytest.raises(KeyReused):
            await once.answer(OTHER, never)

        assert await once.answer(CLAIM, never) == (ANSWER, True)


def test_only_who_has_the_secret_reads_what_is_kept_and_only_under_its_name() -> None:
    name = SEAL.name(CLAIM)
    kept = SEAL.close(name, _Note(CLAIM.digest, ANSWER))

    assert SEAL.open(name, kept) == _Note(CLAIM.digest, ANSWER)
    assert SEAL.open("another name", kept) is None
    assert Seal(b"another secret").open(name, kept) is None


@given(st.binary(max_size=200))
def test_what_is_not_ours_is_no_note(kept: bytes) -> None:
    assert SEAL.open("a name", kept) is None


async def test_where_nobody_can_be_asked_every_process_is_on_its_own(tmp_path: Path) -> None:
    async with sharing(tmp_path / "no hub") as one:
        assert await one.once(CLAIM, answer) == (ANSWER, False)
        assert await one.once(CLAIM, answer) == (ANSWER, False)
