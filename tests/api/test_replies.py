"""Whoever leaves is noticed, and nobody else is disturbed."""

import asyncio
import weakref

import pytest
from starlette.types import Message

from portico.api.replies import while_connected

pytestmark = pytest.mark.anyio


class Client:
    """A client that stays until it leaves; `asked` counts how often somebody looked."""

    def __init__(self) -> None:
        self.asked = 0
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        self.asked += 1
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_the_block_ends_when_the_client_leaves_and_its_task_goes_on() -> None:
    client = Client()
    client.gone.set()
    async with while_connected(client.receive):
        await asyncio.Event().wait()
    me = asyncio.current_task()
    assert me is not None
    assert me.cancelling() == 0
    await asyncio.sleep(0)  # nothing is left over that would strike here


async def test_what_is_over_at_once_is_not_watched() -> None:
    client = Client()
    async with while_connected(client.receive):
        await asyncio.sleep(0)
    assert client.asked == 0


async def test_a_cancellation_from_elsewhere_is_no_clients_leaving() -> None:
    client = Client()

    async def work() -> None:
        async with while_connected(client.receive):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_writing_to_somebody_who_has_left_is_no_error() -> None:
    async with while_connected(Client().receive):
        raise OSError("broken pipe")


async def test_any_other_error_is_one() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with while_connected(Client().receive):
            raise ValueError("mine")


async def test_a_watched_request_is_free_without_a_collection_of_garbage() -> None:
    """Collections are rare (decision 004), and every stream of some length is watched."""
    client = Client()
    watching = while_connected(client.receive)
    async with watching:
        while not client.asked:  # noqa: ASYNC110 - the timer is the block's own
            await asyncio.sleep(0.01)
    left = weakref.ref(watching)
    del watching
    await asyncio.sleep(0.01)
    assert left() is None
