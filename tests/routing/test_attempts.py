import pytest

from portico.chat.reply import Usage
from portico.routing.attempts import (
    Abandoned,
    Answered,
    Broken,
    Failed,
    Failure,
    Kind,
    Outcome,
    outcome_name,
)


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Answered(Usage(1, 2)), "answered"),
        (Abandoned(), "abandoned"),
        (Failed(Failure(Kind.SILENT)), "silent"),
        (Broken(Failure(Kind.GARBLED)), "garbled"),
    ],
)
def test_an_outcome_has_a_name(outcome: Outcome, name: str) -> None:
    assert outcome_name(outcome) == name


@pytest.mark.parametrize("kind", Kind)
def test_a_failed_attempt_is_named_by_its_kind(kind: Kind) -> None:
    assert outcome_name(Failed(Failure(kind))) == kind == kind.value
