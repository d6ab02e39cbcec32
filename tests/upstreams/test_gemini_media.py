from typing import Any

import msgspec
import pytest

from portico.chat.messages import Part
from portico.routing.attempts import Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.gemini_media import translate

THREE, TWO = (3, 0), (2, 5)


def said(part: dict[str, Any], generation: tuple[int, int] = THREE) -> Any:
    return translate(msgspec.convert(part, Part), "messages[0].content[0]", generation)


def picture(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def test_base64_is_cut_out_of_its_data_uri_undecoded() -> None:
    assert said(picture("data:image/png;base64,iVBOR===")) == {
        "inline_data": {"mime_type": "image/png", "data": "iVBOR==="}
    }


def test_a_picture_may_be_given_as_a_bare_url() -> None:
    part = {"type": "image_url", "image_url": "data:image/webp;charset=x;base64,UklG"}
    assert said(part) == {"inline_data": {"mime_type": "image/webp", "data": "UklG"}}


def test_a_percent_encoded_data_uri_becomes_base64() -> None:
    assert said(picture("data:,a%20b")) == {
        "inline_data": {"mime_type": "image/jpeg", "data": "YSBi"}
    }


@pytest.mark.parametrize(
    ("url", "mime"),
    [
        ("https://cdn.example/a/B.PNG?w=2#top.gif", "image/png"),
        ("https://cdn.example/picture", "image/jpeg"),
        ("http://[broken/x.webp", "image/webp"),
    ],
)
def test_a_link_goes_as_a_file_with_a_guessed_type(url: str, mime: str) -> None:
    assert said(picture(url)) == {"file_data": {"mime_type": mime, "file_uri": url}}


@pytest.mark.parametrize(
    ("detail", "level"), [("low", "LOW"), ("medium", "MEDIUM"), ("high", "HIGH")]
)
def test_detail_is_the_resolution_of_that_one_picture(detail: str, level: str) -> None:
    part = said(picture("data:image/png;base64,AA", detail=detail))
    assert part["media_resolution"] == {"level": f"MEDIA_RESOLUTION_{level}"}


def test_auto_and_older_models_leave_the_resolution_to_google() -> None:
    assert "media_resolution" not in said(picture("data:image/png;base64,AA", detail="auto"))
    assert "media_resolution" not in said(picture("data:image/png;base64,AA", detail="high"), TWO)


def test_sound_video_and_files_go_inline() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}
    video = {"type": "video_url", "video_url": {"url": "data:;base64,AAAA"}}
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE"}}
    bare = {"type": "file", "file": {"file_data": "YSxi", "filename": "list.csv"}}
    assert said(sound) == {"inline_data": {"mime_type": "audio/mp3", "data": "SUQz"}}
    assert said(video) == {"inline_data": {"mime_type": "video/mp4", "data": "AAAA"}}
    assert said(file) == {"inline_data": {"mime_type": "application/pdf", "data": "JVBE"}}
    assert said(bare) == {"inline_data": {"mime_type": "text/csv", "data": "YSxi"}}


def test_a_file_at_google_goes_by_its_address() -> None:
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    part = {"type": "file", "file": {"file_id": uri}}
    assert said(part) == {"file_data": {"mime_type": "application/pdf", "file_uri": uri}}


def test_text_goes_as_text_and_nothing_as_nothing() -> None:
    assert said({"type": "text", "text": "hi"}) == {"text": "hi"}
    assert said({"type": "text", "text": ""}) is None


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"type": "file", "file": {"file_id": "file-123"}}, "messages[0].content[0].file"),
        ({"type": "image_url"}, "messages[0].content[0] has no image_url"),
        (picture("data:image/png"), "messages[0].content[0].image_url is not a data URI"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name_and_never_dropped(
    part: dict[str, Any], named: str
) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        said(part)
    assert caught.value.failure.kind is Kind.REJECTED
    assert named in caught.value.failure.detail
