import io
from base64 import b64encode

import pytest
from PIL import Image

from portico.artifacts.apart import draw
from portico.artifacts.drawing import DRAWS, answer, draw_pdf, draw_svg, draw_tiff
from portico.artifacts.images import open_picture, prepare
from portico.artifacts.intake import APART
from portico.artifacts.pictures import Limits, PictureRefused
from portico.artifacts.profiles import PROFILES, Profile
from portico.artifacts.svg import cleaned
from tests.artifacts import odd

SVG = "image/svg+xml"
PDF = "application/pdf"
LIMITS = Limits()


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_what_is_drawn_apart_is_known_without_drawing() -> None:
    assert set(DRAWS) == APART


def test_an_svg_is_drawn_with_its_text() -> None:
    body = '<rect x="600" width="600" height="600" fill="red"/><text x="9" y="60">Save all</text>'
    (sheet,) = open_picture(odd.svg(body)).sheets
    assert sheet.image.size == (1200, 600)
    assert sheet.image.getpixel((900, 300)) == (255, 0, 0, 255)
    assert sheet.text == "Save all"
    assert sheet.note == "An SVG of 1200 x 600 units, drawn."


def test_a_pdf_is_its_pages_with_their_text() -> None:
    picture = open_picture(odd.pdf("Invoice one", "Page two", "The end"))
    made = prepare(picture, PROFILES["gemini"])
    assert [one.text for one in made] == ["Invoice one", "Page two", "The end"]
    assert [one.sheet for one in made] == [0, 1, 2]
    assert made[1].note == "Page 2 of 3 of a PDF."
    assert {one.mime for one in made} == {"image/png"}


def test_pages_beyond_the_limits_are_left_out_and_that_is_said() -> None:
    picture = open_picture(odd.pdf(*"abcdefgh"), Limits(pages=5))
    assert len(picture.sheets) == 5
    assert picture.sheets[-1].note.endswith("The pages after it were left out.")
    *_, last = made = prepare(picture, Profile("few", count=3))
    assert len(made) == 3
    assert last.note.endswith("2 more were left out.")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (odd.many_uses(40), "cannot be drawn|takes too"),
        (odd.svg("<g>" * 300 + "</g>" * 300), "inside each other"),
        (odd.svg("&a;", before='<!DOCTYPE svg [<!ENTITY a "b">]>'), "entities"),
        (odd.pdf("x", locked=True), "protected by a password"),
        (odd.pdf(), "damaged"),
        (b"%PDF-1.7\n" + bytes(99), "damaged"),
    ],
    ids=["uses", "deep", "entities", "locked", "empty", "broken"],
)
def test_what_cannot_be_drawn_is_refused_by_the_program_or_with_it(data: bytes, told: str) -> None:
    with pytest.raises(PictureRefused, match=told) as refused:
        open_picture(data, Limits(seconds=3))
    assert refused.value.status == 400


def test_a_pdf_that_unpacks_to_more_than_there_is_memory_ends_alone() -> None:
    bomb = odd.pdf("x", content=b"0 0 100 100 re f\n" * 3_000_000)
    with pytest.raises(PictureRefused, match="takes too"):
        draw(bomb, PDF, Limits(seconds=1, memory=400_000_000))


def test_a_tiff_is_read_apart_and_its_further_pages_are_said() -> None:
    data = odd.saved(odd.screen(), "TIFF", save_all=True, append_images=[odd.screen()])
    (sheet,) = open_picture(data).sheets
    assert sheet.note == "The first page of several; the others were left out."
    assert sheet.pixels == open_picture(odd.saved(odd.screen(), "PNG")).sheets[0].pixels


# What the program does, seen from inside.


def test_scripts_and_links_to_elsewhere_are_left_out() -> None:
    pixel = odd.saved(Image.new("RGB", (2, 2)), "PNG").hex()
    body = (
        "<script>alert(1)</script><foreignObject><p>x</p></foreignObject>"
        '<rect onclick="x()" fill="url(#g)" width="5" height="5"/>'
        '<image href="/etc/secret.png"/><image xlink:href="https://a.example/x.png"/>'
        f'<image href="data:image/svg+xml;base64,{pixel}"/><a href="https://a.example"><g/></a>'
        '<image href="data:image/png;base64,AAAA"/><use href="#g"/>'
    )
    drawing = cleaned(odd.svg(body), LIMITS)
    assert drawing.dropped == 7
    for gone in ("script", "foreignObject", "onclick", "secret", "a.example", "data:"):
        assert gone not in drawing.markup
    for kept in ('fill="url(#g)"', '<use href="#g">', "<g>"):
        assert kept in drawing.markup


def test_a_picture_inside_is_kept_and_its_pixels_are_counted() -> None:
    inside = b64encode(odd.saved(Image.new("RGB", (100, 100)), "PNG")).decode()
    data = odd.svg(f'<image href="data:image/png;base64,{inside}"/>' * 3)
    assert cleaned(data, LIMITS).markup.count(inside) == 3
    with pytest.raises(PictureRefused, match="inside this SVG"):
        cleaned(data, Limits(pixels=25_000))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<svg", "not well-formed"),
        (b"<html></html>", "not SVG"),
        (odd.svg("<g/>" * 50), "over 20 elements"),
    ],
)
def test_what_is_no_svg_is_told_so(data: bytes, told: str) -> None:
    with pytest.raises(PictureRefused, match=told):
        cleaned(data, Limits(nodes=20))


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ('width="1200" height="600"', (1200, 600)),
        ('width="12in" height="576pt"', (1152, 768)),
        ('viewBox="0 0 24 12"', (1024, 512)),
        ('width="50%" height="1e999" viewBox="0 0 2000 1000"', (2000, 1000)),
        ('width="100" viewBox="0 0 20 40"', (512, 1024)),
        ('height="100" viewBox="0 0 20 40"', (512, 1024)),
        ('width="90000" height="45000"', (4096, 2048)),
        ('width="x" viewBox="0 0 x 0"', (1024, 1024)),
        ('width="1.2.3" height="5" viewBox="0 0 0 0"', (1024, 1024)),
    ],
)
def test_an_svg_is_drawn_large_enough_to_see_and_no_larger(
    asked: str, drawn: tuple[int, int]
) -> None:
    body = '<rect width="9" height="9"/>'
    ((png, _, _),) = draw_svg(odd.svg(body, asked), LIMITS)
    if "x" not in asked.partition("viewBox")[0] and "1.2.3" not in asked:
        assert size(png) == drawn
    assert max(size(png)) <= 4096


def test_an_svg_without_area_is_refused() -> None:
    with pytest.raises(PictureRefused, match="too long for its width"):
        draw_svg(odd.svg("", 'width="1" height="90000"'), LIMITS)
    with pytest.raises(PictureRefused, match="cannot be drawn"):
        draw_svg(odd.svg("", 'width="0" height="0"'), LIMITS)


def test_the_program_answers_with_pictures_or_with_the_reason() -> None:
    for kind, data in (
        (SVG, odd.svg("<g/>")),
        (PDF, odd.pdf("x")),
        ("image/tiff", odd.saved(odd.screen(), "TIFF")),
    ):
        told = answer(data, kind, LIMITS)
        assert told[4:14] == b'{"pages":['
        assert b"\x89PNG" in told
    assert answer(b"<x/>", SVG, LIMITS).endswith(b'"refused":"This is XML, but not SVG."}')
    assert b"password" in answer(odd.pdf("x", locked=True), PDF, LIMITS)


def test_pages_are_drawn_at_twice_their_points_within_an_edge() -> None:
    ((png, text, note),) = draw_pdf(odd.pdf("Total 9.99"), LIMITS)
    assert size(png) == (400, 200)
    assert (text, note) == ("Total 9.99", "Page 1 of 1 of a PDF.")
    large = odd.pdf("x").replace(b"[0 0 200 100]", b"[0 0 9000 99]")
    ((png, _, _),) = draw_pdf(large, LIMITS)
    assert size(png)[0] in {2048, 2049}


def test_a_tiff_is_drawn_pixel_by_pixel() -> None:
    ((png, _, _),) = draw_tiff(odd.saved(odd.screen(), "TIFF"), LIMITS)
    assert Image.open(io.BytesIO(png)).tobytes() == odd.screen().tobytes()


def test_the_program_confines_itself_before_it_reads() -> None:
    with pytest.raises(PictureRefused, match="takes too much"):
        draw(odd.svg("<g/>"), SVG, Limits(memory=1_000_000))
