import msgspec
import pytest

from portico.chat.messages import (
    HELD_IN,
    PARTS,
    Link,
    Message,
    Modality,
    Part,
)
from portico.chat.pictures import modalities

URL = "https://a.example/x"


@pytest.mark.parametrize(
    ("part", "link"),
    [
        (Part("image_url", image_url=Link(URL, "high")), Link(URL, "high")),
        (Part("image_url", image_url=URL), Link(URL)),
        (Part("input_image", image_url=URL), Link(URL)),
        (Part("video_url", video_url=URL), Link(URL)),
        (Part("audio_url", audio_url=Link(URL)), Link(URL)),
        (Part("image_url", video_url=URL), None),
        (Part("text", text="x", image_url=URL), None),
        (Part("file"), None),
        (Part("smell", image_url=URL), None),
    ],
)
def test_a_part_points_where_its_type_says(part: Part, link: Link | None) -> None:
    assert part.link == link


def test_every_part_that_holds_something_has_a_field_for_it() -> None:
    assert set(PARTS) - set(HELD_IN) == {"refusal"}
    assert set(HELD_IN.values()) <= set(Part.__struct_fields__)


@pytest.mark.parametrize(("kind", "modality"), PARTS.items())
def test_a_part_is_of_the_modality_of_its_type(kind: str, modality: Modality) -> None:
    assert Part(kind).modality is modality
    assert modalities([Message("user", [Part(kind)])]) == {modality, Modality.TEXT}


def test_words_are_text_however_they_are_sent() -> None:
    assert Message("user", "hi").parts == [Part("text", "hi")]
    assert Message("user", "hi").text == "hi"
    assert Message("user", [Part("text", "a"), Part("file"), Part("text", "b")]).text == "a\nb"
    for empty in (None, "", []):
        message = Message("user", empty)
        assert (message.parts, message.text) == ([], "")
    assert modalities([]) == modalities([Message("user", "hi")]) == {Modality.TEXT}


def test_a_message_is_decoded_from_openais_wire() -> None:
    raw = b'{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"f"}}]}'
    message = msgspec.json.decode(raw, type=Message)
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == "{}"
