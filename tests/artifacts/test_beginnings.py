import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.artifacts.beginnings import begins_picture
from portico.artifacts.intake import SIGNATURES

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
NOTE = b"<!-- made by hand -->"
DOCTYPE = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"\0\0\0\x1cftypavif",
        b"%PDF-1.7",
        SVG,
        b"\xef\xbb\xbf  \n" + SVG,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + NOTE + DOCTYPE + SVG,
        b'<?xml version="1.0" encoding="ISO-8859-1"?><svg note="\xfc"/>',
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
        b"<svg>" + b"<g>" * 10_000,
        b"<svg></g>",  # ill-formed: what draws it says so
    ],
)
def test_a_picture_is_known_by_its_beginning(head: bytes) -> None:
    assert begins_picture(head, whole=True) is True
    assert begins_picture(head.ljust(64), whole=False) is True


@pytest.mark.parametrize(
    "head",
    [
        b"<!doctype html><html><body>" + SVG,
        b"<html>" + SVG + b"</html>",
        b"<p>" + SVG,
        b"<h1>secret",
        b"<svg-like/>",
        b'<?xml version="1.0"?><rss/>',
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>',
        b"<",
        b"<" * 64,
        b"<!-- " + b"no end" * 5000,
        b'{"secret": 1}',
        b"secret",
        b"",
    ],
)
def test_anything_else_is_not(head: bytes) -> None:
    assert begins_picture(head, whole=True) is False


def test_what_could_still_become_a_picture_is_waited_for_up_to_a_bound() -> None:
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"<!-- " + b"." * 64, NOTE * 100, b"<svg " + b" " * 99):
        assert begins_picture(head, whole=False) is None
    assert begins_picture(NOTE * 1000, whole=False) is False


@given(st.binary(max_size=200), st.booleans(), st.sampled_from([b"", b"<", b"<svg", b"<?xml"]))
def test_any_bytes_are_judged_and_the_whole_always_is(
    rest: bytes, whole: bool, start: bytes
) -> None:
    known = begins_picture(start + rest, whole=whole)
    assert known in (True, False) or not whole
    if known is True:
        assert any(signed(start + rest) for signed in SIGNATURES.values())


@given(st.integers(0, 400))
def test_more_of_it_never_unsays_what_was_said(cut: int) -> None:
    for body in (b'<?xml version="1.0"?>' + NOTE * 9 + SVG, NOTE * 9 + b"<html/>"):
        early = begins_picture(body[:cut], whole=False)
        assert early in (None, begins_picture(body, whole=True))
