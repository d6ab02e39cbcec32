"""Work in the background: somebody waits for it, or it ends; and it always ends with its owner."""

import asyncio
import gc
import logging
import weakref

import pytest

from portico.dispatch.errands import Errands
from portico.errors import Overloaded

pytestmark = pytest.mark.anyio


async def forever() -> None:
    await asyncio.Event().wait()


async def test_everybody_who_waits_gets_what_came_of_it() -> None:
    begun = 0

    async def work() -> str:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)
        return "done"

    async with Errands() as errands:
        errand = errands.begin(work(), 0.0)
        assert await asyncio.gather(*(errand.result() for _ in range(5))) == ["done"] * 5
        assert errand.over
        assert await errand.result() == "done"

    assert begun == 1


async def test_a_waiter_who_leaves_does_not_take_the_others_answer_along() -> None:
    go = asyncio.Event()
    async with Errands() as errands:
        errand = errands.begin(go.wait(), 0.0)
        first, second = (asyncio.create_task(errand.result()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        await asyncio.sleep(0.01)
        go.set()
        assert await second is True


async def test_work_that_nobody_waits_for_is_given_up() -> None:
    async with Errands() as errands:
        errand = errands.begin(forever(), 0.0)
        with errand.awaited():
            await asyncio.sleep(0.01)
            assert not errand.over
        await asyncio.wait({errand.task}, timeout=5)
        assert errand.task.cancelled()
        with pytest.raises(Overloaded):
            await errand.result()


async def test_whoever_comes_back_in_time_keeps_it_going() -> None:
    async with Errands() as errands:
        errand = errands.begin(forever(), 0.01)
        with errand.awaited():
            pass
        with errand.awaited():
            await asyncio.sleep(0.05)
            assert not errand.over


async def test_what_came_of_it_is_held_by_nobody_who_does_not_want_it() -> None:
    class Answer:
        pass

    async def work() -> Answer:
        await asyncio.sleep(0.01)
        return Answer()

    async with Errands() as errands:
        errand = errands.begin(work(), 600.0)
        with errand.awaited():
            pass
        await asyncio.wait({errand.task})
        await asyncio.sleep(0)
        answer = weakref.ref(errand.task.result())
        del errand
        gc.collect()
        assert answer() is None


async def test_leaving_ends_what_is_under_way() -> None:
    async with Errands() as errands:
        errand = errands.begin(forever(), 60.0)
        waiter = asyncio.create_task(errand.result())
        await asyncio.sleep(0)

    assert errand.task.cancelled()
    with pytest.raises(Overloaded):
        await waiter


async def test_a_fault_reaches_who_waits_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with Errands() as errands:
            with pytest.raises(ZeroDivisionError):
                await errands.begin(work(), 0.0).result()

    assert "ZeroDivisionError" in caplog.messages[0]


async def test_what_is_sent_off_ends_though_nobody_ever_waits_for_it() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    async with Errands() as errands:
        errands.send(work(), 0.01)
        async with asyncio.timeout(5):
            await cancelled.wait()
