"""What one turn of the loop writes leaves as one packet, in order, and none of it is lost."""

import asyncio
from typing import Any, cast

import pytest

from portico.api.gathering import Gathering

pytestmark = pytest.mark.anyio


class Wire(asyncio.Transport):
    """Notes what is done with it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.done: list[Any] = []

    def write(self, data: Any) -> None:
        self.done.append(bytes(data))

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


async def test_a_head_and_its_body_leave_together_and_before_anything_else_happens() -> None:
    wire = Wire()
    gathering = Gathering(wire)
    gathering.write(b"head ")
    gathering.write(b"body")
    assert wire.done == []
    await asyncio.sleep(0)
    assert wire.done == [b"head body"]


async def test_what_is_written_later_leaves_later() -> None:
    wire = Wire()
    gathering = Gathering(wire)
    for chunk in (b"1", b"2"):
        gathering.write(chunk)
        await asyncio.sleep(0)
    assert wire.done == [b"1", b"2"]


@pytest.mark.parametrize(("ending", "told"), [("close", "closed"), ("write_eof", "eof")])
async def test_nothing_is_lost_by_an_ending(ending: str, told: str) -> None:
    wire = Wire()
    gathering = Gathering(wire)
    gathering.write(b"last words")
    getattr(gathering, ending)()
    assert wire.done == [b"last words", told]
    await asyncio.sleep(0)
    assert wire.done == [b"last words", told]


async def test_everything_else_is_the_transports_own() -> None:
    gathering = cast(asyncio.Transport, Gathering(Wire()))
    assert gathering.get_extra_info("peername") == ("127.0.0.1", 1)
    assert not gathering.is_closing()


class Closed(Wire):
    """A connection that the other side has closed; uvloop's raise at every write then."""

    def write(self, data: Any) -> None:
        if self.is_closing():
            raise RuntimeError("the handler is closed")
        super().write(data)


async def test_nothing_is_said_to_somebody_who_left_in_the_meantime() -> None:
    wire = Closed()
    gathering = Gathering(wire)
    gathering.write(b"too late")
    wire.close()
    gathering.flush()
    assert wire.done == ["closed"]
