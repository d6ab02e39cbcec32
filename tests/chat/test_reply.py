from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from portico.chat.reply import Call, Choice, Delta, Reply, ToolCallDelta, Usage, collect


@pytest.mark.parametrize(
    ("delta", "counts"),
    [
        (Delta(), False),
        (Delta(usage=Usage(1, 1)), False),
        (Delta(logprobs=Raw(b"{}")), False),
        (Delta("x"), True),
        (Delta(reasoning="x"), True),
        (Delta(refusal="x"), True),
        (Delta(finish="stop"), True),
        (Delta(tool_calls=(ToolCallDelta(0),)), True),
    ],
)
def test_an_answer_starts_with_content_reasoning_a_call_or_a_finish(
    delta: Delta, counts: bool
) -> None:
    assert delta.counts is counts


def test_deltas_add_up_to_an_answer() -> None:
    reply = collect(
        [
            Delta(reasoning="h", usage=Usage(1, 1)),
            Delta("Hel", reasoning="m", logprobs=Raw(b"1")),
            Delta("lo", refusal="n", logprobs=Raw(b"2")),
            Delta(refusal="o", finish="stop", usage=Usage(5, 7, 2, 3)),
            Delta(),
        ]
    )
    assert reply.usage == Usage(5, 7, 2, 3)
    (choice,) = reply.choices
    assert (choice.text, choice.reasoning, choice.refusal) == ("Hello", "hm", "no")
    assert choice.finish == "stop"
    assert choice.logprobs == Raw(b"1")


def test_pieces_of_calls_add_up_by_their_index() -> None:
    pieces = [
        (ToolCallDelta(1, "c2", "read", "{"),),
        (ToolCallDelta(0, "c1", "look"), ToolCallDelta(1, arguments="}")),
        (ToolCallDelta(0, "other", "other", "{}"),),
        (ToolCallDelta(2, arguments="x"),),
    ]
    (choice,) = collect(Delta(tool_calls=some) for some in pieces).choices
    assert choice.tool_calls == (
        Call("c1", "look", "{}"),
        Call("c2", "read", "{}"),
        Call("", "", "x"),
    )


def test_choices_stand_in_their_order() -> None:
    reply = collect([Delta("b", choice=1), Delta("a"), Delta("B", choice=1)])
    assert [choice.text for choice in reply.choices] == ["a", "bB"]


def test_nothing_adds_up_to_nothing() -> None:
    assert collect([]) == Reply(())


@given(st.text(), st.lists(st.integers(0, 50), max_size=6))
def test_it_does_not_matter_how_a_text_is_cut(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(text)]
    pieces = [Delta(text[a:b]) for a, b in pairwise(edges)]
    assert collect(pieces) == Reply((Choice(text),))
