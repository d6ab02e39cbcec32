import json

import pytest

from portico.routing.attempts import Kind
from portico.upstreams.faults_complaint import DETAIL, LARGEST, Shape, quote, read
from tests.upstreams.fault_bodies import (
    error,
    failed,
)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefgh12345678",
        "sk-ab***yz",
        "AIzaSyD-abcdefghijklmnop_12",
        "****1234",
        "gsk_abcdefghijkl",
        "xai-abcdefgh",
        "QUJD" * 40,
    ],
)
def test_what_is_shown_holds_no_key_and_no_base64(secret: str) -> None:
    for text in (f"bad: {secret} is wrong", f"Your api key: {secret} is wrong"):
        shown = quote(text)
        assert secret not in shown
        assert secret[-4:] not in shown
        assert shown.endswith("is wrong")
    assert secret not in quote(f"Authorization: Bearer {secret}")
    assert secret not in quote(f"GET /v1beta/models?key={secret}&x=1")
    assert secret not in quote(f"data:image/png;base64,{secret}")


def test_what_is_shown_is_one_short_line() -> None:
    shown = quote("a\nb\x00\u202e" + " word" * 500)
    assert len(shown) == DETAIL
    assert shown.startswith("a b word")
    assert shown.endswith("…")
    assert quote(
        "models/gemini-2.5-pro, see https://ai.google.dev/gemini-api/docs/rate-limits"
    ) == ("models/gemini-2.5-pro, see https://ai.google.dev/gemini-api/docs/rate-limits")


def test_the_callers_own_words_are_not_repeated_from_a_validation_error() -> None:
    body = {"detail": [{"loc": ["body", "n"], "msg": "must be 1", "input": "secret"}]}
    assert failed("generic", 422, body).detail == "body.n: must be 1"


def test_a_huge_answer_is_only_quoted() -> None:
    body = json.dumps(error("x" * LARGEST)).encode()
    complaint = read(body)
    assert complaint.shape is Shape.TEXT
    assert failed("generic", 503, body).kind is Kind.UNAVAILABLE
    assert len(failed("generic", 503, body).detail) <= DETAIL


def test_nesting_without_end_is_text() -> None:
    assert read(b"[" * 100_000).shape is Shape.TEXT
