"""What can be asked again, and what cannot; the console's tests ask."""

from typing import Any, cast

import msgspec
import pytest
from msgspec import Raw

from portico.api.wire import parse
from portico.dispatch.replaying import Replaying, request_of, why_not
from portico.errors import MalformedRequest
from portico.traces.base import Card, Fidelity, Trace

pytestmark = pytest.mark.anyio


def traced(request: Any, **more: Any) -> Trace:
    card = Card(id="req_1", started=1.0, took=1.0, asked="code", outcome="answered", **more)
    return Trace(card, Raw(msgspec.json.encode({"request": request})))


def test_it_is_said_why_something_cannot_be_asked_again() -> None:
    assert why_not(None) == "nothing of it is kept"
    assert why_not(traced({}, operation="embeddings")) == "it was no chat"
    assert "masked" in why_not(traced({}, fidelity=Fidelity.REDACTED))
    assert why_not(traced({})) == ""


@pytest.mark.parametrize("request_", [None, {"messages": "hello"}, {"input": "a form"}])
def test_what_was_no_whole_chat_is_refused(request_: Any) -> None:
    with pytest.raises(MalformedRequest, match="no whole chat"):
        request_of(traced(request_))


def test_it_goes_to_whom_it_went_or_to_somebody_else() -> None:
    told = {"messages": [{"role": "user", "content": "hello"}]}
    assert request_of(traced(told)).model == "code"
    assert request_of(traced(told), "design").model == "design"


async def test_only_pictures_that_are_kept_here_are_brought() -> None:
    link = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [link]}]}
    nobody = cast(Any, None)
    request = parse(msgspec.json.encode(body))
    assert await Replaying(nobody, nobody, nobody)._pictures(request) == {}
