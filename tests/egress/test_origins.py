import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import ConnectFailed, HTTPRequest
from portico.egress.origins import Origin, head_of, split


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://a.example/v1", Origin(True, "a.example", 443), "/v1"),
        ("http://a.example:8080", Origin(False, "a.example", 8080), "/"),
        ("http://[::1]:9/x?alt=sse", Origin(False, "::1", 9), "/x?alt=sse"),
        ("https://user:pw@a.example/", Origin(True, "a.example", 443), "/"),
        ("https://bücher.example/a b", Origin(True, "xn--bcher-kva.example", 443), "/a%20b"),
        ("http://a.example/%2F/ü?q=ü", Origin(False, "a.example", 80), "/%2F/%C3%BC?q=%C3%BC"),
        ("http://a.example/x#part", Origin(False, "a.example", 80), "/x"),
    ],
)
def test_an_address_says_where_to_go_and_what_to_ask_for(
    url: str, origin: Origin, target: str
) -> None:
    assert split(url) == (origin, target)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "a.example/v1",
        "https:///v1",
        "https://a.example:99999/",
        "https://a.example:x/",
        "http://[::1/",
        "http://a b/",
        "http://a..b/",
        f"http://{'a' * 64}.example/",
        f"http://{'.'.join(['a' * 60] * 5)}/",
        "",
    ],
)
def test_an_impossible_address_fails_before_anything_is_dialled(url: str) -> None:
    with pytest.raises(ConnectFailed):
        split(url)


@given(st.text(max_size=60))
def test_no_address_can_reach_into_the_head(path: str) -> None:
    try:
        origin, target = split("http://a.example/" + path)
    except ConnectFailed:
        return
    head = head_of(HTTPRequest("", method="GET"), origin, target)
    assert head.count(b"\r\n") == 3
    assert head.split(b"\r\n")[0].count(b" ") == 2


@pytest.mark.parametrize(
    "headers",
    [{"x": "a\r\ny: b"}, {"x": "a\ny: b"}, {"x\r\ny": "b"}, {"x": "a\0b"}, {"x": "\r"}],
)
def test_a_header_that_would_split_the_head_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConnectFailed) as refused:
        head_of(HTTPRequest("", headers), Origin(False, "a", 80), "/")
    assert "b" not in str(refused.value).replace("header holds a line break", "").split()


def test_a_head_names_its_host_and_length() -> None:
    request = HTTPRequest("", {"authorization": "Bearer k"}, b"{}")
    assert head_of(request, Origin(True, "::1", 8443), "/v1") == (
        b"POST /v1 HTTP/1.1\r\nhost: [::1]:8443\r\n"
        b"authorization: Bearer k\r\ncontent-length: 2\r\n\r\n"
    )
    assert b"content-length: 0" in head_of(HTTPRequest(""), Origin(True, "a", 443), "/")
    question = HTTPRequest("", method="GET")
    assert head_of(question, Origin(True, "a", 443), "/") == b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
