"""What a client understands of an answer."""

import json

from hypothesis import given
from hypothesis import strategies as st

from portico.drill.base import Heard
from portico.drill.caller import understood


def chunk(text: str, model: str = "m", finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'model': model, 'choices': [choice]})}\n\n"


def heard(body: str, status: int = 200) -> Heard:
    return understood(status, "req_1", body, 0.5)


def test_a_streams_text_models_finish_and_end_are_told() -> None:
    body = ": keep-alive\n\n" + chunk("One ") + chunk("two.", "n") + chunk("", "n", "stop")
    told = heard(body + "data: [DONE]\n\n")
    assert told == Heard(200, "One two.", ("m", "n"), "stop", 1, None, False, "req_1", 0.5)


def test_whoever_takes_over_twice_is_told_twice() -> None:
    assert heard(chunk("a") + chunk("b", "n") + chunk("c")).models == ("m", "n", "m")


def test_an_error_event_is_an_error_and_no_end() -> None:
    error = {"code": "stream_broken", "source": "upstream", "attempts": [{"target": "m"}]}
    told = heard(chunk("One ") + f"data: {json.dumps({'error': error})}\n\n")
    assert (told.code, told.blamed, told.done, told.finish) == ("stream_broken", True, 0, None)


def test_an_error_blames_somebody_only_if_it_names_source_and_targets() -> None:
    error = {"code": "unanswered", "source": "upstream"}
    assert not heard(json.dumps({"error": error}), 502).blamed
    assert not heard(json.dumps({"error": error | {"source": "client"}}), 400).blamed
    assert heard(json.dumps({"error": error | {"resting": [{"target": "m"}]}}), 502).blamed


def test_a_whole_answer_is_told_like_a_stream_without_an_end() -> None:
    message = {"message": {"content": "One."}, "finish_reason": "stop"}
    told = heard(json.dumps({"model": "m", "choices": [message]}))
    assert (told.text, told.models, told.finish, told.done) == ("One.", ("m",), "stop", 0)


def test_usage_without_choices_is_no_news() -> None:
    last = 'data: {"model": "m", "choices": [], "usage": {"total_tokens": 3}}\n\n'
    assert heard(chunk("One.", finish="stop") + last).finish == "stop"


def test_what_is_not_json_is_an_error() -> None:
    assert heard("<html>", 200).code == "not JSON"
    assert heard('data: {"mod\n\n').code == "not JSON"


@given(st.text())
def test_whatever_comes_is_told(body: str) -> None:
    assert heard(body).code is not None or body.startswith(("data:", ":"))
