import msgspec
import pytest
from msgspec import Raw

from portico.chat.messages import Message
from portico.chat.request import ChatBody, ChatRequest, StreamOptions

HI = [Message("user", "hi")]


def test_a_request_is_its_body_its_raw_fields_and_its_task() -> None:
    body = ChatBody("auto", HI, stream=True, temperature=0.5, seed=7, user=Raw(b'"me"'))
    fields = {"model": Raw(b'"auto"')}
    request = ChatRequest.of(body, fields, "title_generation")
    for name in ChatBody.__struct_fields__:
        assert getattr(request, name) == getattr(body, name), name
    assert request.fields is fields
    assert request.task == "title_generation"


@pytest.mark.parametrize(
    ("body", "most"),
    [
        (ChatBody("m", HI), None),
        (ChatBody("m", HI, max_tokens=5), 5),
        (ChatBody("m", HI, max_completion_tokens=7), 7),
        (ChatBody("m", HI, max_tokens=5, max_completion_tokens=7), 7),
    ],
)
def test_the_bound_of_an_answer_has_two_names(body: ChatBody, most: int | None) -> None:
    assert body.max_output == most


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (None, False),
        (StreamOptions(), False),
        (StreamOptions(None), False),
        (StreamOptions(True), True),
    ],
)
def test_usage_is_wanted_only_where_it_is_asked_for(
    options: StreamOptions | None, wanted: bool
) -> None:
    assert ChatBody("m", HI, stream_options=options).wants_usage is wanted


def test_two_requests_share_no_fields() -> None:
    one, other = ChatRequest("m", HI), ChatRequest("m", HI)
    assert one.fields == {}
    assert one.fields is not other.fields


def test_unknown_fields_are_no_error() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"hi","x":1}],"logit_bias":{}}'
    assert msgspec.json.decode(raw, type=ChatBody) == ChatBody("m", HI)
