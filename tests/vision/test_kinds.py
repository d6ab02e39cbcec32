import pytest

from portico.vision.kinds import is_interactive, kind_of


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (("Button",), "button"),
        (("", "Search icon button"), "button"),
        (("text_field",), "input"),
        (("text box", ""), "input"),
        (("Check-box",), "checkbox"),
        (("tabs",), "tab"),
        (("gizmo", "Save"), "other"),
        (("", ""), "other"),
    ],
)
def test_an_element_is_of_the_kind_that_its_words_name(told: tuple[str, ...], kind: str) -> None:
    assert kind_of(*told) == kind


def test_whether_it_can_be_used_is_said_only_where_the_kind_tells() -> None:
    assert is_interactive("button") is True
    assert is_interactive("heading") is False
    assert is_interactive("icon") is None
