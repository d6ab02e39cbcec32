"""Streams to take up again: whole for whoever keeps up, honest to whoever cannot, bounded."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from portico.dispatch.errands import Errands
from portico.dispatch.streams import (
    AT_ONCE,
    COST,
    STREAM_COST,
    Bounds,
    Head,
    Reader,
    Stream,
    Streams,
)
from portico.errors import EventGone, NotFound

pytestmark = pytest.mark.anyio

WELL = Head(200, ())


class Maker:
    """Makes a stream on command."""

    def __init__(self, head: Head | None = WELL) -> None:
        self.stream: Stream
        self.go = asyncio.Event()
        self._head = head

    async def __call__(self, stream: Stream) -> None:
        self.stream = stream
        if self._head is not None:
            stream.begin(self._head)
        await self.go.wait()


async def begun(
    streams: Streams, ident: str = "r", caller: str | None = None, head: Head | None = WELL
) -> Maker:
    """Return the maker of a stream that has begun, and that nobody reads yet."""
    maker = Maker(head)
    streams.begin(ident, caller, maker)
    await asyncio.sleep(0)
    return maker


async def over(maker: Maker) -> None:
    """Let the maker's work end, and the registry hear of it."""
    maker.stream.end()
    maker.go.set()
    await asyncio.wait({maker.stream.errand.task})
    await asyncio.sleep(0)


async def rest(reader: Reader) -> list[bytes]:
    """Return all that a reader is given until the end."""
    found = []
    while data := await reader.next():
        found.append(data)
    return found


async def test_every_reader_gets_everything_wherever_it_comes_in() -> None:
    events = [b"%d;" % number for number in range(1, 3 * AT_ONCE)]
    async with Errands() as errands:
        maker = await begun(Streams(Bounds(), errands))
        with maker.stream.read(0) as early, maker.stream.read(100) as late:
            reading = [asyncio.create_task(rest(reader)) for reader in (early, late)]
            for number, event in enumerate(events):
                maker.stream.add(event)
                if number % 7 == 0:
                    await asyncio.sleep(0)
            maker.stream.end()
            first, second = await asyncio.gather(*reading)
        with maker.stream.read(0) as last:
            third = await rest(last)

    assert b"".join(first) == b"".join(events)
    assert b"".join(second) == b"".join(events[100:])
    assert b"".join(third) == b"".join(events)
    assert max(map(len, third)) <= AT_ONCE * len(events[-1]), "not all at once"


async def test_a_reader_who_waits_is_told_asides_and_nobody_later_is() -> None:
    async with Errands() as errands:
        maker = await begun(Streams(Bounds(), errands))
        with maker.stream.read(0) as reader:
            maker.stream.remark(b": nobody listens\n\n")
            waiting = asyncio.create_task(reader.next())
            await asyncio.sleep(0)
            maker.stream.remark(b": still there\n\n")
            assert await waiting == b": still there\n\n"
            maker.stream.add(b"event")
            maker.stream.end()
            assert await rest(reader) == [b"event"]


async def test_a_slow_reader_holds_up_nobody_and_is_told_what_it_missed() -> None:
    async with Errands() as errands:
        room = STREAM_COST + 10 * (COST + 1)
        maker = await begun(Streams(Bounds(stream=room), errands))
        with maker.stream.read(0) as slow, maker.stream.read(0) as quick:
            got = b""
            for _ in range(30):
                maker.stream.add(b"x")
                got += await quick.next()
            with pytest.raises(EventGone, match="the oldest that is has the id 21"):
                await slow.next()
        with pytest.raises(EventGone):
            maker.stream.since(19)
        with maker.stream.read(20) as back:
            assert await back.next() == b"x" * 10

    assert got == b"x" * 30


async def test_the_newest_event_is_kept_even_if_it_is_larger_than_the_room() -> None:
    async with Errands() as errands:
        maker = await begun(Streams(Bounds(stream=1000), errands))
        with maker.stream.read(0) as reader:
            maker.stream.add(b"x" * 5000)
            assert len(await reader.next()) == 5000


async def test_a_stream_is_found_by_its_caller_alone_and_only_once_it_has_begun() -> None:
    async with Errands() as errands:
        streams = Streams(Bounds(), errands)
        theirs = await begun(streams, "a", caller="ann")
        early = await begun(streams, "b", caller="ann", head=None)
        refused = await begun(streams, "c", caller="ann", head=Head(503, ()))

        assert streams.find("a", "ann") is theirs.stream
        for ident, caller in (("a", "ben"), ("a", None), ("b", "ann"), ("c", "ann"), ("d", "ann")):
            with pytest.raises(NotFound):
                streams.find(ident, caller)
        for maker in (early, refused):
            await over(maker)
        assert streams.size == theirs.stream.size, "what nobody can take up is not kept"


async def test_nobody_waits_for_the_head_of_a_stream_that_never_begins() -> None:
    async with Errands() as errands:
        maker = await begun(Streams(Bounds(), errands), head=None)
        with maker.stream.read(0) as reader:
            waiting = asyncio.create_task(reader.head())
            await asyncio.sleep(0)
            await over(maker)
            assert await waiting is None


@pytest.mark.parametrize("head", [None, Head(503, ())])
async def test_before_it_has_begun_well_a_stream_ends_with_its_reader(head: Head | None) -> None:
    async with Errands() as errands:
        maker = await begun(Streams(Bounds(), errands), head=head)
        with maker.stream.read(0):
            assert not maker.stream.errand.over
        await asyncio.wait({maker.stream.errand.task}, timeout=5)
        assert maker.stream.errand.task.cancelled()


async def test_a_stream_goes_on_without_a_reader_for_as_long_as_its_patience() -> None:
    async with Errands() as errands:
        streams = Streams(Bounds(patience=0.02), errands)
        left = await begun(streams, "left")
        patient = await begun(Streams(Bounds(), errands))
        for maker in (left, patient):
            with maker.stream.read(0):
                pass
        await asyncio.wait({left.stream.errand.task}, timeout=5)

        assert left.stream.errand.task.cancelled()
        assert streams.find("left", None).ended
        assert not patient.stream.errand.over


async def test_a_stream_is_kept_for_a_window_after_its_end() -> None:
    now = 0.0
    async with Errands() as errands:
        streams = Streams(Bounds(window=300), errands, lambda: now)
        maker = await begun(streams)
        now = 1000.0
        streams.find("r", None)
        await over(maker)
        now = 1299.0
        streams.find("r", None)
        now = 1300.0
        with pytest.raises(NotFound):
            streams.find("r", None)
        assert streams.size == 0


TOTAL = 4 * STREAM_COST
PER_STREAM = 2 * STREAM_COST
WINDOW = 10


class Kept(RuleBasedStateMachine):
    """Streams beside all that was ever written to them; readers come, read, fall behind, leave."""

    open_readers = Bundle("open_readers")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = 0.0
        self.serial = 0
        self.makers: dict[str, Maker] = {}
        self.written: dict[str, list[bytes]] = {}
        self.ended: dict[str, float] = {}

    def run[T](self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    @initialize()
    def open(self) -> None:
        self.errands = Errands()
        bounds = Bounds(WINDOW, 60.0, PER_STREAM, TOTAL)
        self.streams = Streams(bounds, self.errands, lambda: self.now)

    @rule()
    def begin(self) -> None:
        self.serial += 1
        ident = f"r{self.serial}"
        self.makers[ident] = self.run(begun(self.streams, ident))
        self.written[ident] = []

    @rule(data=st.data(), size=st.integers(0, STREAM_COST))
    def write(self, data: st.DataObject, size: int) -> None:
        live = sorted(set(self.makers) - set(self.ended))
        if live:
            ident = data.draw(st.sampled_from(live))
            event = b"%d;" % len(self.written[ident]) + b"x" * size
            self.written[ident].append(event)
            stream = self.makers[ident].stream
            stream.add(event)
            alone = stream.first == stream.last and not self.streams._until
            assert self.streams.size <= TOTAL or alone, "only the newest event is over the bound"

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        live = sorted(set(self.makers) - set(self.ended))
        if live:
            ident = data.draw(st.sampled_from(live))
            self.run(over(self.makers[ident]))
            self.ended[ident] = self.now

    @rule(target=open_readers, data=st.data(), after=st.integers(0, 5))
    def come(self, data: st.DataObject, after: int) -> tuple[str, list[bytes], Reader] | None:
        if not self.makers:
            return None
        ident = data.draw(st.sampled_from(sorted(self.makers)))
        try:
            stream = self.streams.find(ident, None)
        except NotFound:
            assert ident in self.ended, "only what has ended is forgotten"
            return None
        assert self.now < self.ended.get(ident, self.now) + WINDOW
        after = min(after, stream.last)
        return ident, self.written[ident][:after], Reader(stream, after)

    @rule(place=open_readers)
    def read(self, place: tuple[str, list[bytes], Reader] | None) -> None:
        if place is None:
            return
        ident, got, reader = place
        waiting = ident not in self.ended and len(got) == len(self.written[ident])
        if waiting:
            return
        try:
            data = self.run(reader.next())
        except EventGone:
            assert len(got) + 1 < self.makers[ident].stream.first
        else:
            rest = self.written[ident][len(got) :]
            assert data == b"".join(rest)
            got += rest

    @rule(seconds=st.integers(1, 6))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def what_is_kept_is_within_its_bounds(self) -> None:
        kept = list(self.streams._streams.values())
        assert self.streams.size == sum(stream.size for stream in kept)
        assert all(stream.size <= PER_STREAM or stream.first == stream.last for stream in kept), (
            "but for the newest event"
        )

    def teardown(self) -> None:
        async def close() -> None:
            async with self.errands:
                pass

        self.runner.run(close())
        self.runner.close()


TestStreams = Kept.TestCase
