from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.upstreams.sse import KEPT, Events


def read(stream: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    events = Events()
    edges = [0, *sorted(cuts), len(stream)]
    found = [
        payload for start, stop in pairwise(edges) for payload in events.feed(stream[start:stop])
    ]
    return [*found, *events.end()], events.rest()


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
PAYLOADS = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)
LINES = st.one_of(
    PAYLOADS.map(lambda text: b"data: " + text.encode()),
    PAYLOADS.map(lambda text: b"data:" + text.encode()),
    st.sampled_from([b"", b"", b": keep-alive", b"event: x", b"id: 7", b"retry: 3", b"data"]),
    st.sampled_from([b'{"error": {', b"}", b"<html>", b"\xef\xbb\xbf"]),
)


def reference(stream: bytes) -> list[bytes]:
    """The format's own algorithm, line by line, on the whole stream."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found, data = [], []
    for line in [*text.split(b"\n"), b""]:
        name, _, value = line.partition(b":")
        if line and name == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            found.append(b"\n".join(data))
            data = []
    return [payload for payload in found if payload]


@given(st.lists(st.tuples(LINES, LINE_ENDS)), st.lists(st.integers(0, 400)), st.booleans())
def test_any_cutting_gives_what_the_format_says(
    lines: list[tuple[bytes, bytes]], cuts: list[int], marked: bool
) -> None:
    stream = (b"\xef\xbb\xbf" if marked else b"") + b"".join(a + b for a, b in lines)
    cut, rest = read(stream, [at % (len(stream) + 1) for at in cuts])
    whole, whole_rest = read(stream, [])
    bytewise, bytewise_rest = read(stream, list(range(len(stream))))
    assert cut == whole == bytewise == reference(stream)
    assert rest == whole_rest == bytewise_rest


def test_many_events_in_one_chunk_come_in_order() -> None:
    assert Events().feed(b'data: {"a":1}\r\n\r\ndata: {"b":2}\n\ndata: [DONE]\n\n') == [
        b'{"a":1}',
        b'{"b":2}',
        b"[DONE]",
    ]


def test_lines_of_one_event_are_joined() -> None:
    assert Events().feed(b"data: one\ndata:two\ndata\n\n") == [b"one\ntwo\n"]


def test_an_event_without_data_gives_nothing() -> None:
    assert Events().feed(b": keep-alive\n\nevent: ping\nid: 1\n\ndata:\n\n\n\n") == []


def test_a_cut_between_cr_and_lf_is_one_line_end() -> None:
    events = Events()
    assert events.feed(b"data: a\r") == []
    assert events.feed(b"\ndata: b\r") == []
    assert events.feed(b"\n\r") == [b"a\nb"]
    assert events.feed(b"") == []
    assert events.feed(b"\ndata: c\r\n\r\n") == [b"c"]


def test_the_last_event_may_lack_its_blank_line() -> None:
    events = Events()
    assert events.feed(b"data: [DONE]") == []
    assert events.rest() == b"data: [DONE]"
    assert events.end() == [b"[DONE]"]
    assert events.rest() == b""


def test_raw_json_between_events_is_kept_for_diagnosis() -> None:
    events = Events()
    raw = b'{\n  "error": {\n    "code": 503\n  }\n}'
    assert events.feed(b"data: a\n\n" + raw) == [b"a"]
    assert events.end() == []
    assert events.rest() == raw


def test_what_is_kept_is_bounded() -> None:
    events = Events()
    for _ in range(100):
        events.feed(b"x" * 5000 + b"\n")
    assert len(events.rest()) <= KEPT


@pytest.mark.parametrize("cut", [5, 20])
def test_an_endless_event_is_refused_however_it_comes(cut: int) -> None:
    events = Events(max_event=30)
    stream = b"data: 0123456789\n" * 4
    chunks = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    with pytest.raises(ValueError, match="over 30 bytes"):
        list(map(events.feed, chunks))


def test_an_endless_line_is_refused() -> None:
    events = Events(max_event=30)
    with pytest.raises(ValueError, match="over 30 bytes"):
        list(map(events.feed, [b"data: 0123"] * 10))


def test_the_bound_is_of_one_event_not_of_the_stream() -> None:
    events = Events(max_event=30)
    assert len(events.feed(b"data: 0123456789\n\n" * 10)) == 10
