import asyncio
import re
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import ConnectionLost, NotHTTP, TooLarge
from portico.egress.http1 import STEP, Connection


class Wire(asyncio.Transport):
    """A transport without a socket: what a connection does to it can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reading = True
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def asked() -> tuple[Connection, Wire]:
    connection, wire = Connection(lambda lost: None), Wire()
    connection.connection_made(wire)
    connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"")
    return connection, wire


def now[T](step: Coroutine[Any, Any, T]) -> T:
    """Run *step*, which must not have to wait."""
    try:
        step.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    step.close()
    raise AssertionError("it waits")


def waits(step: Coroutine[Any, Any, object]) -> bool:
    """Say whether *step* would have to wait."""

    async def one_turn() -> bool:
        task = asyncio.ensure_future(step)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    return asyncio.run(one_turn())


def whole(connection: Connection) -> bytes:
    body = b""
    while chunk := now(connection.next_chunk()):
        body += chunk
    return body


HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED = HEAD + b"content-length: 2\r\n\r\nhi"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
UNTIL_CLOSE = HEAD + b"\r\nhi"

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=5)
INTERIM = st.sampled_from(
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 E\r\nx: 1\r\n\r\n"]
)


def framed(how: str, pieces: list[bytes]) -> bytes:
    body = b"".join(pieces)
    if how == "length":
        return HEAD + b"X-Of: us\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    if how == "chunked":
        chunks = b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        head = HEAD + b"x-of: us\r\ntransfer-encoding: chunked\r\n\r\n"
        return head + chunks + b"0\r\nx-of: a trailer\r\n\r\n"
    return HEAD + b"x-of: us\r\n\r\n" + body


@given(
    st.sampled_from(["length", "chunked", "close"]),
    BODIES,
    st.lists(INTERIM, max_size=2),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_any_split_of_an_answer_gives_the_same_answer(
    how: str, pieces: list[bytes], interim: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(interim) + framed(how, pieces)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    connection, _ = asked()
    for start, stop in pairwise(edges):
        if start < stop:
            connection.data_received(stream[start:stop])
    if how == "close":
        connection.connection_lost(None)
    now(connection.answered())
    assert connection.status == 200
    assert connection.headers["x-of"] == "us"
    assert whole(connection) == b"".join(pieces)
    assert connection.reusable is (how != "close")


@given(st.sampled_from([SIZED, CHUNKED]), st.data())
def test_an_answer_that_is_cut_anywhere_is_never_whole(stream: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream) - 1))
    connection, _ = asked()
    if cut:
        connection.data_received(stream[:cut])
    connection.connection_lost(None)
    with pytest.raises(ConnectionLost):
        whole(connection)
    assert not connection.reusable


# What may stand in a place of an answer's head: what belongs there, what nearly does, and anything.
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1", b"ICY", b""])
STATUSES = st.sampled_from(
    [b" 200", b" 204", b" 999", b" 99", b" 1000", b"  200", b"\t200", b" 2x0"]
)
ENDS = st.sampled_from([b"\r\n\r\n", b" OK\r\na: b\r\n\r\n", b"\n\n", b" \x00\r\n\r\n", b"\r\n"])
FEW = st.binary(max_size=5)
NEARLY_ANSWERS = st.tuples(INTERIM | FEW, VERSIONS | FEW, STATUSES | FEW, ENDS | FEW, FEW)

# The whole of RFC 9112, section 4: a head that says its version and status, and ends.
HEAD_OF_AN_ANSWER = re.compile(rb"[\r\n]*HTTP/\d\.\d ([2-9]\d\d)( [^\r\n]*)?\r\n([^\0]*?\r\n)?\r\n")


@given(st.binary(max_size=200) | NEARLY_ANSWERS.map(b"".join), INTERIM)
def test_garbage_is_refused_and_only_an_answer_is_one(stream: bytes, interim: bytes) -> None:
    connection, _ = asked()
    if interim + stream:
        connection.data_received(interim + stream)
    connection.connection_lost(None)
    try:
        now(connection.answered())
    except (ConnectionLost, NotHTTP):
        assert not connection.reusable
        return
    read = re.sub(rb"^[\r\n]*(HTTP/1\.1 1\d\d[^\0]*?\r\n\r\n)*", b"", interim + stream)
    head = HEAD_OF_AN_ANSWER.match(read)
    assert head is not None
    assert connection.status == int(head[1])


@pytest.mark.parametrize(
    ("stream", "kept"),
    [
        (SIZED, True),
        (CHUNKED, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", True),
        (HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", True),
        (HEAD + b"upgrade: h2\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nhi", True),
    ],
)
def test_a_connection_is_reused_only_where_both_sides_keep_it(stream: bytes, kept: bool) -> None:
    connection, _ = asked()
    connection.data_received(stream)
    whole(connection)
    assert connection.reusable is kept


def test_an_answer_that_nobody_read_leaves_a_connection_that_is_not_reused() -> None:
    connection, wire = asked()
    connection.data_received(HEAD + b"content-length: 300000\r\n\r\n" + b"x" * 300_000)
    assert not wire.reading
    assert not connection.reusable, "its socket stands still"
    assert len(whole(connection)) == 300_000
    assert wire.reading
    assert connection.reusable


def test_a_second_answer_on_the_same_connection_is_a_new_one() -> None:
    connection, wire = asked()
    connection.data_received(HEAD + b"x-first: 1\r\ncontent-length: 2\r\n\r\nhi")
    assert whole(connection) == b"hi"
    connection.rest(1.0)
    connection.ask(b"GET /2 HTTP/1.1\r\n\r\n", b"")
    connection.data_received(b"HTTP/1.1 201 OK\r\ncontent-length: 3\r\n\r\nyou")
    assert (connection.status, whole(connection)) == (201, b"you")
    assert "x-first" not in connection.headers
    assert wire.sent.count(b"GET") == 2


def test_of_a_repeated_header_the_last_counts() -> None:
    connection, _ = asked()
    connection.data_received(HEAD + b"X-A: 1\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n")
    assert connection.headers["x-a"] == "2"


def test_an_answer_nobody_asked_for_changes_nothing_and_ends_the_connection() -> None:
    connection, wire = asked()
    connection.data_received(SIZED + b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
    assert (connection.status, whole(connection)) == (200, b"hi")
    assert wire.aborted
    assert not connection.reusable


@pytest.mark.parametrize("rested", [True, False])
def test_bytes_after_the_answer_end_the_connection(rested: bool) -> None:
    connection, wire = asked()
    connection.data_received(SIZED)
    assert whole(connection) == b"hi"
    if rested:
        connection.rest(1.0)
    connection.data_received(b"HTTP/1.1 408 Too late\r\n\r\n")
    assert wire.aborted
    assert not connection.reusable


@pytest.mark.parametrize(
    "stream",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD + b"content-length: two\r\n\r\n",
        HEAD + b"no colon here\r\n\r\n",
        HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
        HEAD + b"x: " + b"y" * 70_000,
        HEAD + b"".join(b"x-%d: y\r\n" % number for number in range(9_000)),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000,
    ],
)
def test_what_is_no_answer_is_refused(stream: bytes) -> None:
    connection, wire = asked()
    connection.data_received(stream)
    connection.connection_lost(None)
    with pytest.raises(NotHTTP):
        whole(connection)
    assert wire.aborted


@pytest.mark.parametrize("flood", [b"0\r\nx-trailer: " + b"y" * 70_000, b"2;" + b"y" * 70_000])
def test_framing_without_an_end_is_cut(flood: bytes) -> None:
    connection, wire = asked()
    connection.data_received(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
    connection.data_received(flood)
    assert now(connection.next_chunk()) == b"hi"
    with pytest.raises(NotHTTP):
        now(connection.next_chunk())
    assert wire.aborted


def test_a_chunk_that_is_none_breaks_the_answer_after_what_came_before() -> None:
    connection, _ = asked()
    connection.data_received(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n")
    assert now(connection.next_chunk()) == b"hi"
    with pytest.raises(NotHTTP):
        now(connection.next_chunk())


def test_the_end_of_a_connection_is_the_end_only_of_an_answer_without_a_length() -> None:
    connection, _ = asked()
    connection.data_received(UNTIL_CLOSE)
    connection.connection_lost(None)
    assert whole(connection) == b"hi"


@pytest.mark.parametrize("how", ["reset", "hung up by us"])
def test_an_answer_until_close_that_is_cut_is_not_whole(how: str) -> None:
    connection, _ = asked()
    connection.data_received(UNTIL_CLOSE)
    if how == "reset":
        connection.connection_lost(ConnectionResetError())
    else:
        connection.hang_up()
        connection.connection_lost(None)
    assert now(connection.next_chunk()) == b"hi"
    with pytest.raises(ConnectionLost, match="midway"):
        now(connection.next_chunk())


def test_everything_that_has_arrived_comes_in_one_piece() -> None:
    connection, _ = asked()
    connection.data_received(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n4\r\n you\r\n")
    assert now(connection.next_chunk()) == b"hi you"
    assert waits(connection.next_chunk())


def test_reading_is_bounded() -> None:
    connection, _ = asked()
    connection.data_received(HEAD + b"content-length: 9\r\n\r\n123456789")
    with pytest.raises(TooLarge):
        now(connection.read(8))


def test_a_slow_reader_stops_the_socket_and_starts_it_again() -> None:
    connection, wire = asked()
    connection.data_received(HEAD + b"content-length: 1000000\r\n\r\n" + b"x" * 300_000)
    assert not wire.reading
    assert len(now(connection.next_chunk())) == 300_000
    assert wire.reading


def test_a_reader_that_comes_after_the_connection_closed_leaves_the_socket_alone() -> None:
    connection, wire = asked()
    connection.data_received(HEAD + b"\r\n" + b"x" * 300_000)
    connection.hang_up()
    assert len(now(connection.next_chunk())) == 300_000
    assert not wire.reading


type Stir = Literal["turn", "pause", "resume"]

LARGE = (b"{", memoryview(bytes(range(256)) * 4_000), b"}")  # four steps, and its ends


@given(st.lists(st.sampled_from(["turn", "pause", "resume"]), max_size=20))
def test_a_large_body_follows_its_head_step_by_step_as_it_is_taken(stirs: list[Stir]) -> None:
    async def asking() -> None:
        connection, wire = asked()
        connection.data_received(SIZED)
        before, full = len(wire.sent), False
        connection.ask(b"HEAD\r\n\r\n", LARGE)
        for stir in stirs:
            sent = len(wire.sent)
            match stir:
                case "turn":
                    await asyncio.sleep(0)
                case "pause":
                    full = True
                    connection.pause_writing()
                case "resume":
                    full = False
                    connection.resume_writing()
            assert len(wire.sent) - sent <= (0 if full or stir != "turn" else STEP)
        connection.resume_writing()
        for _ in range(10):
            await asyncio.sleep(0)
        assert wire.sent[before:] == b"HEAD\r\n\r\n" + b"".join(LARGE)

    asyncio.run(asking())


def _lost(connection: Connection) -> None:
    connection.ask(b"HEAD\r\n\r\n", LARGE)
    connection.connection_lost(None)


def _left(connection: Connection) -> None:
    connection.ask(b"HEAD\r\n\r\n", LARGE)
    connection.hang_up()


@pytest.mark.parametrize("ended", [_lost, _left])
def test_nothing_more_is_sent_once_it_has_ended(
    ended: Callable[[Connection], None],
) -> None:
    async def asking() -> None:
        connection, wire = asked()
        connection.data_received(SIZED)
        ended(connection)
        sent = wire.sent
        for _ in range(10):
            await asyncio.sleep(0)
        assert wire.sent == sent
        assert not connection.reusable

    asyncio.run(asking())


def test_an_answer_to_half_a_body_is_whole_and_its_connection_is_not_used_again() -> None:
    async def asking() -> None:
        connection, _ = asked()
        connection.data_received(SIZED)
        connection.ask(b"HEAD\r\n\r\n", LARGE)
        connection.data_received(SIZED)
        assert await connection.read(2) == b"hi"
        assert not connection.reusable

    asyncio.run(asking())


def test_a_lost_connection_is_free_without_a_collection_of_garbage() -> None:
    """Collections are rare (decision 004), and among failing upstreams connections are not."""
    connection, _ = asked()
    connection.connection_lost(None)
    with suppress(ConnectionLost):
        now(connection.next_chunk())
    left = weakref.ref(connection)
    del connection
    assert left() is None
