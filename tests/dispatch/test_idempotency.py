"""One claim, one piece of work; what is kept stays within its bounds."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from portico.dispatch.errands import Errands
from portico.dispatch.idempotency import COST, Claim, Finished, Once, Shelf
from portico.errors import KeyReused

pytestmark = pytest.mark.anyio

CLAIM = Claim("ann", b"k", b"question")


def finished(body: bytes = b"", status: int = 200) -> Finished:
    return Finished(status, (), body)


class Counted:
    """Work that counts how often it is done, and waits until it may end."""

    def __init__(self, *answers: Finished) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self._answers = answers or (finished(b"answer"),)

    async def __call__(self) -> Finished:
        self.begun += 1
        answer = self._answers[min(self.begun, len(self._answers)) - 1]
        await self.go.wait()
        return answer


def once(errands: Errands, window: float = 60.0) -> Once:
    return Once(Shelf(window, 1_000_000), errands)


async def test_the_same_claim_is_worked_on_once_however_many_ask_at_once() -> None:
    async with Errands() as errands:
        sole, work = once(errands), Counted()
        asking = [asyncio.create_task(sole.answer(CLAIM, work)) for _ in range(10)]
        await asyncio.sleep(0)
        work.go.set()
        answers = await asyncio.gather(*asking)
        later = await sole.answer(CLAIM, work)

    assert work.begun == 1
    assert {answer.body for answer, _ in answers} == {b"answer"}
    assert sorted(replay for _, replay in answers) == [False] + [True] * 9
    assert later == (answers[0][0], True)


@pytest.mark.parametrize("done", [False, True], ids=["under way", "kept"])
async def test_a_key_is_good_for_one_question(done: bool) -> None:
    async with Errands() as errands:
        sole, work = once(errands), Counted()
        first = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        if done:
            work.go.set()
            await first
        with pytest.raises(KeyReused) as caught:
            await sole.answer(Claim("ann", b"k", b"another"), work)
        work.go.set()
        await sole.answer(Claim("ben", b"k", b"another"), work)
        await sole.answer(Claim("ann", b"l", b"another"), work)

    assert caught.value.param == "Idempotency-Key"
    assert work.begun == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_a_retry_could_mend_is_not_kept(status: int) -> None:
    async with Errands() as errands:
        sole, work = once(errands), Counted(finished(status=status), finished(b"well"))
        work.go.set()
        first, _ = await sole.answer(CLAIM, work)
        second = await sole.answer(CLAIM, work)

    assert first.status == status
    assert second == (finished(b"well"), False)


@pytest.mark.parametrize("status", [200, 400, 404, 413, 422])
async def test_an_answer_and_an_honest_refusal_are_kept(status: int) -> None:
    async with Errands() as errands:
        sole, work = once(errands), Counted(finished(status=status))
        work.go.set()
        await sole.answer(CLAIM, work)
        assert await sole.answer(CLAIM, work) == (finished(status=status), True)


async def test_work_goes_on_when_its_client_leaves_and_the_retry_gets_it() -> None:
    async with Errands() as errands:
        sole, work = once(errands), Counted()
        first = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        work.go.set()
        assert await second == (finished(b"answer"), True)

    assert work.begun == 1


async def test_work_that_was_given_up_is_begun_anew() -> None:
    async with Errands() as errands:
        sole, work = once(errands, window=0.0), Counted()
        first = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        await asyncio.sleep(0.01)
        work.go.set()
        assert await sole.answer(CLAIM, work) == (finished(b"answer"), False)

    assert work.begun == 2


async def test_a_late_end_of_given_up_work_is_not_mistaken_for_its_successors() -> None:
    """What was given up takes its time to end; meanwhile the same claim is worked on anew."""
    ends = asyncio.Event()

    async def stubborn() -> Finished:
        try:
            await asyncio.Event().wait()
        finally:
            await ends.wait()
        raise AssertionError

    async with Errands() as errands:
        sole, work = once(errands, window=0.01), Counted()
        first = asyncio.create_task(sole.answer(CLAIM, stubborn))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0.05)
        second = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        ends.set()
        await asyncio.sleep(0.01)
        third = asyncio.create_task(sole.answer(CLAIM, work))
        await asyncio.sleep(0)
        work.go.set()
        answers = [await second, await third]

    assert answers == [(finished(b"answer"), False), (finished(b"answer"), True)]


async def test_a_fault_of_ours_is_not_kept() -> None:
    async def faulty() -> Finished:
        raise ZeroDivisionError

    async with Errands() as errands:
        sole, work = once(errands), Counted()
        work.go.set()
        with pytest.raises(ZeroDivisionError):
            await sole.answer(CLAIM, faulty)
        assert await sole.answer(CLAIM, work) == (finished(b"answer"), False)


KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
ROOM = 4 * COST
WINDOW = 10


class Shelving(RuleBasedStateMachine):
    """A shelf, beside all that was ever put on it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.shelf = Shelf(WINDOW, ROOM, lambda: self.now)
        self.put: dict[bytes, tuple[Finished, float]] = {}
        self.ever = 0

    @rule(key=KEYS, size=st.integers(0, 5 * COST), status=st.sampled_from([200, 400, 429, 503]))
    def keep(self, key: bytes, size: int, status: int) -> None:
        answer = finished(b"x" * size, status)
        self.shelf.keep(Claim(None, key, b""), answer)
        if answer.lasting and answer.size <= ROOM:
            self.put[key] = answer, self.now + WINDOW
            self.ever += answer.size

    @rule(key=KEYS)
    def find(self, key: bytes) -> None:
        found = self.shelf.find(Claim(None, key, b""))
        answer, until = self.put.get(key, (None, 0.0))
        if found is not None:
            assert found is answer
            assert self.now < until
        elif self.now < until:
            assert self.ever > ROOM, "there was no need to drop it"

    @rule(seconds=st.integers(1, 6))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def is_within_its_bounds(self) -> None:
        kept = [entry.finished for entry in self.shelf._kept.values()]
        assert self.shelf.size == sum(answer.size for answer in kept) <= ROOM


TestShelf = Shelving.TestCase


@given(st.lists(st.tuples(KEYS, st.booleans()), max_size=20))
def test_nobody_gets_what_another_question_was_answered(asks: list[tuple[bytes, bool]]) -> None:
    shelf = Shelf(WINDOW, 1_000_000, lambda: 0.0)
    first: dict[bytes, bool] = {}
    for key, question in asks:
        claim = Claim(None, key, bytes([question]))
        if first.setdefault(key, question) != question:
            with pytest.raises(KeyReused):
                shelf.find(claim)
        elif shelf.find(claim) is None:
            shelf.keep(claim, finished(bytes([question])))
        else:
            assert shelf.find(claim) == finished(bytes([question]))


def test_what_was_not_asked_for_longest_goes_first() -> None:
    shelf = Shelf(WINDOW, ROOM, lambda: 0.0)
    claims = [Claim(None, key, b"") for key in (b"a", b"b", b"c", b"d")]
    for claim in claims[:3]:
        shelf.keep(claim, finished())
    shelf.find(claims[0])
    shelf.keep(claims[3], finished(b"x" * COST))

    assert [shelf.find(claim) is not None for claim in claims] == [True, False, True, True]


def test_an_answer_is_forgotten_once_its_window_is_over() -> None:
    now = [0.0]
    shelf = Shelf(WINDOW, ROOM, lambda: now[0])
    claim = Claim(None, b"a", b"")
    shelf.keep(claim, finished())
    assert shelf.find(claim) is not None
    now[0] = WINDOW
    assert shelf.find(claim) is None
    assert shelf.size == 0
