"""Whatever comes in, what goes out is an answer or an error in the envelope, and never a 5xx."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.wires import enveloped, head, spoken
from tests.serving import PNG, House, house

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


def examples(count: int) -> settings:
    """Return so many examples, the same in every run, and no clock: the machine may be busy."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=slow)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("fuzz")) as opened:
        yield opened
        answer = await opened.chat()
        assert answer.status_code == 200, "and still answers"
        assert opened.serving.gateway.in_flight == 0
        assert not opened.simulator.blind, "no picture went to a model that cannot see"


async def honest(lab: House, body: bytes) -> int:
    """Ask with *body*; return the status, having looked that the answer is one of ours."""
    answer = await lab.client.post(CHAT, content=body)
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500, answer.text
        enveloped(answer.status_code, answer.headers, answer.json())
    elif answer.headers["content-type"].startswith("text/event-stream"):
        assert answer.text.endswith("data: [DONE]\n\n")
    else:
        assert answer.json()["object"] == "chat.completion"
        assert answer.json()["choices"]
    return answer.status_code


@examples(300)
@given(st.binary(max_size=2000))
async def test_any_bytes_are_refused(lab: House, body: bytes) -> None:
    assert await honest(lab, body) == 400


class Object(list[tuple[str, Any]]):
    """An object's pairs: a key may stand in it twice."""


class Verbatim(str):
    """A piece of the body as it will stand there, JSON or not."""


def tree(value: Any) -> Any:
    """Return *value* with its dicts as objects."""
    if isinstance(value, dict):
        return Object((key, tree(held)) for key, held in value.items())
    return [tree(held) for held in value] if isinstance(value, list) else value


def written(node: Any) -> str:
    """Return *node* as the body's text."""
    if isinstance(node, Object):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in node) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(written, node)) + "]"
    return str(node) if isinstance(node, Verbatim) else json.dumps(node)


def places(node: Any) -> Iterator[tuple[list[Any], int]]:
    """Give every place in *node*: what holds it, and at which index."""
    if isinstance(node, list):
        for index, held in enumerate(node):
            yield node, index
            yield from places(held[1] if isinstance(node, Object) else held)


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
PARAMETERS = {"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}}
FINE: list[dict[str, Any]] = [
    {
        "model": "code",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "max_tokens": 20,
        "stop": ["END"],
        "seed": 1,
        "n": 1,
        "user": "u",
        "metadata": {"a": [1, None, {"b": True}]},
    },
    {
        "model": "vision",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                ],
            }
        ],
    },
    {
        "model": "auto",
        "messages": [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "a button"},
        ],
        "tools": [TOOL],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    },
    {
        "model": "design",
        "messages": [{"role": "user", "content": "As JSON"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "found", "schema": PARAMETERS, "strict": True},
        },
        "reasoning_effort": "low",
    },
]
ODD = st.sampled_from(
    [
        *(Verbatim(text) for text in ('"\\ud800"', '"\\udfff\\ud800"', "1e999", "-1e999", "NaN")),
        *(
            Verbatim(text)
            for text in ("9" * 400, "-" + "9" * 25, "0.1e-400", "[" * 3000, "Infinity")
        ),
        Verbatim("[" * 400 + "]" * 400),
        Verbatim('{"a":' * 2000 + "1" + "}" * 2000),
        *(
            0,
            -1,
            2**31,
            2**63,
            2**64,
            1e308,
            0.5,
            True,
            False,
            None,
            "",
            "\0",
            "\u2028",
            "x" * 5000,
        ),
        *(tree(value) for value in ([], {}, [[]], [None], [{}], {"": ""}, {"type": "text"})),
        "data:image/png;base64,",
        "data:image/png;base64,AAAA",
        "http://[::1/",
        "../../etc/passwd",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
).map(tree)

type Twist = Callable[[list[Any], int, Any], None]


def drop(holder: list[Any], index: int, value: Any) -> None:
    del holder[index]


def double(holder: list[Any], index: int, value: Any) -> None:
    holder.insert(index, holder[index])


def replace(holder: list[Any], index: int, value: Any) -> None:
    holder[index] = (holder[index][0], value) if isinstance(holder, Object) else value


def rename(holder: list[Any], index: int, value: Any) -> None:
    if isinstance(holder, Object):
        holder[index] = (str(value)[:50], holder[index][1])


def wrap(holder: list[Any], index: int, value: Any) -> None:
    held = holder[index][1] if isinstance(holder, Object) else holder[index]
    replace(holder, index, [held, value])


@st.composite
def twisted(draw: st.DrawFn) -> bytes:
    """Return a fine body in which something, or a few things, are no longer so."""
    body = tree(draw(st.sampled_from(FINE)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(body))
        if not found:
            break
        holder, index = draw(st.sampled_from(found))
        twist: Twist = draw(st.sampled_from([drop, double, replace, replace, rename, wrap]))
        twist(holder, index, deepcopy(draw(ODD | JSON)))
    return written(body).encode("utf-8", "surrogatepass")


@examples(600)
@given(twisted())
async def test_a_twisted_body_is_answered_or_refused_in_the_envelope(
    lab: House, body: bytes
) -> None:
    await honest(lab, body)


@pytest.mark.parametrize("fine", FINE, ids=lambda fine: str(fine["model"]))
async def test_what_is_twisted_is_fine_to_begin_with(fine: Any, lab: House) -> None:
    assert await honest(lab, written(tree(fine)).encode()) == 200


NAMES = st.sampled_from(
    ["authorization", "content-type", "x-openwebui-task", "x-owui-task", "traceparent", "expect",
     "content-encoding", "x-request-id", "accept", "connection", "host", "cookie", "upgrade"]
) | st.text("abcdefghij-_!#$%&'*+.^`|~0123456789", min_size=1, max_size=20)  # fmt: skip
VALUES = st.text(
    st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60
) | st.sampled_from(["chunked", "100-continue", "close", "keep-alive", "gzip", "Bearer ", "h2c"])
ASKED = json.dumps({"model": "code", "messages": [{"role": "user", "content": "hi"}]}).encode()


@examples(250)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
async def test_odd_headers_do_not_hurt(lab: House, odd: list[tuple[str, str]]) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in odd).encode("latin-1")
    lead = head(path=CHAT, content_length=len(ASKED))[:-2] + more + b"connection: close\r\n\r\n"
    answers = await spoken(lab.url, lead + ASKED)

    assert answers
    for answer in answers:
        assert answer.status in (200, 400, 431)
        assert answer.status == 200 or answer.error


@examples(200)
@given(st.binary(max_size=400), st.booleans())
async def test_any_bytes_on_a_connection_do_not_hurt(lab: House, data: bytes, after: bool) -> None:
    lead = head("GET", "/v1/models/nobody") if after else b""
    answers = await spoken(lab.url, lead + data, hang_up=True)

    assert all(400 <= answer.status < 500 and answer.error for answer in answers)
    assert (await lab.client.get("/healthz")).status_code == 200
