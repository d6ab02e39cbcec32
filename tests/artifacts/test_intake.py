import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.artifacts.intake import SIGNATURES, fault

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP",
    "image/bmp": b"BM\x00",
    "image/tiff": b"II*\x00",
    "image/heic": b"\x00\x00\x00\x18ftypheic",
    "image/svg+xml": b"\xef\xbb\xbf\n<svg",
    "application/pdf": b"%PDF-1.7",
}


def data(content: bytes, head: str = "data:image/png;base64,") -> str:
    return head + base64.b64encode(content).decode()


def test_every_kind_of_picture_is_known_by_its_content() -> None:
    assert set(HEADS) == set(SIGNATURES)


@pytest.mark.parametrize(
    "content",
    [*HEADS.values(), b"GIF87a", b"MM\x00*", b"\0\0\0\x1cftypavif", b"\0\0\0\x1cftypavis"],
)
@pytest.mark.parametrize(
    "head",
    [
        "data:image/png;base64,",
        "data:;base64,",
        "data:application/octet-stream;base64,",
        "data:image/svg+xml;charset=utf-8;base64,",
    ],
)
def test_a_picture_is_believed_by_its_content_and_not_by_what_it_claims(
    content: bytes, head: str
) -> None:
    assert fault(data(content, head)) is None
    assert fault(data(content + bytes(5000), head)) is None


@pytest.mark.parametrize("link", ["http://a.example/x", "https://a.example/" + "x" * 8174])
def test_an_address_is_looked_at_later(link: str) -> None:
    assert fault(link) is None


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ("", "a picture is a data: URI, an http(s) URL or an artifact's id"),
        ("x.png", "a picture is a data: URI, an http(s) URL or an artifact's id"),
        ("ftp://a.example/x.png", "a picture is a data: URI, an http(s) URL or an artifact's id"),
        ("https://a.example/" + "x" * 8175, "the address is over 8192 characters"),
        ("data:", "the data: URI is not base64"),
        ("data:image/png,AAAA", "the data: URI is not base64"),
        ("data:image/png;base64", "the data: URI is not base64"),
        ("data:" + ";x=" + "y" * 300 + ";base64,AAAA", "the data: URI is not base64"),
        ("data:image/png;base64,", "the picture is empty"),
        ("data:image/png;base64,A", "the picture is not base64"),
        ("data:image/png;base64,%%%%", "the picture is not base64"),
        ("data:image/png;base64,ÄÄÄÄ", "the picture is not base64"),
        (data(b"hello, world"), "this is not a picture of a kind we know"),
        (data(b"\0\0\0\x18ftypisom"), "this is not a picture of a kind we know"),
    ],
)
def test_what_is_no_picture_is_told_why(link: str, what: str) -> None:
    assert fault(link) == what


@given(st.text(max_size=200), st.sampled_from(["", "data:", "data:image/png;base64,"]))
def test_any_link_is_judged_in_a_few_words_that_repeat_nothing(link: str, head: str) -> None:
    wrong = fault(head + link)
    assert wrong is None or (wrong.isascii() and len(wrong) < 70)
