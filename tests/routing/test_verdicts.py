import re

import pytest

from portico.routing.attempts import Failure, Kind
from portico.routing.verdicts import VERDICTS, Rest, Step, Verdict, judge

TABLE = """
unreachable    next    breaker  502
silent         next    breaker  504
unavailable    next    breaker  502
garbled        next    breaker  502
rate_limited   next    delay    429
quota_spent    next    reset    429
account        next    account  502
region         next    path     502
model_gone     next    gone     502
translation    repair  no       502
too_long       larger  no       413
incapable      next    no       422
refused        stop    no       200
rejected       stop    no       400
"""
"""The design's table of failures."""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_every_failure_leads_to_what_the_design_says(line: str) -> None:
    kind, step, rest, status = re.split(r" +", line)
    assert judge(Failure(Kind(kind))) == Verdict(Step(step), Rest(rest), int(status))


def test_every_kind_has_its_verdict() -> None:
    assert (
        set(VERDICTS) == set(Kind) == {Kind(line.split()[0]) for line in TABLE.split("\n") if line}
    )


def test_who_rests_is_asked_no_more_of_the_same_request() -> None:
    assert all(v.step is Step.NEXT for v in VERDICTS.values() if v.rest is not Rest.NO)
