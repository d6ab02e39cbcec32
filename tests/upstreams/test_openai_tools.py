import pytest
from hypothesis import given

from portico.chat.reply import Call, Reply
from portico.routing.attempts import Kind
from portico.upstreams.openai_chunks import Reading
from tests.upstreams.openai_stream import DONE, NOW, calling, chunk, function, read, streams


def calls(*payloads: bytes) -> tuple[Call, ...]:
    reply, reading = read(*payloads, chunk(finish="tool_calls"), DONE)
    assert reading.end() is None
    assert reply.choices[0].finish == "tool_calls"
    return reply.choices[0].tool_calls


def test_pieces_of_a_call_are_joined_by_their_index() -> None:
    assert calls(
        calling({"index": 0, "id": "a", "function": function("f", "")}),
        calling({"index": 0, "function": function(None, '{"x":')}),
        calling({"index": 1, "id": "b", "function": function("g", "{}")}),
        calling({"index": 0, "function": function(None, "1}")}),
    ) == (Call("a", "f", '{"x":1}'), Call("b", "g", "{}"))


def test_indices_are_counted_anew_from_nothing() -> None:
    found = calls(calling({"index": 3, "id": "a", "function": function("f", "{}")}))
    assert found == (Call("a", "f", "{}"),)


def test_parallel_calls_under_one_index_are_told_apart_by_their_ids() -> None:
    assert calls(
        calling({"index": 0, "id": "a", "function": function("f", "{}")}),
        calling({"index": 0, "id": "b", "function": function("f", "[")}),
        calling({"index": 0, "function": function(None, "]")}),
    ) == (Call("a", "f", "{}"), Call("b", "f", "[]"))


def test_calls_without_an_index_are_told_apart_by_id_or_name() -> None:
    assert calls(
        calling({"id": "a", "function": function("f", "{")}),
        calling({"function": function(None, "}")}),
        calling({"id": "b", "function": function("g", "[")}),
        calling({"id": "a", "function": function(None, " ")}),
        calling({"id": "b", "function": function("g", "]")}),
    ) == (Call("a", "f", "{} "), Call("b", "g", "[]"))


def test_a_repeated_id_and_name_are_said_once() -> None:
    piece = {"index": 0, "id": "a", "function": function("f", "1")}
    [first, second] = Reading("generic", now=NOW).feed([calling(piece), calling(piece)])
    assert (first.tool_calls[0].id, first.tool_calls[0].name) == ("a", "f")
    assert (second.tool_calls[0].id, second.tool_calls[0].name) == (None, None)


def test_a_name_may_come_after_the_id_and_an_empty_piece_says_nothing() -> None:
    reading = Reading("generic", now=NOW)
    pieces = [{"index": 0, "id": "a"}, {"index": 0, "function": function("f")}, {"index": 0}]
    found = reading.feed([calling(piece) for piece in pieces])
    assert [delta.tool_calls[0].name for delta in found] == [None, "f"]


def test_missing_ids_are_made_up_and_differ() -> None:
    found = calls(
        calling({"index": 0, "function": function("f", "{}")}),
        calling({"index": 1, "id": "", "function": function("g", "{}")}),
    )
    assert all(call.id.startswith("call_") and len(call.id) == 29 for call in found)
    assert found[0].id != found[1].id


@pytest.mark.parametrize("given", ["{oops", '{"x":', "{}{}", '{"x": 1} and more', "["])
@pytest.mark.parametrize("reason", ["tool_calls", "stop"])
def test_a_call_whose_arguments_are_no_json_is_no_answer(given: str, reason: str) -> None:
    sound = {"index": 0, "id": "a", "function": function("f", "{}")}
    broken = {"index": 1, "id": "b", "function": function("f", given)}
    _, reading = read(calling(sound), calling(broken), chunk(finish=reason), DONE)
    failure = reading.end()
    assert failure is not None
    assert (failure.kind, failure.detail) == (
        Kind.GARBLED,
        "the model made a malformed function call",
    )


def test_a_call_that_was_cut_for_its_length_says_so_by_its_finish() -> None:
    piece = {"index": 0, "id": "a", "function": function("f", '{"x":')}
    reply, reading = read(calling(piece), chunk(finish="length"), DONE)
    assert reading.end() is None
    assert reply.choices[0].finish == "length"


@pytest.mark.parametrize("given", ["", " ", '{"x": "a\nb"}', '{"x": "\\ud83d"}', "[1]", "NaN"])
def test_arguments_that_clients_can_read_are_passed_as_they_came(given: str) -> None:
    piece = {"index": 0, "id": 7, "function": function("f", given)}
    assert calls(calling(piece)) == (Call("7", "f", given),)


def test_arguments_that_came_as_an_object_are_written_out() -> None:
    piece = {"index": 0, "id": "a", "function": function("f", {"x": 1})}
    assert calls(calling(piece)) == (Call("a", "f", '{"x":1}'),)


def test_a_legacy_function_call_is_a_tool_call() -> None:
    reply, reading = read(
        chunk({"function_call": function("f", "")}),
        chunk({"function_call": function(None, "{}")}),
        chunk(finish="function_call"),
    )
    [call] = reply.choices[0].tool_calls
    assert (call.name, call.arguments, reply.choices[0].finish) == ("f", "{}", "tool_calls")
    assert reading.end() is None
    assert read(chunk({"function_call": {}}))[0] == Reply(())


@pytest.mark.parametrize("reason", ["stop", "eos", "STOP", "end_turn"])
def test_a_stop_after_a_call_is_for_the_call(reason: str) -> None:
    reply, _ = read(
        calling({"index": 0, "id": "a", "function": function("f", "{}")}), chunk(finish=reason)
    )
    assert reply.choices[0].finish == "tool_calls"


def test_tool_calls_without_a_call_is_a_stop() -> None:
    reply, _ = read(chunk({"content": "a"}), chunk(finish="tool_calls"))
    assert reply.choices[0].finish == "stop"


@given(streams)
def test_calls_are_numbered_without_gaps_and_named_at_most_once(stream: list[bytes]) -> None:
    seen: dict[tuple[int, int], list[str]] = {}
    for delta in Reading("generic", now=NOW).feed(stream):
        for call in delta.tool_calls:
            key = (delta.choice, call.index)
            assert (call.id is not None) == (key not in seen)
            seen.setdefault(key, [])
            seen[key] += [call.name] if call.name else []
    assert all(len(names) <= 1 for names in seen.values())
    for choice in (0, 1):
        ours = sorted(index for at, index in seen if at == choice)
        assert ours == list(range(len(ours)))
