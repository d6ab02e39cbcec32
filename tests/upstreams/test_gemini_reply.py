import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.reply import Call, Delta, Usage, collect
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.gemini_reply import FAULTS, FILTERED, Answer, NotAnAnswer
from portico.upstreams.signatures import Signatures

OWNER = "google/gemini-3-flash-preview"

FINISHES = [
    *("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "SPII"),
    *("PROHIBITED_CONTENT", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT"),
    *("IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE", "UNEXPECTED_TOOL_CALL", "MODEL_ARMOR"),
    *("TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "ESCALATION"),
    *("PUP_LIMITED_DISABLED", "CONTINUATION"),
]
"""Google's own list (upstream-wire §2.1)."""


def new(choices: int = 1, kept: Signatures | None = None) -> Answer:
    return Answer(kept or Signatures(), OWNER, choices)


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    candidate |= more.pop("candidate", {})
    return msgspec.json.encode({"candidates": [candidate], **more})


def words(text: str) -> dict[str, Any]:
    return {"text": text}


def call(name: str, id_: str | None = None, **part: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {"x": 1}, "id": id_}, **part}


def failure(answer: Answer, *payloads: bytes) -> Failure:
    with pytest.raises(UpstreamFailed) as caught:
        answer.take(payloads)
    return caught.value.failure


# -- the wire document's own bodies

TEXT = (
    b'{"candidates":[{"content":{"parts":[{"text":"\xe2\x80\xa6lo"}],"role":"model"},"index":0}],'
    b'"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8},"responseId":"R"}',
    b'{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"EqoB"}],"role":"model"},'
    b'"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":8,'
    b'"candidatesTokenCount":2,"thoughtsTokenCount":35,"totalTokenCount":45,'
    b'"promptTokensDetails":[{"modality":"TEXT","tokenCount":8}]},"responseId":"R"}',
)
BLOCKED = (
    b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":'
    b'{"promptTokenCount":638,"totalTokenCount":638},"modelVersion":"gemini-3.5-flash-lite"}'
)
EMPTY = (
    b'{"candidates":[{"content":{"role":"model"},"finishReason":"STOP","index":0}],'
    b'"usageMetadata":{"promptTokenCount":3130,"totalTokenCount":3130},'
    b'"modelVersion":"gemini-2.5-flash-lite","responseId":"x"}'
)
MALFORMED = (
    b'{"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL",'
    b'"finishMessage":"Malformed function call: f(","index":0}]}'
)


def test_text_ends_with_stop_and_usage_on_the_last_delta_of_a_read() -> None:
    answer = new()
    assert answer.take(TEXT) == [
        Delta(text="…lo"),
        Delta(finish="stop", usage=Usage(input=8, output=37, reasoning=35)),
    ]
    assert answer.finished


def test_each_read_brings_the_usage_so_far() -> None:
    answer = new()
    assert answer.take(TEXT[:1]) == [Delta(text="…lo", usage=Usage(input=8))]
    assert answer.begun
    assert not answer.finished


def test_usage_alone_is_still_told() -> None:
    metadata = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 2,
        "cachedContentTokenCount": 4,
    }
    payload = msgspec.json.encode({"usageMetadata": metadata})
    assert new().take([payload]) == [Delta(usage=Usage(input=15, output=2, cached=4))]


def test_a_chunk_that_says_nothing_gives_nothing() -> None:
    nothing = [b"{}", b'{"candidates":[],"usageMetadata":null,"promptFeedback":{}}']
    assert new().take([*nothing, chunk(words(""))]) == []


def test_thoughts_are_reasoning() -> None:
    assert new().take([chunk({"text": "Hm.", "thought": True}, words("Yes"))]) == [
        Delta(text="Yes", reasoning="Hm.")
    ]


def test_calls_are_counted_over_the_whole_stream_and_end_it_as_tool_calls() -> None:
    kept = Signatures()
    answer = new(kept=kept)
    deltas = answer.take([chunk(call("f", "a1", thoughtSignature="SIG"), call("g"))])
    deltas += answer.take([chunk(call("h", "a3"))])
    deltas += answer.take([chunk(words(""), finish="STOP")])
    [choice] = collect(deltas).choices
    generated = choice.tool_calls[1].id
    assert choice.finish == "tool_calls"
    assert choice.tool_calls == (
        Call("a1", "f", '{"x":1}'),
        Call(generated, "g", '{"x":1}'),
        Call("a3", "h", '{"x":1}'),
    )
    assert re.fullmatch(r"call_[0-9a-f]{24}", generated)
    assert kept.recall(OWNER, "a1") == "SIG"
    assert kept.recall(OWNER, generated) is None


def test_arguments_are_one_line_of_json_and_never_missing() -> None:
    pretty = chunk({"functionCall": {"name": "f", "args": {"x": [1]}}}).replace(b"[1]", b"[\n 1 ]")
    for payload, arguments in (
        (pretty, '{"x":[1]}'),
        (chunk({"functionCall": {"name": "f"}}), "{}"),
        (chunk({"functionCall": {"name": "f", "args": None}}), "{}"),
    ):
        [delta] = new().take([payload])
        assert delta.tool_calls[0].arguments == arguments


def test_choices_are_told_apart() -> None:
    answer = new(choices=2)
    deltas = answer.take(
        [
            chunk(words("a")),
            chunk(words("b"), candidate={"index": 1}),
            chunk(finish="SAFETY", candidate={"index": 1}),
        ]
    )
    assert not answer.finished
    deltas += answer.take([chunk(words("c"), finish="STOP")])
    assert answer.finished
    first, second = collect(deltas).choices
    assert (first.text, first.finish) == ("ac", "stop")
    assert (second.text, second.finish) == ("b", "content_filter")


def test_logprobs_are_openai_s() -> None:
    result = {
        "chosenCandidates": [
            {"token": "é", "tokenId": 7, "logProbability": -0.5},
            {"token": "!", "logProbability": -1},
        ],
        "topCandidates": [{"candidates": [{"token": "e", "logProbability": -0.9}]}],
    }
    [delta] = new().take([chunk(words("é!"), candidate={"logprobsResult": result})])
    assert delta.logprobs is not None
    top = [{"token": "e", "logprob": -0.9, "bytes": [101]}]
    assert msgspec.json.decode(delta.logprobs) == {
        "content": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": top},
            {"token": "!", "logprob": -1.0, "bytes": [33], "top_logprobs": []},
        ],
        "refusal": None,
    }


def test_max_tokens_is_a_length_also_where_thinking_used_them_up() -> None:
    assert new().take([chunk(words("a"), finish="MAX_TOKENS")])[0].finish == "length"
    payload = b'{"candidates":[{"content":{},"finishReason":"MAX_TOKENS","index":0}]}'
    assert new().take([payload]) == [Delta(finish="length")]


def test_a_blocked_prompt_is_refused_with_its_reason() -> None:
    for body in (BLOCKED, b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}'):
        refused = failure(new(), body)
        assert refused.kind is Kind.REFUSED
        assert refused.detail == "the prompt was blocked: PROHIBITED_CONTENT"


def test_an_empty_answer_is_a_failure_not_a_success() -> None:
    assert failure(new(), EMPTY) == Failure(Kind.UNAVAILABLE, "empty answer", 200)
    assert failure(new(), chunk(words(""), finish="STOP")).kind is Kind.UNAVAILABLE


def test_a_malformed_call_is_garbled() -> None:
    assert failure(new(), MALFORMED).kind is Kind.GARBLED


@pytest.mark.parametrize("reason", FINISHES)
@pytest.mark.parametrize("spoken", [True, False])
def test_every_finish_reason_means_something(reason: str, spoken: bool) -> None:
    answer = new()
    if spoken:
        answer.take([chunk(words("Once"))])
    if reason == "MAX_TOKENS" or (reason == "STOP" and spoken):
        assert answer.take([chunk(finish=reason)])[0].finish in ("stop", "length")
    elif reason in FILTERED and spoken:
        assert answer.take([chunk(finish=reason)])[0].finish == "content_filter"
    else:
        found = failure(answer, chunk(finish=reason))
        other = Kind.REFUSED if reason in FILTERED else Kind.UNAVAILABLE
        assert found.kind is (FAULTS[reason].kind if reason in FAULTS else other)
        assert found.mend == ("signatures" if "SIGNATURE" in reason else "")


def test_a_reason_nobody_knows_never_looks_like_a_whole_answer() -> None:
    assert failure(new(), chunk(words("a"), finish="NEW_REASON")).kind is Kind.UNAVAILABLE


def test_a_picture_in_the_answer_is_not_left_out_silently() -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    found = failure(new(), chunk(words("See:"), blob))
    assert found.kind is Kind.INCAPABLE
    assert "AAAA" not in found.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"<html>",
        b'{"candidates":[{"content"',
        b'{"candidates":7}',
        b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}',
        b'{"error":{"code":503}}',
        b'[{"error":{"code":503}}]',
        b'{"usageMetadata":{"promptTokenCount":"many"}}',
        b'{"candidates":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_answer_is_handed_back_and_not_quoted(payload: bytes) -> None:
    with pytest.raises(NotAnAnswer) as caught:
        new().take([payload])
    assert caught.value.payload in payload
    assert str(caught.value) == "not the API's answer"


PARTS = st.one_of(
    st.text(max_size=5).map(words),
    st.text(max_size=5).map(lambda text: {"text": text, "thought": True}),
    st.sampled_from("fgh").map(lambda name: call(name, f"id_{name}")),
)


@given(st.lists(PARTS, min_size=1, max_size=8), st.data())
def test_any_chunking_adds_up_to_the_whole_answer(
    parts: list[dict[str, Any]], data: st.DataObject
) -> None:
    parts.append(words("."))
    cut = data.draw(st.integers(0, len(parts)))
    whole = new().take([chunk(*parts, finish="STOP")])
    answer = new()
    pieces = answer.take([chunk(*parts[:cut])]) + answer.take([chunk(*parts[cut:], finish="STOP")])
    assert collect(pieces) == collect(whole)
