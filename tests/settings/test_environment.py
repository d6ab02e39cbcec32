from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.settings.environment import fill


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("x-${A}-${B}", "x-one-two"),
        ("${NONE:-three}", "three"),
        ("${EMPTY:-three}", "three"),
        ("${A:-three}", "one"),
        ("${NONE:-}", None),
        ("${EMPTY}", None),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A", "$A"),
        ("${URL:-http://h:1/p}", "http://h:1/p"),
    ],
)
def test_references_are_replaced(text: str, value: str | None) -> None:
    filled = fill({"k": text}, {"A": "one", "B": "two", "EMPTY": ""})
    assert filled.tree == {"k": value}
    assert filled.faults == ()


def test_what_a_variable_holds_is_not_substituted_again() -> None:
    assert fill({"k": "${A}"}, {"A": "${B}", "B": "x"}).tree == {"k": "${B}"}


def test_an_unset_variable_is_a_fault_with_a_remedy() -> None:
    filled = fill({"roles": {"r": {"targets": ["${GONE}"]}}}, {})
    (fault,) = filled.faults
    assert fault.place == ("roles", "r", "targets", 0)
    assert fault.message == "the environment has no GONE"
    assert fault.remedy == "set GONE or write ${GONE:-default}"


def test_an_unset_key_is_empty_and_no_fault() -> None:
    filled = fill({"upstreams": {"u": {"api_key": "${GONE}"}}}, {})
    assert filled.tree == {"upstreams": {"u": {"api_key": ""}}}
    assert filled.faults == ()


@pytest.mark.parametrize("text", ["${", "${A", "${1A}", "${A:?x}", "${}", "${A-b}"])
def test_a_broken_reference_is_a_fault_that_does_not_quote(text: str) -> None:
    (fault,) = fill({"api_key": text}, {}).faults
    assert "no reference" in fault.message
    assert "$${" in fault.remedy


def test_it_remembers_which_places_the_environment_gave() -> None:
    filled = fill({"a": "${A}", "b": "${B:-x}", "c": "c"}, {"A": "1"})
    assert filled.variables == {("a",): ("A",), ("b",): ("B",)}
    assert filled.found == {("a",)}


@given(st.text(), st.text())
def test_a_value_is_only_ever_text(text: str, value: str) -> None:
    filled = fill({"k": text + "${A}"}, {"A": value})
    assert isinstance(filled.tree["k"], str | None)


@given(st.text())
def test_escaped_text_comes_through_unchanged(text: str) -> None:
    plain = text.replace("$", "")
    assert fill({"k": f"$${{{plain}"}, {}).tree == {"k": f"${{{plain}"}


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    environ = {"A_FILE": str(secret), "B": "", "B_FILE": str(secret), "C": "own"}

    filled = fill({"k": "${A}", "l": "x-${B:-y}", "m": "${C}"}, {**environ, "C_FILE": str(secret)})

    assert filled.tree == {"k": "from a file", "l": "x-from a file", "m": "own"}
    assert filled.faults == ()
    assert filled.variables[("k",)] == ("A",)


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert fill({"k": "${A:-b}"}, {"A_FILE": str(tmp_path / "empty")}).tree == {"k": "b"}


@pytest.mark.parametrize("key", ["k", "api_key"])
def test_a_file_that_cannot_be_read_is_a_fault_that_tells_no_content(
    key: str, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfesecret")
    for file, why in (("gone", "No such file or directory"), ("binary", "it is no text")):
        (fault,) = fill({key: "${A:-b}"}, {"A_FILE": str(tmp_path / file)}).faults
        assert fault.message == f"A_FILE cannot be read: {why}"
        assert fault.remedy == "mend the file, or set A itself"
