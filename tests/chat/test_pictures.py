"""Where pictures stand, which are left out, and what may stand in their place."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portico.api.wire import parse
from portico.chat.messages import Modality, Part
from portico.chat.pictures import Place, left_out, modalities, pictures, turn_begins, with_parts
from tests.serving import PNG

PICTURE = {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}, "unknown": 1}
TEXT = {"type": "text", "text": "words", "cache_control": {"type": "ephemeral"}}
TURNS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system"]),
            "content": st.text(max_size=5) | st.lists(st.sampled_from([PICTURE, TEXT]), max_size=4),
        },
        optional={"name": st.just("ann"), "unknown": st.just([1, {"a": None}])},
    ),
    min_size=1,
    max_size=6,
)


def asked(turns: Any) -> Any:
    return parse(json.dumps({"model": "vision", "messages": turns}).encode())


@given(TURNS)
def test_every_picture_has_its_place(turns: Any) -> None:
    found = pictures(asked(turns).messages)
    there = [
        (index, at)
        for index, turn in enumerate(turns)
        if isinstance(turn["content"], list)
        for at, part in enumerate(turn["content"])
        if part is PICTURE
    ]
    assert [tuple(place) for place in found] == there
    assert all(link.url == PNG and link.detail == "high" for link in found.values())


def test_a_place_is_told_as_the_caller_wrote_it() -> None:
    assert str(Place(3, 1)) == "messages[3].content[1].image_url.url"


@given(TURNS, st.sampled_from(["keep", "last_n", "stub"]), st.integers(0, 4))
def test_what_the_answer_is_about_is_never_left_out(turns: Any, policy: str, last: int) -> None:
    messages = asked(turns).messages
    every, gone = list(pictures(messages)), left_out(messages, policy, last)
    begins = turn_begins(messages)
    assert all(place.message < begins for place in gone)
    old = [place for place in every if place.message < begins]
    spared = every[max(len(every) - last, 0) :]
    if policy == "keep":
        assert list(gone) == []
    elif policy == "stub":
        assert list(gone) == old
    else:
        assert list(gone) == [place for place in old if place not in spared]
    wanted = Modality.IMAGE in modalities(messages, gone)
    assert wanted == (len(gone) < len(every))


@given(TURNS, st.data())
def test_other_parts_take_their_places_and_nothing_else_changes(turns: Any, data: Any) -> None:
    request = asked(turns)
    every = list(pictures(request.messages))
    chosen = data.draw(st.sets(st.sampled_from(every))) if every else set()
    two = (Part("text", "one"), Part("text", "two"))
    changed = with_parts(request, dict.fromkeys(chosen, two))
    expected: list[Any] = []
    for index, turn in enumerate(turns):
        content = turn["content"]
        if isinstance(content, list):
            content = [
                said
                for at, part in enumerate(content)
                for said in (
                    [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
                    if (index, at) in chosen
                    else [part]
                )
            ]
        expected.append({**turn, "content": content})
    assert json.loads(bytes(changed.fields["messages"])) == expected
    assert changed.messages == asked(expected).messages
    assert request.messages == asked(turns).messages
