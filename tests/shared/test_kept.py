"""What is kept for all workers is bounded, and nothing that comes to its socket harms it."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.errors import StoreUnavailable
from portico.shared.kept import COST, LARGEST, Cupboard, Get, Put, ask

pytestmark = pytest.mark.anyio

NAMES = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(NAMES, st.none() | st.integers(0, 300), st.integers(0, 3)), max_size=40)


@given(STEPS)
def test_what_is_there_is_the_latest_word_within_its_time_and_the_room(
    steps: list[tuple[str, int | None, int]],
) -> None:
    now, said = 0.0, dict[str, tuple[int, float]]()
    cupboard = Cupboard(1000, lambda: now)
    for name, size, seconds in steps:
        cupboard.do(Put(name, None if size is None else b"x" * size, seconds))
        said.pop(name, None)
        if size is not None:
            said[name] = size, now + seconds
        while sum(COST + size for size, _ in said.values()) > 1000:
            del said[next(iter(said))]
        now += 1
        for one in "abcd":
            size, until = said.get(one, (0, 0.0))
            assert cupboard.do(Get(one)) == (b"x" * size if until > now else None)
        assert cupboard.size == sum(COST + size for size, _ in said.values())


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0", b"\0\0\0\3ab", b"\0\0\0\1x", (LARGEST + 1).to_bytes(4), b"GET / HTTP/1.1\r\n"],
)
async def test_who_says_something_else_is_hung_up_on(sent: bytes, tmp_path: Path) -> None:
    path, cupboard = tmp_path / "kept", Cupboard()
    async with await asyncio.start_unix_server(cupboard.serve, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert await ask(path, Put("a", b"still there", 9)) == b"still there"


async def test_nobody_there_is_a_store_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await ask(tmp_path / "none", Get("a"))


async def test_a_cupboard_that_goes_away_is_a_store_that_is_away(tmp_path: Path) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0\0\0\5ab")
        writer.close()

    async with await asyncio.start_unix_server(leave, tmp_path / "kept"):
        with pytest.raises(StoreUnavailable):
            await ask(tmp_path / "kept", Get("a"))
