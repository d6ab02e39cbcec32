"""The table and the JSON of a drill."""

import json
from dataclasses import replace

from portico.drill.base import Verdict
from portico.drill.judging import Score, score
from portico.drill.report import HEAD, Drill, ended, line, result

from .plays import ANSWERED, played, scene, taken

WELL = result(scene(), played(taken(replace(ANSWERED, seconds=0.51))), Score(()))
LOST = result(scene(), one := played(taken(replace(ANSWERED, text=""))), score(one))
ABSENT = result(scene(), None, Score(()))


def test_a_row_stands_under_its_titles() -> None:
    row = line(WELL)
    for title, cell in (("answered by", "second"), ("cost $", "0.001000"), ("verdict", "ok")):
        assert row[HEAD.index(title) :].startswith(cell)
    assert "0.500" in row


def test_what_is_wrong_stands_below_the_row() -> None:
    assert LOST.verdict is Verdict.FAILED
    assert line(LOST).splitlines()[1].strip().startswith("request 1: another text")


def test_lateness_is_a_failure_like_any_other() -> None:
    late = result(scene(), played(taken()), Score((), "added 9 s"))
    assert (late.verdict, late.failures) == (Verdict.FAILED, ("added 9 s",))


def test_who_cannot_be_played_is_neither_well_nor_failed() -> None:
    told = Drill([WELL, LOST, ABSENT], 12.3)
    assert told.failed == 1
    assert ended(told) == "1 of 2 as they should be, in 12 s."
    assert "not played" in line(ABSENT)


def test_the_json_says_the_same() -> None:
    told = json.loads(Drill([WELL, LOST, ABSENT], 12.3).json)
    assert (told["failed"], told["seconds"]) == (1, 12.3)
    assert [one["verdict"] for one in told["scenes"]] == ["ok", "failed", "not played"]
    assert told["scenes"][0]["answered_by"] == {"second": 1}
    assert told["scenes"][0]["added"] == 0.5


def test_an_unknown_price_is_not_nothing() -> None:
    assert "unknown" in line(result(scene(), replace(one, usd=None), Score(())))
