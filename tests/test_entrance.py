"""Workers that share an address take connections in turn, and none is left waiting."""

import asyncio
import os
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn import Config, Server

from portico.entrance import MOST, SEATS, Seat, SharingLoop, set_seats

HOLD = """
import sys
from pathlib import Path
from portico.entrance import Seat
seat = Seat(Path(sys.argv[1]))
print(seat.crowded(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def seats(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "seats"
    set_seats(path)
    os.environ[SEATS] = str(path)
    yield path
    del os.environ[SEATS]


def told(path: Path, *counts: int) -> None:
    """Say for the last seats what workers of other processes would."""
    with path.open("r+b") as file:
        file.seek(4 * (MOST - len(counts)))
        file.write(struct.pack(f"={len(counts)}I", *counts))


@contextmanager
def other(path: Path, count: int) -> Iterator[str]:
    """Have another process take a seat; gives whether it found itself crowded."""
    line = [sys.executable, "-c", HOLD, str(path), str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_a_worker_alone_is_never_crowded(seats: Path) -> None:
    seat = Seat(seats)
    assert not any(seat.crowded(count) for count in (0, 1, 10_000))
    seat.leave()


def test_each_process_has_a_seat_of_its_own_and_its_successor_has_it_after_it(seats: Path) -> None:
    seat = Seat(seats)
    assert not seat.crowded(10)
    with other(seats, 50) as crowded:
        assert crowded == "True", "it sees the ten of this one"
        assert not seat.crowded(40)
    assert not seat.crowded(49), "what was said last stands for whoever was killed"
    with other(seats, 0):
        assert seat.crowded(49)
    seat.leave()


@given(mine=st.integers(0, 500), theirs=st.lists(st.integers(0, 500), min_size=1, max_size=5))
def test_whoever_has_fewest_is_never_crowded_and_whoever_has_many_more_is(
    tmp_path_factory: pytest.TempPathFactory, mine: int, theirs: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "seats-of-many"
    set_seats(path)
    told(path, *theirs)
    seat, fewest = Seat(path), min(theirs)
    if mine <= fewest:
        assert not seat.crowded(mine)
    if mine >= 2 * fewest + 2:
        assert seat.crowded(mine)
    seat.leave()


async def answering(bound: socket.socket, wish: int) -> list[bytes]:
    """Serve *bound* as a worker does, and ask for *wish* connections one by one, all kept."""

    async def app(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    server = Server(Config(app, lifespan="off", log_config=None, http="httptools"))  # type: ignore[arg-type]
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    said = []
    async with AsyncExitStack() as kept:
        for _ in range(wish):
            reader, writer = await asyncio.open_connection(*bound.getsockname())
            kept.push_async_callback(writer.wait_closed)
            kept.callback(writer.close)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            said.append(await asyncio.wait_for(reader.readuntil(b"\r\n"), 10))
    server.should_exit = True
    await serving
    return said


def served(wish: int) -> list[bytes]:
    with (
        socket.create_server(("127.0.0.1", 0)) as bound,
        asyncio.Runner(loop_factory=SharingLoop) as runner,
    ):
        return runner.run(answering(bound, wish))


@pytest.mark.parametrize("others", [[], [0], [100]], ids=["alone", "crowded", "wanted"])
def test_every_connection_is_taken_whatever_others_say_that_they_have(
    others: list[int], seats: Path
) -> None:
    """Nobody else is there at all: what is left to others is taken after a moment."""
    told(seats, *others)
    assert served(20) == [b"HTTP/1.1 204 No Content\r\n"] * 20
    assert seats.read_bytes()[:4] == b"\xff" * 4, "nobody waits for it when it has left"


def test_a_worker_without_a_seat_serves_all_the_same(seats: Path) -> None:
    with ExitStack() as stack:
        line = "import fcntl,sys\nf=open(sys.argv[1],'r+b')\nfcntl.lockf(f,fcntl.LOCK_EX)\n"
        line += "print(flush=True)\nsys.stdin.read()"
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, "-c", line, str(seats)], stdin=pipe, stdout=pipe, text=True
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        assert process.stdout is not None
        process.stdout.readline()
        assert served(5) == [b"HTTP/1.1 204 No Content\r\n"] * 5


def test_a_worker_that_can_open_no_more_files_goes_on_once_it_can(
    seats: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(bound: socket.socket) -> list[bytes]:
        with socket.create_connection(bound.getsockname(), timeout=5) as asking:
            server = await asyncio.get_running_loop().create_server(Guest, sock=bound, backlog=9)
            with no_more_files():
                async with asyncio.timeout(10):
                    while "no connection can be taken" not in caplog.text:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            said = [await asyncio.to_thread(asking.recv, 5) for _ in range(2)]
            server.close()
            await server.wait_closed()
        return said

    with (
        socket.create_server(("127.0.0.1", 0)) as bound,
        asyncio.Runner(loop_factory=SharingLoop) as runner,
    ):
        assert runner.run(scene(bound)) == [b"hello", b""]


@contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            os.close(one)


class Guest(asyncio.Protocol):
    """Says hello."""

    connections: frozenset[object] = frozenset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        talking = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        talking.write(b"hello")
        talking.close()
