import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.api.chunks import ChunkWriter, Head, completion, usage_out
from portico.chat.reply import Call, Choice, Delta, Reply, ToolCallDelta, Usage, collect

HEAD = Head("chatcmpl-1", 1_700_000_000, "gemini-3-flash")
SIMULATED = Head("chatcmpl-1", 1_700_000_000, "gemini-3-flash", "simulated")


def events(data: bytes) -> list[dict[str, Any]]:
    """Read *data* as a browser does: events end with an empty line, lines at any line break."""
    found = []
    assert data == b"" or data.endswith(b"\n\n")
    for event in data.decode().split("\n\n")[:-1]:
        assert "\r" not in event
        assert "\n" not in event
        assert event.startswith("data: ")
        found.append(json.loads(event.removeprefix("data: ")))
    return found


def deltas(data: bytes) -> list[dict[str, Any]]:
    return [choice["delta"] for event in events(data) for choice in event["choices"]]


CHUNK = {"id", "object", "created", "model", "choices"}


def test_the_first_chunk_of_an_answer_looks_like_openais() -> None:
    assert events(ChunkWriter(HEAD).write([Delta("Hi")])) == [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "gemini-3-flash",
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "Hi"},
                    "finish_reason": None,
                }
            ],
        }
    ]


def test_the_role_is_said_once_for_each_choice() -> None:
    writer = ChunkWriter(HEAD)
    batch = [Delta("a"), Delta("b"), Delta("c", choice=1), Delta("d", choice=1), Delta("e")]
    data = writer.write(batch) + writer.write(batch)
    indexes = [choice["index"] for event in events(data) for choice in event["choices"]]
    assert indexes == [0, 0, 1, 1, 0] * 2
    told = deltas(data)
    assert ["role" in delta for delta in told] == [True, False, True] + [False] * 7
    assert [delta["content"] for delta in told] == list("abcde" * 2)


def test_a_simulated_answer_says_so_in_every_chunk() -> None:
    writer = ChunkWriter(SIMULATED)
    told = events(writer.write([Delta("a"), Delta("b"), Delta(finish="stop")]) + writer.usage(None))
    assert [event["system_fingerprint"] for event in told] == ["simulated"] * 4


def test_reasoning_refusal_finish_and_logprobs_have_their_places() -> None:
    writer = ChunkWriter(HEAD)
    logprobs = msgspec.Raw(b'{"content":[{"token":"x"}]}')
    data = writer.write(
        [
            Delta(reasoning="hm"),
            Delta("no", refusal="never", logprobs=logprobs),
            Delta(logprobs=logprobs),
            Delta(finish="length"),
        ]
    )
    choices = [event["choices"][0] for event in events(data)]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": "", "reasoning_content": "hm"},
        {"content": "no", "refusal": "never"},
        {},
        {},
    ]
    assert [choice.get("logprobs") for choice in choices] == [
        None,
        {"content": [{"token": "x"}]},
        {"content": [{"token": "x"}]},
        None,
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "length"]


def test_a_tool_call_comes_in_pieces_that_name_their_call() -> None:
    writer = ChunkWriter(HEAD)
    first = (ToolCallDelta(0, "c1", "look", ""), ToolCallDelta(1, "c2", "read", '{"a"'))
    data = writer.write(
        [Delta(tool_calls=first), Delta(tool_calls=(ToolCallDelta(1, None, None, ":1}"),))]
    )
    assert deltas(data) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": ""},
                },
                {
                    "index": 1,
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "read", "arguments": '{"a"'},
                },
            ],
        },
        {"tool_calls": [{"index": 1, "function": {"arguments": ":1}"}}]},
    ]


def test_what_says_nothing_is_not_written() -> None:
    assert ChunkWriter(HEAD).write([]) == b""
    assert ChunkWriter(HEAD).write([Delta(), Delta(usage=Usage(1, 2))]) == b""


def test_the_usage_chunk_has_no_choices() -> None:
    event = events(ChunkWriter(HEAD).usage(Usage(10, 20, 3, 4)))[0]
    assert set(event) == CHUNK | {"usage"}
    assert event["choices"] == []
    assert event["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    assert event["usage"] == usage_out(Usage(10, 20, 3, 4))


def test_without_any_usage_the_usage_chunk_says_null() -> None:
    assert events(ChunkWriter(HEAD).usage(None))[0]["usage"] is None


@given(st.text(min_size=1), st.text(), st.text())
def test_any_text_arrives_as_it_was_by_the_fast_way_and_the_slow(
    text: str, model: str, fingerprint: str
) -> None:
    writer = ChunkWriter(Head("id", 1, model, fingerprint))
    first, fast = events(writer.write([Delta(text), Delta(text)]))
    slow = events(writer.write([Delta(text, choice=1), Delta(text, choice=1)]))[1]
    slow["choices"][0]["index"] = 0
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": text}
    assert fast["choices"][0]["delta"] == {"content": text}
    assert fast == slow
    assert fast["model"] == model


CALLS = st.builds(
    ToolCallDelta, st.integers(0, 2), st.none() | st.text(), st.none() | st.text(), st.text()
)
DELTAS = st.builds(
    Delta,
    text=st.text(max_size=9),
    reasoning=st.text(max_size=9),
    tool_calls=st.lists(CALLS, max_size=2).map(tuple),
    finish=st.none() | st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    usage=st.none() | st.builds(Usage, st.integers(0, 9)),
    choice=st.integers(0, 2),
    refusal=st.text(max_size=9),
)


def told(data: bytes) -> list[Delta]:
    """What a client understands."""
    found = []
    for event in events(data):
        assert set(event) == CHUNK
        (choice,) = event["choices"]
        assert set(choice) == {"index", "delta", "finish_reason"}
        delta = choice["delta"]
        assert set(delta) <= {"role", "content", "reasoning_content", "refusal", "tool_calls"}
        calls = [
            ToolCallDelta(
                call["index"],
                call.get("id"),
                call["function"].get("name"),
                call["function"]["arguments"],
            )
            for call in delta.get("tool_calls", [])
        ]
        found.append(
            Delta(
                text=delta.get("content") or "",
                reasoning=delta.get("reasoning_content", ""),
                tool_calls=tuple(calls),
                finish=choice["finish_reason"],
                choice=choice["index"],
                refusal=delta.get("refusal", ""),
            )
        )
    return found


@given(st.lists(st.lists(DELTAS, max_size=4), max_size=4))
def test_a_client_understands_every_stream_and_nothing_else_reaches_it(
    batches: list[list[Delta]],
) -> None:
    writer = ChunkWriter(HEAD)
    data = b"".join(writer.write(batch) for batch in batches)
    meant = [delta for batch in batches for delta in batch if delta.counts]
    assert told(data) == [msgspec.structs.replace(delta, usage=None) for delta in meant]


# -- the answer in one piece


def test_a_completion_looks_like_openais() -> None:
    reply = Reply((Choice("Hi", finish="stop"),), Usage(1, 2))
    assert json.loads(completion(reply, HEAD)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gemini-3-flash",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": usage_out(Usage(1, 2)),
    }


def test_a_completion_without_usage_has_none_and_a_simulated_one_says_so() -> None:
    told = json.loads(completion(Reply((Choice("Hi"),)), SIMULATED))
    assert "usage" not in told
    assert told["system_fingerprint"] == "simulated"


@pytest.mark.parametrize(("text", "content"), [("", None), ("so", "so")])
def test_a_completion_with_tool_calls(text: str, content: str | None) -> None:
    choice = Choice(
        text,
        reasoning="hm",
        tool_calls=(Call("c1", "look", "{}"),),
        finish="tool_calls",
        logprobs=msgspec.Raw(b"{}"),
    )
    told = json.loads(completion(Reply((choice,)), HEAD))["choices"][0]
    assert told == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": content,
            "reasoning_content": "hm",
            "refusal": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
            ],
        },
        "finish_reason": "tool_calls",
        "logprobs": {},
    }


def test_a_refusal_and_several_choices() -> None:
    reply = Reply((Choice(refusal="no", finish="stop"), Choice("yes", finish="stop")))
    choices = json.loads(completion(reply, HEAD))["choices"]
    assert [choice["index"] for choice in choices] == [0, 1]
    assert [choice["message"]["refusal"] for choice in choices] == ["no", None]
    assert [choice["message"]["content"] for choice in choices] == ["", "yes"]


@given(st.lists(DELTAS, max_size=8))
def test_a_whole_answer_says_what_its_stream_would_have_said(stream: list[Delta]) -> None:
    whole = json.loads(completion(collect(stream), HEAD))
    streamed = collect(told(ChunkWriter(HEAD).write(stream)))
    spoken = [choice for choice in collect(stream).choices if choice != Choice()]
    assert list(streamed.choices) == spoken
    assert [c["message"]["content"] or "" for c in whole["choices"]] == [
        choice.text for choice in collect(stream).choices
    ]
