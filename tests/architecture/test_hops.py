"""The way of one request stays short: its hops are counted on a live stack."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import pytest

import portico
from portico.api.chat import Chat
from portico.egress.http1 import Connection
from tests.serving import house

pytestmark = pytest.mark.anyio

BUDGET = 8
OURS = str(Path(portico.__file__).parent)


@contextmanager
def watching() -> Iterator[list[list[str]]]:
    """Give our own functions on the stack, outermost first, each time that a request is written."""
    ways: list[list[str]] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is Connection.ask.__code__:
            stack = dict.fromkeys(_stack(frame))  # a function counts once, also a generator
            if Chat.__call__.__code__ in stack:  # upstreams' model lists are asked for elsewhere
                ours = [code for code in stack if code.co_filename.startswith(OURS)]
                ways.append([code.co_qualname for code in reversed(ours)])

    sys.setprofile(look)
    try:
        yield ways
    finally:
        sys.setprofile(None)


def _stack(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("target", ["gemini-3-flash", "deepseek-v3"])
async def test_from_asgi_to_the_socket_there_are_at_most_eight_functions_of_ours(
    target: str, stream: bool, tmp_path: Path
) -> None:
    async with house(tmp_path) as lab:
        with watching() as ways:
            answer = await lab.chat("hello", model=target, stream=stream)

    assert answer.headers["x-portico-target"] == target
    [way] = ways
    assert way[-1] == "Connection.ask"
    assert len(way) <= BUDGET, " → ".join(way)


async def test_a_failover_is_as_deep_as_a_first_attempt(tmp_path: Path) -> None:
    """Trying the next candidate is a loop, not a recursion."""
    async with house(tmp_path) as lab:
        lab.simulator.fault("siliconflow", "*", "overloaded", times=2)
        with watching() as ways:
            answer = await lab.chat("hello", model="code")

    assert answer.headers["x-portico-attempts"] == "3"
    assert len(ways) == 3
    assert ways[0] == ways[1]
    assert max(map(len, ways)) <= BUDGET, ways
