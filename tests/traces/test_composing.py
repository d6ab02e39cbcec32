"""What becomes of what was noted: cards, stories, what is cut, and what is said of both."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from portico.api.wire import parse
from portico.chat.reply import Delta, ToolCallDelta, Usage, collect
from portico.routing.attempts import Passage
from portico.traces.base import LARGEST, Capture, Fidelity, Life
from portico.traces.composing import Composer
from portico.traces.cutting import cut
from portico.traces.story import Story
from portico.traces.tape import FOLDED, Take, Tape, begun, folded
from tests.ledger.entries import LIMITED, attempt
from tests.traces.made import take, trace


def told(one: Take, kept: dict[str, str] | None = None) -> tuple[Any, dict[str, Any]]:
    made = Composer().trace(one, kept or {})
    story: dict[str, Any] = msgspec.json.decode(made.story)
    msgspec.convert(story, Story)
    assert made.card.size == len(bytes(made.story)) <= LARGEST
    return made.card, story


def noted(body: bytes, *sent: bytes, capture: Capture = Capture.FULL) -> Take:
    tape = begun(parse(body), {}, capture)
    tape.sent += sent
    return Take(trace().card, tuple(attempt() for _ in sent), None, tape)


def body(text: str, **more: Any) -> bytes:
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    ).encode()


def test_an_attempt_tells_by_which_way_its_answer_came() -> None:
    ways = (Passage("sg1", "203.0.113.7", "SG", 12.5), Passage("us1"), None)
    tried = tuple(attempt(passage=way) for way in ways)
    _, story = told(Take(trace().card, tried, None, None))
    names = ("tunnel", "exit", "exit_region", "exit_age")
    receipts = [{name: one[name] for name in names if name in one} for one in story["attempts"]]
    verified = {"tunnel": "sg1", "exit": "203.0.113.7", "exit_region": "SG", "exit_age": 12.5}
    assert receipts == [verified, {"tunnel": "us1"}, {}]


@pytest.mark.parametrize(
    ("outcome", "code", "life", "error"),
    [
        ("answered", None, Life.INTERACTIVE, None),
        ("failed", "unanswered", Life.FLAGGED, "unanswered"),
        ("broken", "stream_broken", Life.FLAGGED, "stream_broken"),
        ("abandoned", None, Life.INTERACTIVE, None),
        ("refused", "no_capable_target", Life.INTERACTIVE, "no_capable_target"),
    ],
)
def test_what_failed_is_kept_for_longer(
    outcome: str, code: str | None, life: Life, error: str | None
) -> None:
    card, _ = told(take(outcome=outcome, error=code))
    assert (card.life, card.error) == (life, error)
    assert card.flags == (("error",) if life is Life.FLAGGED else ())


def test_escapes_hide_nothing_and_are_told_plainly() -> None:
    escaped = (
        rb'{"model":"m","messages":[{"role":"user","content":"pk\u002dAbcdefgh1234 \u0416 a\/b"}]}'
    )
    card, story = told(noted(escaped))
    [message] = story["request"]["messages"]
    assert message["content"] == "[redacted] Ж a/b"
    assert card.fidelity is Fidelity.REDACTED


def test_half_a_character_in_what_was_sent_is_no_reason_to_lose_a_trace() -> None:
    _, story = told(noted(body("x"), rb'{"x":"\ud83d and \u0041"}'))
    assert story["request"]["messages"][0]["content"] == "x"
    assert story["attempts"][0]["request"] == "[redacted]"


def test_numbers_that_fit_no_machine_stay_as_they_were_written() -> None:
    number = 123456789012345678901234567890
    _, story = told(noted(body("x", big=number)))
    assert story["request"]["big"] == number


def test_what_a_dialect_wrote_that_is_no_json_is_left_out() -> None:
    _, story = told(noted(body("x"), b"--boundary\r\nname=x"))
    assert story["attempts"][0]["request"] == "[redacted]"


def test_messages_that_were_passed_on_are_kept_once() -> None:
    came = body("hello " * 100)
    passed = came.replace(b'"m"', b'"other"')
    changed = came.replace(b"hello", b"hallo")
    _, story = told(noted(came, passed, changed))
    first, second = story["attempts"]
    assert first["request"] == {"model": "other", "messages": {"$ref": "#/request/messages"}}
    assert second["request"]["messages"][0]["content"].startswith("hallo")


def test_an_attempt_that_sent_nothing_is_told_all_the_same() -> None:
    one = noted(body("x"))
    assert one.tape is not None
    one.tape.sent.append(None)
    one = Take(one.card, (attempt(outcome=LIMITED), attempt()), None, one.tape)
    _, story = told(one)
    assert [attempt.get("request") for attempt in story["attempts"]] == [None, None]
    assert story["attempts"][0]["detail"] == "slow down"


def test_headers_that_could_hold_anything_are_not_kept() -> None:
    headers = {
        b"authorization": b"Bearer x",
        b"x-key": b"1",
        b"user-agent": b"me",
        b"accept": b"*/*",
    }
    tape = begun(parse(body("x")), headers, Capture.FULL)
    _, story = told(Take(trace().card, (), None, tape))
    assert story["headers"] == {"user-agent": "me", "accept": "*/*"}


def test_names_on_a_card_are_cut_and_masked() -> None:
    card, _ = told(take(asked="x " * 150, chat="sk-abcdefghijkl", task="t\x00\ud800"))
    assert (card.asked, card.chat, card.task) == ("x " * 100, "[redacted]", "t\ufffd?")


def test_without_a_tape_nothing_that_was_said_is_told() -> None:
    one = Take(trace(capture=Capture.METADATA_ONLY).card, (attempt(outcome=LIMITED),), None, None)
    card, story = told(one)
    assert card.fidelity is Fidelity.REDACTED
    assert story["left_out"] == ["everything that was said"]
    assert "slow down" not in json.dumps(story)


def test_a_story_that_is_too_long_loses_the_middles_of_its_longest_texts() -> None:
    came = body("a" + "é b " * 500_000 + "z", stop="short")
    card, story = told(noted(came, came.replace(b'"m"', b'"other"')))
    assert card.fidelity is Fidelity.TRUNCATED
    said = story["request"]["messages"][0]["content"]
    assert said[0], said[-1] == ("a", "z")
    assert "characters are left out" in said
    assert story["request"]["stop"] == "short"
    assert "the middles of long texts" in story["left_out"]


def test_what_was_sent_is_cut_before_what_came() -> None:
    came = body("word " * 60_000)
    rewritten = json.dumps({"contents": "word " * 180_000}).encode()
    _, story = told(noted(came, rewritten))
    assert story["request"]["messages"][0]["content"] == "word " * 60_000
    assert "left out" in story["attempts"][0]["request"]["contents"]


def test_a_masked_story_that_is_cut_says_that_it_was_masked() -> None:
    card, _ = told(noted(body("sk-abcdefghijkl " + "word " * 400_000)))
    assert card.fidelity is Fidelity.REDACTED


def test_of_many_short_texts_that_are_too_much_only_the_route_is_left() -> None:
    story = json.dumps({"route": {"role": "code"}, "request": ["x" * 60] * 40_000}).encode()
    short, shortened = cut(story)
    assert shortened
    assert json.loads(short)["route"] == {"role": "code"}
    assert len(short) < 1000


@given(
    st.dictionaries(
        st.sampled_from(["request", "answer", "attempts", "pictures", "route"]),
        st.recursive(
            st.text(max_size=400) | st.integers() | st.booleans(),
            lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner),
            max_leaves=25,
        ),
    ),
    st.integers(200, 3_000),
)
def test_nothing_is_longer_than_it_may_be_and_what_fits_is_not_touched(
    value: dict[str, Any], largest: int
) -> None:
    value["attempts"] = [value["attempts"]] if "attempts" in value else []
    if len(json.dumps(value.get("route", ""))) > 60:
        del value["route"]
    story = msgspec.json.encode(value)
    short, shortened = cut(story, largest)
    assert (short == story) is not shortened
    assert len(short) <= largest
    msgspec.json.decode(short)


DELTAS = st.builds(
    Delta,
    text=st.text(max_size=5),
    reasoning=st.text(max_size=3),
    choice=st.integers(0, 1),
    finish=st.sampled_from([None, None, None, "stop"]),
    refusal=st.sampled_from(["", "", "no"]),
    usage=st.sampled_from([None, None, Usage(1, 2)]),
    tool_calls=st.sampled_from([(), (), (ToolCallDelta(0, "id", "f", "{"),), (ToolCallDelta(0),)]),
)


@given(st.lists(st.lists(DELTAS, max_size=4), max_size=30))
def test_folding_changes_nothing_of_what_was_said(batches: list[list[Delta]]) -> None:
    assert collect(folded(batches)) == collect(delta for batch in batches for delta in batch)


def test_a_long_stream_is_held_as_its_text() -> None:
    tape = Tape(parse(body("x")), {}, Capture.FULL)
    for _ in range(5 * FOLDED):
        tape.hear([Delta(text="word ")])
    assert len(tape.batches) <= FOLDED
    assert collect(folded(tape.batches)).choices[0].text == "word " * 5 * FOLDED


def test_pictures_are_let_go_and_only_their_sizes_noted() -> None:
    link = "data:image/png;base64,iVBORw0KGgo" + "A" * 4000
    parts = [{"type": "image_url", "image_url": {"url": link}}]
    request = parse(
        json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()
    )
    assert request.aside
    tape = begun(request, {}, Capture.FULL)
    assert not tape.request.aside
    assert list(tape.lying.values()) == [4011]
    assert request.aside, "who answers still needs them"
    card, story = told(Take(trace().card, (), None, tape))
    assert card.fidelity is Fidelity.BLOB_MISSING
    assert story["pictures"] == [
        {"place": "messages[0].content[0].image_url.url", "type": "image/png", "bytes": 3008}
        | {"ref": "picture:0"}
    ]
    place = story["pictures"][0]["place"]
    card, story = told(Take(trace().card, (), None, tape), {place: "art_1"})
    assert card.fidelity is Fidelity.COMPLETE
    [message] = story["request"]["messages"]
    assert message["content"][0]["image_url"] == {"url": "artifact:art_1"}


def test_a_place_that_is_not_there_is_no_fault() -> None:
    one = noted(body("x"))
    kept = {"messages[7].content[0].image_url.url": "art_1", "messages[0]": "art_2"}
    _, story = told(one, {**kept, "messages[0].content[0].image_url.url": "art_3"})
    assert story["request"]["messages"] == [{"role": "user", "content": "x"}]


def test_secrets_of_our_own_are_masked_as_they_are_now() -> None:
    secrets = ["the-first-key"]
    composer = Composer(known=lambda: secrets)
    one = noted(body("the-first-key and the-second-key"))
    assert b"the-first-key" not in bytes(composer.trace(one, {}).story)
    secrets[:] = ["the-second-key"]
    assert b"the-second-key" not in bytes(composer.trace(one, {}).story)


def test_a_card_is_not_changed_by_what_is_told() -> None:
    one = take(person="anna", chat="c")
    card, _ = told(one)
    assert replace(card, size=2, fidelity=Fidelity.COMPLETE, expires=None) == replace(
        one.card, expires=None
    )
    assert isinstance(Composer().trace(one, {}).story, Raw)
