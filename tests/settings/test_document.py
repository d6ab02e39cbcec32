from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portico.errors import ConfigError, Problem
from portico.settings.document import MAX_BYTES, parse, read, resolve

SECRET = "sk-verysecret"


def refused(text: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        parse(text, "portico.yaml")
    return caught.value.problems[0]


def test_every_key_and_item_knows_its_line() -> None:
    document = parse("a:\n  b: 1\n  c:\n    - x\n    - y\n", "f")
    assert document.tree == {"a": {"b": 1, "c": ["x", "y"]}}
    assert document.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("off", "off"),
        ("yes", "yes"),
        ("12", 12),
        ("-3", -3),
        ("0.50", 0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("9" * 5000, float("inf")),
        (".inf", ".inf"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_quotes_make_text_of_anything() -> None:
    assert parse("a: '12'\nb: \"true\"\n", "f").tree == {"a": "12", "b": "true"}


def test_a_key_given_twice_is_a_fault_on_its_second_line() -> None:
    document = parse("a: 1\nb: 2\na: 3\n", "f")
    assert document.tree == {"a": 1, "b": 2}
    (fault,) = document.faults
    assert (fault.place, fault.line) == (("a",), 3)
    assert "line 1" in fault.message


def test_anchors_and_aliases_work() -> None:
    document = parse("a: &x {b: [1]}\nc: *x\n", "f")
    assert document.tree["c"] == {"b": [1]}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys"),
        ("a: !!python/object:os.system x\n", "tags"),
        ("a: !secret x\n", "tags"),
        ("? [a, b]\n: 1\n", "no word"),
    ],
)
def test_what_we_do_not_understand_is_a_fault_with_a_remedy(text: str, part: str) -> None:
    (fault,) = parse(text, "f").faults
    assert part in fault.message
    assert fault.remedy


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", None, "empty"),
        ("# nothing\n", None, "empty"),
        ("- a\n- b\n", 1, "does not hold keys"),
        ("just text\n", 1, "does not hold keys"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: 1\nb: \x07\n", 2, "character"),
        ("a: {b: ${X}}\n", 1, "not YAML"),
        ("a: " + "[" * 3000, None, "nested"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested"),
        ("a: &a [*a]\n", 1, "nested"),
    ],
)
def test_a_file_that_is_no_configuration_says_why(text: str, line: int | None, part: str) -> None:
    problem = refused(text)
    assert problem.file == "portico.yaml"
    assert problem.line == line
    assert part in problem.message
    assert problem.remedy


def test_a_billion_laughs_are_not_laughed() -> None:
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "expand" in refused("\n".join(laughs)).message


@pytest.mark.parametrize("text", [f"api_key: *{SECRET}", f'api_key: "{SECRET}', f"{SECRET}: [}}"])
def test_a_syntax_error_never_quotes_the_file(text: str) -> None:
    assert SECRET not in str(refused(text))


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be read") as caught:
            read(path)
        assert caught.value.problems[0].remedy


def test_a_file_that_is_too_large_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read(path)


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: Büro\n".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.problems[0].line == 2
    assert "UTF-8" in caught.value.problems[0].message


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "mark.yaml"
    path.write_bytes("\ufeffa: 1\n".encode())
    assert read(path).tree == {"a": 1}


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text("abc$ {}:#'é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1), TREES, min_size=1, max_size=4))
def test_what_yaml_writes_we_read(tree: dict[str, object]) -> None:
    assert parse(yaml.safe_dump(tree, allow_unicode=True), "f").tree == tree


def told(text: str) -> tuple[Problem, ...]:
    try:
        parse(text, "f")
    except ConfigError as error:
        return error.problems
    return ()


@given(st.text(max_size=60))
def test_any_text_is_either_a_document_or_a_problem_with_a_remedy(text: str) -> None:
    assert all(problem.remedy for problem in told(text))
