"""How a request ended."""

import pytest

from portico.ledger.base import Ending, ending
from portico.routing.attempts import (
    Abandoned,
    Answered,
    Broken,
    Failed,
    Failure,
    Kind,
    Outcome,
)
from tests.ledger.entries import LIMITED, attempt


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Answered(), Ending.ANSWERED),
        (Abandoned(), Ending.ABANDONED),
        (Broken(Failure(Kind.SILENT)), Ending.BROKEN),
        (LIMITED, Ending.FAILED),
        (Failed(Failure(Kind.REFUSED)), Ending.REFUSED),
    ],
)
def test_a_request_ends_as_its_last_attempt(outcome: Outcome, expected: Ending) -> None:
    assert ending([attempt(outcome=LIMITED), attempt(outcome=outcome)]) is expected


def test_a_request_that_asked_nobody_ends_as_its_maker_says() -> None:
    assert ending([]) is Ending.REFUSED
    assert ending([], Ending.ABANDONED) is Ending.ABANDONED
