"""The judge itself: it would notice an answer that is cut, mixed, or ends in nothing."""

import json
from typing import Any

import pytest
from scripts.soak import judge, text_of

from tests.chaos.replies import envelope_faults, read

STREAM = {"content-type": "text/event-stream; charset=utf-8", "x-portico-request-id": "req_1"}
ERROR = {
    "error": {
        "message": "broke off",
        "type": "api_error",
        "param": None,
        "code": "stream_broken",
        "source": "upstream",
        "request_id": "req_1",
        "attempts": [],
    }
}
TEXT = text_of(7)
HALF = TEXT[: TEXT.index("r7w9")]


def chunk(text: str = "", finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return _event({"model": "qwen-vl", "choices": [choice]})


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
CASES = {
    "answered": chunk(TEXT) + chunk(finish="stop") + DONE,
    "cut, looks complete": chunk(HALF) + chunk(finish="stop") + DONE,
    "mixed": chunk(HALF) + chunk(text_of(8)) + chunk(finish="stop") + DONE,
    "honest error": chunk(HALF) + _event(ERROR),
    "lost": chunk(HALF),
}
COMPLAINTS = {
    "half an event at the end": chunk(TEXT)[:-1],
    "something comes after [DONE]": DONE + chunk(TEXT),
    "an error is not the last that is said": _event(ERROR) + chunk(TEXT),
    "the stream ends with neither [DONE] nor an error": chunk(TEXT),
}


@pytest.mark.parametrize(("what", "body"), CASES.items())
def test_every_way_an_answer_can_be_wrong_is_told_from_a_right_one(what: str, body: bytes) -> None:
    assert judge(read(200, STREAM, body), 7) == what


def test_a_repeated_piece_is_not_the_answer() -> None:
    body = chunk(HALF) + chunk(TEXT) + chunk(finish="stop") + DONE
    assert judge(read(200, STREAM, body), 7) == "mixed"


@pytest.mark.parametrize(("complaint", "body"), COMPLAINTS.items())
def test_a_stream_that_no_client_understands_is_said_to_be_one(complaint: str, body: bytes) -> None:
    assert complaint in read(200, STREAM, body).complaints


def test_an_error_with_done_behind_it_looks_complete() -> None:
    assert read(200, STREAM, _event(ERROR) + DONE).complaints


@pytest.mark.parametrize("name", ["message", "type", "param", "code", "source", "request_id"])
def test_an_error_without_one_of_its_fields_is_not_honest(name: str) -> None:
    told = {key: value for key, value in ERROR["error"].items() if key != name}
    assert envelope_faults(read(200, STREAM, _event({"error": told})))
    assert not envelope_faults(read(200, STREAM, _event(ERROR)))
