from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.reply import Delta, Usage, collect
from portico.routing.attempts import Kind
from portico.upstreams.openai_chunks import Reading, complete
from tests.upstreams.openai_stream import DONE, NOW, chunk, function, read, streams

SILICONFLOW = [
    '{"id":"01983a922eff7e1cee0f9a1cdbbd74f4","object":"chat.completion.chunk",'
    '"created":1753329315,"model":"deepseek-ai/DeepSeek-V3","choices":[{"index":0,"delta":'
    '{"content":"","reasoning_content":null,"role":"assistant"},"finish_reason":null}],'
    '"system_fingerprint":"","usage":{"prompt_tokens":4,"completion_tokens":0,"total_tokens":4}}',
    '{"id":"01983a922eff7e1cee0f9a1cdbbd74f4","object":"chat.completion.chunk",'
    '"created":1753329315,"model":"deepseek-ai/DeepSeek-V3","choices":[{"index":0,"delta":'
    '{"content":"你好","reasoning_content":null},"finish_reason":null}],"system_fingerprint":"",'
    '"usage":{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5}}',
    '{"id":"01983a922eff7e1cee0f9a1cdbbd74f4","object":"chat.completion.chunk",'
    '"created":1753329315,"model":"deepseek-ai/DeepSeek-V3","choices":[{"index":0,"delta":'
    '{"content":"","reasoning_content":null},"finish_reason":"stop"}],"system_fingerprint":"",'
    '"usage":{"prompt_tokens":107,"completion_tokens":25,"total_tokens":132}}',
]


def test_a_captured_stream_of_siliconflow_is_read_with_the_usage_of_its_last_chunk() -> None:
    reading = Reading("siliconflow", now=NOW)
    first, second, third = ([text.encode()] for text in SILICONFLOW)
    assert reading.feed(first) == [Delta(usage=Usage(4, 0))]
    assert reading.feed(second) == [Delta(text="你好", usage=Usage(4, 1))]
    assert reading.feed(third) == [Delta(finish="stop", usage=Usage(107, 25))]
    assert reading.feed([DONE]) == []
    assert reading.done
    assert reading.end() is None


def test_only_the_last_delta_of_what_came_at_once_carries_the_usage() -> None:
    batch = Reading("siliconflow", now=NOW).feed([text.encode() for text in SILICONFLOW])
    assert batch == [Delta(text="你好"), Delta(finish="stop", usage=Usage(107, 25))]


def test_role_only_and_empty_chunks_say_nothing() -> None:
    reading = Reading("generic", now=NOW)
    empty = [chunk({"role": "assistant", "content": ""}), chunk({"content": None}), chunk()]
    odd = [b'{"choices":[{}]}', b'{"choices":[]}', b'{"object":"ping"}', chunk(finish="")]
    assert reading.feed([*empty, *odd]) == []
    assert reading.failure is None


def test_nothing_passes_that_has_no_name_here() -> None:
    event = {"event": {"type": "execute", "data": {"code": "alert(1)"}}, "selected_model_id": "z"}
    reply, reading = read(chunk({"content": "a", "event": 1}, **event), chunk(finish="stop"))
    assert b"alert" not in msgspec.json.encode(reply)
    assert reading.end() is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_has_several_names(field: str) -> None:
    reply, _ = read(chunk({field: "hm"}), chunk({"content": "a"}), chunk(finish="eos"))
    choice = reply.choices[0]
    assert (choice.reasoning, choice.text, choice.finish) == ("hm", "a", "stop")


def test_reasoning_that_is_no_text_is_passed_over() -> None:
    reply, reading = read(chunk({"reasoning": {"a": 1}, "thinking": [], "content": "x"}))
    assert (reply.choices[0].reasoning, reply.choices[0].text) == ("", "x")
    assert reading.failure is None


def test_content_in_parts_and_refusals_are_read() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    reply, reading = read(chunk({"content": parts}), chunk({"refusal": "no"}), chunk(finish="stop"))
    assert (reply.choices[0].text, reply.choices[0].refusal) == ("ab", "no")
    assert reading.end() is None


def test_logprobs_are_kept_as_they_came() -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}
    [delta] = Reading("generic", now=NOW).feed([msgspec.json.encode({"choices": [choice]})])
    assert delta.logprobs is not None
    assert bytes(delta.logprobs) == b'{"content":[{"token":"a"}]}'


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, Usage(9, 2)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(9, 0, 4)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(9, 0, 4)),
        (
            {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(0, 5, 0, 3),
        ),
        (
            {
                "prompt_tokens": None,
                "prompt_tokens_details": {"cached_tokens": None},
                "completion_tokens_details": {"reasoning_tokens": None},
            },
            Usage(),
        ),
    ],
)
def test_usage_is_read_in_all_its_spellings(counts: dict[str, Any], usage: Usage) -> None:
    payload = msgspec.json.encode({"choices": [], "usage": counts})
    assert Reading("generic", now=NOW).feed([payload]) == [Delta(usage=usage)]


def test_a_finish_said_twice_counts_once() -> None:
    batch = Reading("generic", now=NOW).feed(
        [chunk({"content": "a"}, "length"), chunk(finish="stop")]
    )
    assert [delta.finish for delta in batch] == ["length"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("insufficient_system_resource", Kind.UNAVAILABLE),
        ("error", Kind.UNAVAILABLE),
        ("abort", Kind.UNAVAILABLE),
        ("whatever_this_is", Kind.GARBLED),
    ],
)
def test_a_reason_that_does_not_say_that_all_is_well_is_a_failure(reason: str, kind: Kind) -> None:
    reply, reading = read(chunk({"content": "a"}), chunk(finish=reason), DONE)
    assert reply.choices[0].text == "a"
    assert reading.failure is not None
    assert reading.failure.kind is kind
    assert reading.end() == reading.failure


@pytest.mark.parametrize("said", [[], [chunk({"content": ""})], [chunk({"role": "assistant"})]])
@pytest.mark.parametrize(
    "ending", [[], [DONE], [chunk(finish="stop")], [chunk(finish="stop"), DONE]]
)
def test_an_answer_that_never_said_anything_is_empty(
    said: list[bytes], ending: list[bytes]
) -> None:
    _, reading = read(*said, *ending)
    failure = reading.end()
    assert failure is not None
    assert (failure.kind, failure.detail) == (Kind.UNAVAILABLE, "empty answer")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_may_be_cut_short_or_blocked_before_it_said_anything(reason: str) -> None:
    reply, reading = read(chunk(finish=reason), DONE)
    assert reading.end() is None
    assert reply.choices[0].finish == reason


@pytest.mark.parametrize("ending", [[], [DONE]])
def test_an_end_without_a_finish_reason_is_a_cut(ending: list[bytes]) -> None:
    failure = read(chunk({"content": "a"}), *ending)[1].end()
    assert failure is not None
    assert failure.detail == "the stream ended without a finish reason"


def test_a_finished_stream_may_forget_its_done() -> None:
    assert read(chunk({"content": "a"}), chunk(finish="stop"))[1].end() is None


def test_each_of_several_answers_needs_its_finish() -> None:
    both = [chunk({"content": "a"}), chunk({"content": "b"}, index=1)]
    _, reading = read(*both, chunk(finish="stop"), DONE, choices=2)
    assert reading.end() is not None
    reply, reading = read(*both, chunk(finish="stop"), chunk(finish="length", index=1), choices=2)
    assert reading.end() is None
    assert [choice.finish for choice in reply.choices] == ["stop", "length"]


def test_one_of_two_answers_is_whole_only_if_the_provider_says_so() -> None:
    one = [chunk({"content": "a"}), chunk(finish="stop")]
    assert read(*one, choices=2)[1].end() is not None
    assert read(*one, DONE, choices=2)[1].end() is None


@pytest.mark.parametrize(
    ("flavour", "payload", "kind"),
    [
        ("generic", b'{"error":{"message":"Overloaded","code":503}}', Kind.UNAVAILABLE),
        ("generic", b'{"error":{"message":"x","code":429},"choices":[]}', Kind.RATE_LIMITED),
        (
            "siliconflow",
            b'{"code":50505,"message":"Model service overloaded.","data":null}',
            Kind.UNAVAILABLE,
        ),
        ("dashscope", b'{"code":"InvalidParameter","message":"no"}', Kind.REJECTED),
        ("generic", b'{"choices": 7}', Kind.GARBLED),
        ("generic", b"<html>", Kind.GARBLED),
        ("generic", b"\xff\xfe", Kind.GARBLED),
    ],
)
def test_an_error_in_a_stream_ends_it_after_what_came_before(
    flavour: str, payload: bytes, kind: Kind
) -> None:
    reading = Reading(flavour, now=NOW)
    batch = reading.feed([chunk({"content": "a"}), payload, chunk({"content": "b"})])
    assert batch == [Delta(text="a")]
    assert reading.failure is not None
    assert reading.failure.kind is kind
    assert reading.feed([chunk({"content": "c"})]) == []


def test_nothing_is_read_after_done() -> None:
    _, reading = read(chunk({"content": "a"}, "stop"), DONE, b"\xff", chunk({"content": "b"}))
    assert reading.end() is None


def whole(*choices: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode({"object": "chat.completion", "choices": list(choices), **more})


def test_a_whole_completion_is_an_answer_of_one_chunk() -> None:
    message = {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    tools = [
        {"id": "x", "type": "function", "function": function("f", "{}")},
        {"id": "x", "type": "function", "function": function("g", "{}")},
        {"type": "function", "function": function("g", "{}")},
    ]
    body = whole(
        {"index": 0, "message": message, "finish_reason": "stop"},
        {"index": 1, "message": {"tool_calls": tools}, "finish_reason": "stop"},
        usage={"prompt_tokens": 4, "completion_tokens": 15},
    )
    reading = Reading("generic", now=NOW, choices=2)
    batch = reading.feed([b"\n\n" + body])
    assert len(batch) == 2
    assert reading.end() is None
    one, two = collect(batch).choices
    assert (one.text, one.reasoning, one.finish) == ("a", "hm", "stop")
    assert [(call.id, call.name) for call in two.tool_calls[:2]] == [("x", "f"), ("x", "g")]
    assert two.tool_calls[2].id.startswith("call_")
    assert two.finish == "tool_calls"
    assert batch[-1].usage == Usage(4, 15)


def test_a_payload_is_complete_or_the_beginning_of_one() -> None:
    assert complete(b'{"a": [1]}')
    assert complete(DONE)
    assert not complete(b'{"a": [1')
    assert not complete(b"\xff")
    assert not complete(b"[" * 100_000)


@given(streams, st.data())
def test_how_the_network_cuts_a_stream_changes_nothing(
    stream: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(stream)))
    once, twice = Reading("generic", now=NOW), Reading("generic", now=NOW)
    together = once.feed(stream)
    apart = twice.feed(stream[:at]) + twice.feed(stream[at:])
    assert _known(together) == _known(apart)
    assert once.end() == twice.end()


def _known(batch: list[Delta]) -> list[object]:
    """The deltas, made-up ids left out."""
    return [
        (delta.text, delta.reasoning, delta.finish, delta.choice, _pieces(delta)) for delta in batch
    ]


def _pieces(delta: Delta) -> list[object]:
    return [(call.index, call.name, call.arguments) for call in delta.tool_calls]


@given(
    st.lists(st.binary(max_size=60) | streams.map(lambda found: b"".join(found[:1])), max_size=6)
)
def test_no_payload_can_break_the_reading(payloads: list[bytes]) -> None:
    reading = Reading("siliconflow", now=NOW)
    reading.feed(payloads)
    failure = reading.end()
    assert failure is None or failure.detail
