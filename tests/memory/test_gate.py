"""What may share an answer, and what never."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.api.wire import parse
from portico.memory.base import Space
from portico.memory.gate import Pair, alone, content, judged, passes, upper
from portico.simulator.listings import embed
from tests.memory.pairs import must_miss, restatements


def test_four_hundred_pairs_that_must_miss_are_none_served() -> None:
    pairs = must_miss()
    assert len(pairs) == 400
    assert [pair for pair in pairs if passes(pair.one, pair.other)] == []


def test_a_third_of_restatements_and_more_is_served() -> None:
    pairs = restatements()
    served = [pair for pair in pairs if passes(pair.one, pair.other)]
    assert len(served) >= 0.3 * len(pairs), len(served)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is 16px enough?", "Is 24px enough?"),
        ("React to Vue", "Vue to React"),
        ("Don't hide it", "Do hide it"),
        ("never hide it", "hide it"),
        ("v1.2", "v1.3"),
        ("a > b", "a < b"),
        ("x + y", "x - y"),
        ("-5", "5"),
        ("page.tsx", "page.ts"),
        ("#fff", "#ffe"),
        ("every 5m", "every 5M"),
        ("open A.ts", "open a.ts"),
        ("", ""),
        ("please", "thanks"),
    ],
)
def test_what_differs_in_content_never_passes(one: str, other: str) -> None:
    assert not passes(one, other)


def test_manners_and_marks_are_no_content() -> None:
    assert passes("Could you please show the header?", "show header")
    assert passes("It doesn't fit.", "it does not fit")
    assert content("Show the #FF00aa in src/a.ts, 1.5rem!") == (
        *("show", "#ff00aa", "in", "src/a.ts", "1.5rem"),
    )


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_gate_is_the_same_both_ways(one: str, other: str) -> None:
    assert passes(one, other) == passes(other, one)
    assert passes(one, one) == bool(content(one))


def body(**more: object) -> bytes:
    said = {"model": "code", "messages": [{"role": "user", "content": "show it"}], **more}
    return json.dumps(said).encode()


TURNS = [
    {"role": "user", "content": "list them"},
    {"role": "assistant", "content": "one, two"},
    {"role": "user", "content": "and the second one?"},
]
LINK = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    "more",
    [
        {"messages": TURNS},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is it"}, LINK]}]},
        {"tools": [TOOL]},
        {"n": 2},
    ],
)
def test_what_depends_on_more_than_its_words_stands_not_alone(more: dict[str, object]) -> None:
    assert alone(parse(body(**more))) is None


def test_a_single_turn_of_text_stands_alone() -> None:
    assert alone(parse(body())) == "show it"
    assert alone(parse(body(), "title_generation")) is None


def test_the_bound_is_clopper_s_and_pearson_s() -> None:
    assert upper(0, 298) == pytest.approx(0.01, abs=2e-4)
    assert upper(0, 0) == 1
    assert upper(3, 100) == pytest.approx(0.0757, abs=1e-3)


def cosines(pairs: list[Pair]) -> list[float]:
    both = ((embed(pair.one), embed(pair.other)) for pair in pairs)
    return [sum(a * b for a, b in zip(one, other, strict=True)) for one, other in both]


def test_the_report_proves_enough_or_says_that_it_does_not() -> None:
    pairs = [*must_miss(), *restatements()]
    report = judged(pairs, cosines(pairs), Space(64, "simulated"), 0.6)
    assert (report.different, report.false_hits) == (400, 0)
    assert report.bound < 0.01
    assert report.served >= 0.3 * report.same
    assert report.good
    few = judged(pairs[:150], cosines(pairs[:150]), Space(64, "simulated"), 0.6)
    assert not few.good
    wrong = [Pair("show it", "please show it", same=False)] * 5 + pairs
    assert not judged(wrong, [1.0] * len(wrong), Space(64, "x"), 0.6).good
