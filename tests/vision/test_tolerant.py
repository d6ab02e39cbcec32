import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.vision.tolerant import DEPTH, salvage, without_thoughts

keys = st.text(st.characters(codec="utf-8"), max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | keys
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
objects = st.dictionaries(keys, values, min_size=1, max_size=4)


@given(st.lists(objects, min_size=1, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_whatever_json_is_wrapped_in_its_objects_are_read(
    listed: list[dict[str, object]], indent: int | None, escaped: bool
) -> None:
    text = json.dumps(listed, indent=indent, ensure_ascii=escaped)
    wrapped = f"Here's what I see on the 27\" screen:\n```json\n{text}\n```\nThat's all {{really}}."
    saved = salvage(wrapped)
    assert list(saved.objects) == listed
    assert not saved.cut


@given(st.lists(objects, min_size=1, max_size=5), st.data())
def test_of_a_cut_array_every_whole_object_is_read(
    listed: list[dict[str, object]], data: st.DataObject
) -> None:
    text = json.dumps(listed)
    end = data.draw(st.integers(0, len(text) - 1))
    ends = [len(json.dumps(listed[:count])) - 1 for count in range(1, len(listed) + 1)]
    whole = sum(at <= end for at in ends)
    saved = salvage(text[:end])
    assert list(saved.objects) == listed[:whole]
    assert saved.cut or not saved.objects


@given(st.text(st.sampled_from("{}[]\"'\\,: \n0aé\ud800"), max_size=300))
def test_no_answer_makes_it_fail(answer: str) -> None:
    salvage(answer)
    without_thoughts(answer)


def test_a_wrapper_gives_itself_and_a_cut_wrapper_its_whole_members() -> None:
    whole = '{"elements": [{"a": 1}, {"b": 2}]}'
    assert salvage(whole).objects == ({"elements": [{"a": 1}, {"b": 2}]},)
    cut = salvage(whole[:-6])
    assert cut.objects == ({"a": 1},)
    assert cut.cut


@pytest.mark.parametrize(
    "oddity",
    [
        "{'label': 'Don\\'t \"save\"', 'on': True, 'at': None}",
        '{"label": "Don\'t \\"save\\"", "on": true, "at": null,}',
    ],
)
def test_the_spelling_of_python_and_a_comma_too_many_are_understood(oddity: str) -> None:
    assert salvage(oddity).objects == ({"label": 'Don\'t "save"', "on": True, "at": None},)


def test_a_quote_that_is_not_closed_harms_its_own_line_only() -> None:
    assert salvage('[{"label": "Sav\n{"label": "Cancel"}]').objects == ({"label": "Cancel"},)


def test_braces_in_strings_are_no_structure() -> None:
    assert salvage('{"label": "a } b { c"}').objects == ({"label": "a } b { c"},)


def test_hostile_nesting_takes_no_more_than_what_is_put_together() -> None:
    saved = salvage('{"a":' * 50_000 + "1" + "}" * 50_000)
    (outer,) = saved.objects
    depth = 0
    while isinstance(outer, dict):
        outer, depth = outer["a"], depth + 1
    assert depth == DEPTH


@pytest.mark.parametrize(
    "answer",
    [
        "<think>{no}</think>[1]",
        "<think>cut",
        "no beginning</think>[1]",
        "<thinking>a</thinking>[1]",
    ],
)
def test_what_a_model_thought_aloud_is_not_its_answer(answer: str) -> None:
    assert without_thoughts(answer) in ("[1]", "")
