import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portico.api.wire import MOST_MESSAGES, parse
from portico.chat.aside import put_back
from portico.errors import MalformedRequest

HI = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(2000)).decode()


def body(**fields: object) -> dict[str, Any]:
    return {"model": "auto", "messages": [HI], **fields}


def said(content: object, role: str = "user", **fields: object) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": role, "content": content, **fields}]}


def refused(raw: bytes | object) -> MalformedRequest:
    with pytest.raises(MalformedRequest) as caught:
        parse(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    assert caught.value.__cause__ is None
    assert len(str(caught.value)) < 600
    return caught.value


# -- not JSON


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"hello",
        b"{",
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}]',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}]} {}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],}',
        b"{'model':'auto'}",
        b"\xef\xbb\xbf" + json.dumps(body()).encode(),
        json.dumps(body()).encode("utf-16"),
        b'{"model":"auto","messages":[{"role":"user","content":"\x00"}]}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":NaN}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":[-Infinity]}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"temperature":NaN}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":01}',
        b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":"\\q"}',
    ],
)
def test_what_is_not_json_is_said_not_to_be(raw: bytes) -> None:
    problem = refused(raw)
    assert str(problem).startswith("The body is not JSON")
    assert (problem.status, problem.code, problem.param) == (400, "malformed_request", None)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"x"', b"true"])
def test_a_body_is_an_object(raw: bytes) -> None:
    assert str(refused(raw)).startswith("The body: expected `object`")


BROKEN = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"]
PLACES = [
    b'{"model":"%b","messages":[{"role":"user","content":"hi"}]}',
    b'{"model":"auto","messages":[{"role":"user","content":"%b"}]}',
    b'{"model":"auto","messages":[{"role":"user","content":"hi","x":"%b"}]}',
    b'{"model":"auto","messages":[{"role":"user","content":"hi","%b":1}]}',
    b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":["%b"]}',
    b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"%b":1}',
    b'{"model":"auto","messages":[{"role":"user","content":[{"type":"image_url","image_url":"'
    + PNG.encode()
    + b'"}]}],"x":"data:%b'
    + b"A" * 3000
    + b'"}',
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", PLACES)
def test_invalid_utf8_is_refused_wherever_it_stands(place: bytes, broken: bytes) -> None:
    assert str(refused(place.replace(b"%b", broken))).startswith("The body is not JSON")
    parse(place.replace(b"%b", "ü".encode()))


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\ude00", b"\\ude00\\ud83d", b"\\uD83Dx"])
@pytest.mark.parametrize("place", PLACES)
def test_half_a_character_is_refused_wherever_it_stands(place: bytes, half: bytes) -> None:
    refused(place.replace(b"%b", half + b" and more"))
    parse(place.replace(b"%b", b"\\ud83d\\ude00"))


@pytest.mark.parametrize("depth", [2_000, 100_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize(
    "place",
    [
        "%s",
        '{"model":"auto","messages":%s}',
        '{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":%s}',
        '{"model":"auto","messages":[{"role":"user","content":"hi","x":%s}]}',
        '{"model":"auto","messages":[{"role":"user","content":"hi"}],"tool_choice":%s}',
    ],
)
def test_a_body_that_is_nested_too_deeply_is_refused(
    place: str, pair: tuple[str, str], depth: int
) -> None:
    refused((place % (pair[0] * depth + "1" + pair[1] * depth)).encode())


# -- not a chat


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "model"),
        ({"model": "auto"}, "messages"),
        ({"messages": [HI]}, "model"),
        (body(model=None), "model"),
        (body(model=5), "model"),
        (body(model=""), "model"),
        (body(messages=[]), "messages"),
        (body(messages={}), "messages"),
        (body(messages="hi"), "messages"),
        (body(messages=["hi"]), "messages[0]"),
        (body(messages=[HI, {"content": "hi"}]), "messages[1].role"),
        (body(messages=[HI, {"role": "wizard", "content": "hi"}]), "messages[1].role"),
        (body(messages=[{"role": 5, "content": "hi"}]), "messages[0].role"),
        (body(messages=[{"role": "x - at `$.y`"}]), "messages[0].role"),
        (body(messages=[{"role": "x" * 100_000}]), "messages[0].role"),
        (body(messages=[HI] * (MOST_MESSAGES + 1)), "messages"),
        (said(5), "messages[0].content"),
        (said({}), "messages[0].content"),
        (said(["hi"]), "messages[0].content[0]"),
        (said([{"text": "hi"}]), "messages[0].content[0].type"),
        (said([{"type": "smell"}]), "messages[0].content[0].type"),
        (said([{"type": "text"}]), "messages[0].content[0].text"),
        (said([{"type": "text", "text": 5}]), "messages[0].content[0].text"),
        (said([{"type": "image_url"}]), "messages[0].content[0].image_url"),
        (said([{"type": "input_image"}]), "messages[0].content[0].image_url"),
        (said([{"type": "image_url", "video_url": PNG}]), "messages[0].content[0].image_url"),
        (said([{"type": "image_url", "image_url": 5}]), "messages[0].content[0].image_url"),
        (said([{"type": "image_url", "image_url": {}}]), "messages[0].content[0].image_url.url"),
        (
            said([{"type": "image_url", "image_url": {"url": 5}}]),
            "messages[0].content[0].image_url.url",
        ),
        (said([{"type": "input_audio"}]), "messages[0].content[0].input_audio"),
        (
            said([{"type": "input_audio", "input_audio": {}}]),
            "messages[0].content[0].input_audio.data",
        ),
        (said([{"type": "audio_url"}]), "messages[0].content[0].audio_url"),
        (said([{"type": "video_url"}]), "messages[0].content[0].video_url"),
        (said([{"type": "file"}]), "messages[0].content[0].file"),
        (said(None), "messages[0].content"),
        (said(None, "system"), "messages[0].content"),
        (said(None, "tool", tool_call_id="c"), "messages[0].content"),
        (said(None, "user", tool_calls=[]), "messages[0].content"),
        (said("x", "assistant", tool_calls=[{}]), "messages[0].tool_calls[0].function"),
        (
            said("x", "assistant", tool_calls=[{"function": {"name": "f", "arguments": {}}}]),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (body(stream="yes"), "stream"),
        (body(stream_options=True), "stream_options"),
        (body(stream_options={"include_usage": 1}), "stream_options.include_usage"),
        (body(tools={}), "tools"),
        (body(tools=[{}]), "tools[0].function"),
        (body(tools=[{"function": {}}]), "tools[0].function.name"),
        (body(parallel_tool_calls="no"), "parallel_tool_calls"),
        (body(response_format="json"), "response_format"),
        (body(response_format={"type": "yaml"}), "response_format.type"),
        (body(response_format={"type": "json_schema"}), "response_format.json_schema"),
        (body(max_tokens=0), "max_tokens"),
        (body(max_tokens="5"), "max_tokens"),
        (body(max_tokens=1.5), "max_tokens"),
        (body(max_tokens=10**40), "max_tokens"),
        (body(max_completion_tokens=-1), "max_completion_tokens"),
        (body(temperature=2.1), "temperature"),
        (body(temperature="hot"), "temperature"),
        (body(top_p=-0.1), "top_p"),
        (body(n=0), "n"),
        (body(n=17), "n"),
        (body(stop=5), "stop"),
        (body(stop=["x", 5]), "stop[1]"),
        (body(seed="x"), "seed"),
        (body(reasoning_effort=1), "reasoning_effort"),
    ],
)
def test_a_wrong_body_is_refused_by_the_place_that_is_wrong(
    fields: dict[str, object], param: str
) -> None:
    problem = refused(fields)
    assert problem.param == param
    assert f"`{param}`" in str(problem)


def test_a_number_out_of_range_is_refused_where_it_counts_and_kept_where_it_does_not() -> None:
    raw = b'{"model":"auto","messages":[{"role":"user","content":"hi"}],%b}'
    assert refused(raw % b'"temperature":1e999').param == "temperature"
    assert refused(raw % (b'"max_tokens":' + b"9" * 5000)).param == "max_tokens"
    for number in (b"1e999", b"9" * 5000, b"-0.0", b"1E+2"):
        assert bytes(parse(raw % (b'"x":' + number)).fields["x"]) == number


PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7\n").decode()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "picture.png",
        "ftp://a.example/x.png",
        "file:///etc/passwd",
        "data:image/png,plain",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        "data:image/png;base64," + base64.b64encode(b"just some words").decode(),
        "https://a.example/" + "x" * 8200,
    ],
)
@pytest.mark.parametrize("written", ["object", "string"])
def test_a_picture_that_is_none_is_refused_by_its_place(url: str, written: str) -> None:
    link: object = {"url": url} if written == "object" else url
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": link}]
    problem = refused(body(messages=[HI, {"role": "user", "content": parts}]))
    assert problem.param == "messages[1].content[1].image_url.url"


# -- keys that stand twice

TWICE = [
    ('{"model":"auto","model":"x","messages":[{"role":"user","content":"hi"}]}', "model"),
    (
        '{"model":"auto","messages":[{"role":"user","content":"hi"}],'
        '"messages":[{"role":"user","content":"hi"}]}',
        "messages",
    ),
    (
        '{"model":"auto","messages":[{"role":"user","content":"hi","role":"user"}]}',
        "messages[0].role",
    ),
    (
        '{"model":"auto","messages":[{"role":"user","content":'
        '[{"type":"image_url","image_url":{"url":"%s","url":"%s"}}]}]}',
        "messages[0].content[0].image_url.url",
    ),
    (
        '{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":[1,{"a":1,"\\u0061":2}]}',
        "x[1].a",
    ),
    (
        '{"model":"auto","messages":[{"role":"user","content":'
        '[{"type":"image_url","image_url":"%s","image_url":"%s"}]}]}',
        "messages[0].content[0].image_url",
    ),
]


@pytest.mark.parametrize(("raw", "param"), TWICE)
@pytest.mark.parametrize("size", [0, 100_000, 1_000_000])
def test_a_key_that_stands_twice_is_refused_at_every_depth(raw: str, param: str, size: int) -> None:
    url = PNG + "A" * size
    text = raw.replace("%s", url).replace('"hi"', '"%s"' % ("h" * size)).encode()
    problem = refused(text)
    assert problem.param == param
    assert "twice" in str(problem)


def test_a_key_that_stands_twice_far_down_or_is_very_long_is_refused_all_the_same() -> None:
    depth = 300
    deep = '{"x":[' * depth + '{"a":1,"a":1}' + "]}" * depth
    raw = '{"model":"auto","messages":[{"role":"user","content":"hi"}],"y":%s}'
    param = refused((raw % deep).encode()).param
    assert param is not None
    assert len(param) == 200
    long = "k" * 100_000
    assert refused((raw % f'{{"{long}":1,"{long}":1}}').encode()).param == "y." + "k" * 100


def test_a_picture_hides_no_key() -> None:
    picture = '{"type":"image_url","image_url":"%s"}' % (PNG + "A" * 5000)
    raw = '{"model":"auto","messages":[{"role":"user","content":[%s]}],%s}'
    sly = [
        '"x":"\\"data:%s\\\\","a":1,"a":2' % ("A" * 2000),
        '"x":"data:%s\\"","a":1,"a":2' % ("A" * 2000),
        '"x":"data:%s\\\\","a":1,"a":2' % ("A" * 2000),
        '"data:%s":1,"a":1,"a":2' % ("A" * 2000),
    ]
    for fields in sly:
        assert refused((raw % (picture, fields)).encode()).param == "a"
    two_keys = '"data:{0}x":1,"data:{0}y":2'.format("A" * 2000)
    parse((raw % (picture, two_keys)).encode())


# -- what passes


def test_a_request_keeps_every_field_as_it_came() -> None:
    raw = (
        b'{"model":"auto", "messages" : [ {"role":"user","content":"h\\u00fc" , "x": 1.0e0} ],'
        b'"metadata":{"a" : [1,2 ], "b":null},"logit_bias": {"50256":-100},"seed":7}'
    )
    request = parse(raw, "title_generation")
    assert {name: bytes(value) for name, value in request.fields.items()} == {
        "model": b'"auto"',
        "messages": b'[ {"role":"user","content":"h\\u00fc" , "x": 1.0e0} ]',
        "metadata": b'{"a" : [1,2 ], "b":null}',
        "logit_bias": b'{"50256":-100}',
        "seed": b"7",
    }
    assert (request.model, request.seed, request.task) == ("auto", 7, "title_generation")
    assert request.messages[0].text == "hü"


@pytest.mark.parametrize(
    "fields",
    [
        body(stream=None),
        body(stream=None, temperature=0.5),
        body(stream_options=None, tools=None, stop=None, n=None, response_format=None, user=None),
        body(stream_options={"include_usage": None}),
        body(user={"id": 5}, tool_choice={"type": "function", "function": {"name": "f"}}),
        body(temperature=0, top_p=1, n=16, max_tokens=1, stop=["a"], seed=-1),
        said([]),
        said(""),
        said(None, "assistant"),
        said([{"type": "refusal", "refusal": "no"}], "assistant"),
        said([{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PNG}]),
        said([{"type": "file", "file": {"file_data": PDF}}]),
        said([{"type": "input_audio", "input_audio": {"data": "AA=="}}]),
        said([{"type": "video_url", "video_url": "https://a.example/x.mp4"}]),
    ],
)
def test_what_openai_takes_is_taken(fields: dict[str, Any]) -> None:
    request = parse(json.dumps(fields).encode())
    assert not request.stream
    assert not request.wants_usage
    assert "stream" not in request.fields


def test_streaming_with_usage_is_understood() -> None:
    request = parse(json.dumps(body(stream=True, stream_options={"include_usage": True})).encode())
    assert request.stream
    assert request.wants_usage


def test_a_large_picture_is_laid_aside_and_comes_back() -> None:
    url = PNG + "A" * 1_000_000
    came = json.dumps(said([{"type": "image_url", "image_url": {"url": url}}])).encode()
    request = parse(came)
    link = request.messages[0].parts[0].link
    assert link is not None
    assert len(link.url) < 100
    assert put_back(link.url.encode(), request.aside).decode() == url
    assert put_back(bytes(request.fields["messages"]), request.aside) in came


@pytest.mark.parametrize("content", ["a text of it", [{"type": "text", "text": "and a part"}]])
def test_a_picture_where_none_belongs_is_read_as_the_text_it_is(content: Any) -> None:
    text = PNG + "A" * 2000
    for fields in (said(text), {**said(content), "metadata": {"x": text}}):
        request = parse(json.dumps(fields).encode())
        assert not request.aside
        assert fields == {name: json.loads(bytes(raw)) for name, raw in request.fields.items()}


def test_what_is_laid_aside_must_begin_like_a_picture() -> None:
    url = "data:image/png;base64," + base64.b64encode(b"just some words" * 200).decode()
    refused(json.dumps(said([{"type": "image_url", "image_url": {"url": url}}])).encode())


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
FINITE = st.recursive(  # what JSON can say
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = ["model", "messages", "stream", "tools", "n", "stop", "response_format", "tool_choice"]
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": ANY | st.sampled_from(["text", "image_url", "file"]),
        "text": ANY,
        "image_url": ANY | st.fixed_dictionaries({"url": ANY}),
        "file": ANY,
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": ANY | st.sampled_from(["user", "assistant", "tool"]),
        "content": ANY | st.lists(PARTS, max_size=3),
        "tool_calls": ANY,
    },
)
ALMOST = st.fixed_dictionaries(
    {"model": ANY | st.just("auto"), "messages": ANY | st.lists(MESSAGES, max_size=3)},
    optional=dict.fromkeys(NAMES[2:], ANY),
)


@given(ANY | ALMOST)
def test_any_json_is_a_request_or_a_malformed_one(value: object) -> None:
    raw = json.dumps(value).encode()
    try:
        request = parse(raw)
    except MalformedRequest:
        refused(raw)
    else:
        assert request.model
        assert request.messages


@given(st.binary(max_size=60))
@example(b'{"model":"a","messages":[{"role":"user","content":"\xf0\x9f"}]}')
def test_any_bytes_are_malformed(raw: bytes) -> None:
    refused(raw)


TEXTS = st.text(max_size=40)
GOOD = st.fixed_dictionaries(
    {
        "model": st.text(min_size=1, max_size=9),
        "messages": st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.sampled_from(["system", "user", "assistant"]),
                    "content": TEXTS
                    | st.lists(
                        st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS})
                        | st.just({"type": "image_url", "image_url": {"url": PNG}}),
                        max_size=3,
                    ),
                },
                optional={"name": TEXTS, "portico_unknown": FINITE},
            ),
            min_size=1,
            max_size=4,
        ),
    },
    optional={
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 2**31 - 1),
        "seed": st.integers(-(2**63), 2**63 - 1),
        "stop": TEXTS | st.lists(TEXTS, max_size=2),
        "metadata": FINITE,
    },
)


@given(GOOD, st.booleans(), st.sampled_from([None, 2]))
def test_a_valid_body_comes_back_as_it_was(
    good: dict[str, Any], escaped: bool, indent: int | None
) -> None:
    raw = json.dumps(good, ensure_ascii=escaped, indent=indent).encode()
    request = parse(raw)
    again = json.loads(put_back(msgspec.json.encode(request.fields), request.aside))
    assert again == good
    assert request.model == good["model"]
    for message, sent in zip(request.messages, good["messages"], strict=True):
        whole = sent["content"]
        texts = [whole] if isinstance(whole, str) else [p["text"] for p in whole if "text" in p]
        assert message.text == "\n".join(filter(None, texts))
    assert request.temperature == good.get("temperature")
    assert request.max_output == good.get("max_tokens")
